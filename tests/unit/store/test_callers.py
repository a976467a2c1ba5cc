"""How callers are kept; the queries are tested on both databases in tests/contract/store."""

from gateway.model.unauthenticated import CallerHour
from gateway.store import callers, tables


def test_the_key_is_the_callers_hour() -> None:
    assert tuple(column.name for column in tables.callers.primary_key) == CallerHour._fields == callers._KEY
