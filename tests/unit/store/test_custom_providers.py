"""In memory; both databases are asked in tests/contract/store."""

import pytest
from fakes.store import MemoryStore

from gateway.model.page import Page
from gateway.model.stored import StoredCustomProvider
from gateway.store.errors import Conflict


def provider(number: int, slug: str, **fields: bool) -> StoredCustomProvider:
    return StoredCustomProvider(
        id=str(number), account_id="a", name=f"Name {slug}", slug=slug, base_url="https://x.example", description=None,
        link=None, enable=fields.get("enable", True), beta=fields.get("beta", False), sealed_headers=None, curl_example=None,
        js_example=None, position=0, logo=None, created_at=number, modified_at=number,
    )  # fmt: skip


async def test_providers_are_found_by_text_and_by_their_switches() -> None:
    store = MemoryStore("a")
    for one in (provider(1, "one", beta=True), provider(2, "two"), provider(3, "three", enable=False)):
        await store.custom_providers.insert(one)

    async def found(search: str = "", **switches: bool) -> list[str]:
        return [one.slug for one in (await store.custom_providers.page("a", Page(), search, switches))[0]]

    assert await found() == ["three", "two", "one"]
    assert await found("T") == ["three", "two"]
    assert await found(enable=True, beta=False) == ["two"]
    assert await store.custom_providers.by_slug("a", "two") == provider(2, "two")
    with pytest.raises(Conflict):
        await store.custom_providers.update(provider(3, "two"))
