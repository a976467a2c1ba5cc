"""In memory; both databases are asked in tests/contract/store."""

import pytest
from fakes.store import MemoryStore

from gateway.model.gateways import Gateway
from gateway.model.page import Page
from gateway.model.stored import StoredKey
from gateway.store.errors import Conflict


def key(number: int, alias: str = "default") -> StoredKey:
    return StoredKey(
        id=str(number), account_id="a", gateway_id="g", provider="openai", alias=alias, default_config=False, sealed=b"s",
        preview="…", rate_limit=None, rate_limit_period=None, created_at=number, modified_at=number,
    )  # fmt: skip


async def test_an_alias_is_taken_once_for_a_provider_and_keys_go_with_their_gateway() -> None:
    store = MemoryStore("a")
    await store.gateways.insert(Gateway(account_id="a", id="g", internal_id="g", created_at=1, modified_at=1))
    await store.keys.insert(key(1))
    with pytest.raises(Conflict):
        await store.keys.insert(key(2))
    await store.keys.insert(key(3, "other"))
    found, total = await store.keys.page("a", "g", Page(per_page=1))
    assert ([one.id for one in found], total) == (["3"], 2)
    await store.gateways.delete("a", "g")
    assert await store.keys.all() == []
