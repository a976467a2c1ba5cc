"""The statements of sessions name every column. What they do is in tests/contract/store."""

from gateway.store import sessions
from gateway.store.port import StoredSession


def test_a_session_has_the_columns_of_its_row() -> None:
    assert set(sessions._COLUMNS) == set(StoredSession.__dataclass_fields__)
