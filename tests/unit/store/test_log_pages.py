"""Answers are tested on both databases in tests/contract/store; here: that pages need no scan, by SQLite's own account."""

import sqlite3

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite

from gateway.store.log_pages import Finder
from gateway.store.log_query import EVERYTHING, Condition, LogQuery
from gateway.store.schema import migrate


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "log.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    opened = sqlite3.connect(path)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("query", "covered"),
    [
        (EVERYTHING, True),
        (LogQuery(since=1.0, before=2.0, descending=False), True),
        (LogQuery(conditions=(Condition("success", "eq", (False,)),)), True),
        (LogQuery(conditions=(Condition("cost", "gt", (1.0,)), Condition("tokens", "lt", (9.0,)))), True),
        (LogQuery(conditions=(Condition("user_agent", "eq", ("m",)),)), False),
    ],
)
def test_ids_come_from_the_index_in_its_order(database, query, covered):
    statement = Finder(None, "a", "g", query, None).ids(50, 100)  # type: ignore[arg-type]
    compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup]
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    kind = "COVERING INDEX" if covered else "INDEX"
    assert len(plan) == 1, f"no sorting: {plan}"
    assert plan[0].startswith(f"SEARCH records USING {kind} ix_records_newest (account_id=? AND gateway_id=?")
