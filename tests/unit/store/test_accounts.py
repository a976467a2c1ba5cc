"""In memory; both databases are asked in tests/contract/store."""

from fakes.store import MemoryStore

from gateway.model.stored import Account


async def test_accounts_are_listed_by_age_and_found_by_id() -> None:
    store = MemoryStore()
    young, old = Account(id="a", name="A", created_at=2.0), Account(id="b", name="B", created_at=1.0)
    for one in (young, old):
        await store.accounts.insert(one)
    assert await store.accounts.all() == [old, young]
    assert (await store.accounts.get("a"), await store.accounts.get("x")) == (young, None)
