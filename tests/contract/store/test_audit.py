"""Entries of the audit log, and the changes they come with."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.model.audit import AuditEntry, AuditQuery
from gateway.store.errors import Conflict

ENTRY = AuditEntry(
    id="01", created_at=1.0, account_id="a", action="create", succeeded=True, actor_id="t", actor_name="n", interface="dash",
    address="192.0.2.1", resource_type="gateway", resource_id="g", resource_name="g", before=None, after={"x": [1, "é", None]},
)  # fmt: skip


async def test_entries_by_account_period_and_value(store: Any) -> None:
    others = [
        replace(ENTRY, id="02", created_at=2.0, account_id=""),
        replace(ENTRY, id="03", created_at=3.0, action="delete", before={}, after=None),
        replace(ENTRY, id="04", created_at=4.0, account_id="b"),
    ]
    for entry in (ENTRY, *others):
        await store.audit.insert(entry)

    async def found(*accounts: str, **query: Any) -> list[str]:
        return [entry.id for entry in await store.audit.find(accounts, AuditQuery(**query))]

    assert await store.audit.find(["a"], AuditQuery()) == [others[1], ENTRY]
    assert await found("a", "") == ["03", "02", "01"]
    assert await found("a", "", descending=False, limit=2) == ["01", "02"]
    assert await found("a", "", cursor="03") == ["02", "01"]
    assert await found("a", "", cursor="01", descending=False) == ["02", "03"]
    assert await found("a", "", since=2.0, before=3.0) == ["02"]
    assert await found("a", equal={"action": "delete", "actor_id": "t"}) == ["03"]
    assert await found("nobody") == []
    await store.audit.expire(3.0)
    assert await found("a", "", "b") == ["04", "03"]


async def test_a_change_and_its_entry_are_one(store: Any, samples: Any) -> None:
    token = samples.token()
    await store.tokens.insert(token, replace(ENTRY, account_id=token.account_id))
    assert [entry.id for entry in await store.audit.find([token.account_id], AuditQuery())] == ["01"]
    with pytest.raises(Conflict):
        await store.tokens.insert(token, replace(ENTRY, id="02", account_id=token.account_id))
    with pytest.raises(Conflict):
        await store.tokens.delete(token.id, ENTRY)
    assert await store.tokens.get(token.id) == token, "an entry that cannot be written keeps its change from happening"
    assert [entry.id for entry in await store.audit.find([token.account_id], AuditQuery())] == ["01"]
