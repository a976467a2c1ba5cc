"""In memory; both databases are asked in tests/contract/store."""

import pytest
from fakes.store import MemoryStore

from gateway.model.audit import AuditEntry, AuditQuery


def entry(name: str, account_id: str = "a", action: str = "create") -> AuditEntry:
    return AuditEntry(
        id=name, created_at=float(name), account_id=account_id, action=action, succeeded=True, actor_id="", actor_name="",
        interface="", address="", resource_type="token", resource_id="", resource_name="", before=None, after=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (AuditQuery(), ["4", "3", "1"]),
        (AuditQuery(descending=False), ["1", "3", "4"]),
        (AuditQuery(cursor="3"), ["1"]),
        (AuditQuery(cursor="3", descending=False), ["4"]),
        (AuditQuery(since=3.0, before=4.0), ["3"]),
        (AuditQuery(limit=2), ["4", "3"]),
        (AuditQuery(equal={"action": "delete"}), ["3"]),
    ],
)
async def test_entries_of_an_account_are_found_by_id(query: AuditQuery, found: list[str]) -> None:
    store = MemoryStore()
    for one in (entry("1"), entry("2", account_id="b"), entry("3", action="delete"), entry("4")):
        await store.audit.insert(one)
    assert [one.id for one in await store.audit.find(["a"], query)] == found


async def test_old_entries_expire() -> None:
    store = MemoryStore()
    for name in ("1", "2"):
        await store.audit.insert(entry(name))
    await store.audit.expire(2.0)
    assert store.audited == [entry("2")]
