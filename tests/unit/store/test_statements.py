"""The statements of every table: keys, columns, and an entry of the audit log that stands or falls with its change."""

import pytest
from fakes.store import MemoryStore
from sqlalchemy.dialects import sqlite

from gateway.model.audit import AuditEntry
from gateway.model.stored import Account
from gateway.store import tables
from gateway.store.errors import Conflict
from gateway.store.statements import having, replacing, values_of

ACCOUNT = Account(id="a", name="A", created_at=1.5)
ENTRY = AuditEntry(
    id="e", created_at=1.0, account_id="a", action="create", succeeded=True, actor_id="", actor_name="service",
    interface="", address="", resource_type="account", resource_id="a", resource_name="A", before=None, after={"name": "A"},
)  # fmt: skip


def sql(statement: object) -> str:
    return str(statement.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]


def test_a_noun_gives_a_value_for_each_column_but_those_left_out() -> None:
    assert values_of(tables.accounts, ACCOUNT) == {"id": "a", "name": "A", "created_at": 1.5}
    assert values_of(tables.accounts, ACCOUNT, "id") == {"name": "A", "created_at": 1.5}


def test_a_key_may_have_parts() -> None:
    assert sql(having(tables.gateways, account_id="a", id="g")) == "gateways.account_id = ? AND gateways.id = ?"


def test_a_replacement_leaves_the_key_alone() -> None:
    assert sql(replacing(tables.accounts, ACCOUNT, "id")) == "UPDATE accounts SET name=?, created_at=? WHERE accounts.id = ?"


async def test_an_entry_is_written_with_its_change_and_not_without() -> None:
    store = MemoryStore()
    await store.accounts.insert(ACCOUNT, ENTRY)
    assert store.audited == [ENTRY]
    with pytest.raises(Conflict):
        await store.accounts.insert(ACCOUNT, ENTRY)
    assert store.audited == [ENTRY]
