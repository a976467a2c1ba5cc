"""That the answers are right is tested on both databases in tests/contract/store; here: what the statements are made of."""

from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import tables
from gateway.store.log_query import KEYS, OPERATORS, ORDERS, Condition, Kind, LogQuery, Value
from gateway.store.log_sql import chosen, ordering, scope

CANARY = "canary'\"--"
DIALECTS = [sqlite.dialect(), postgresql.asyncpg.dialect()]  # type: ignore[no-untyped-call]


def _values(kind: Kind) -> tuple[Value, ...]:
    texts: tuple[Value, ...] = (CANARY, CANARY + "É")
    given: dict[Kind, tuple[Value, ...]] = {
        Kind.TEXT: texts,
        Kind.METADATA: texts,
        Kind.BOOLEAN: (True,),
        Kind.MOMENT: ((1.0, 2.0), (3.0, 4.0)),
    }
    return given.get(kind, (0.5,))


@pytest.mark.parametrize(("key", "dialect"), list(product(KEYS, DIALECTS)), ids=lambda one: getattr(one, "name", one))
def test_values_are_parameters_and_never_text_of_the_statement(key, dialect):
    for operator in OPERATORS[KEYS[key]]:
        for entry in (None, CANARY):
            query = LogQuery(conditions=(Condition(key, operator, _values(KEYS[key]), entry),), search=CANARY + "é")
            statement = select(tables.records.c.id).where(scope(CANARY, CANARY, 1.0, 2.0), *chosen(query))
            assert "canary" not in str(statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


@pytest.mark.parametrize("order_by", ORDERS)
def test_orders_are_total(order_by):
    """Ties end at the id, so that no row is on two pages."""
    for descending, word in ((True, "DESC"), (False, "ASC")):
        columns = [str(column) for column in ordering(LogQuery(order_by=order_by, descending=descending))]
        assert columns[-2:] == [f"records.created_at {word}", f"records.id {word}"]
        assert len(columns) == (2 if order_by == "created_at" else 3)


@pytest.mark.parametrize(("since", "before", "bounds"), [(None, None, 2), (1.0, None, 3), (None, 1.0, 3), (1.0, 2.0, 4)])
def test_a_scope_is_what_the_index_finds(since, before, bounds):
    assert len(scope("a", "g", since, before).clauses) == bounds
