"""Provider keys and custom providers: the store sees ciphertext only."""

from dataclasses import replace

import pytest

from gateway.model.page import Page
from gateway.store.errors import Conflict


@pytest.fixture
async def home(store, samples):
    await store.gateways.insert(samples.gateway())
    return store


async def test_every_field_of_a_key_survives(home, samples):
    full, bare = (
        samples.key(),
        samples.key(alias="b", default_config=False, rate_limit=None, rate_limit_period=None, created_at=2e9),
    )
    for key in (full, bare):
        await home.keys.insert(key)
        assert await home.keys.get(key.account_id, key.gateway_id, key.id) == key
    assert await home.keys.all() == [full, bare]


async def test_a_key_is_found_only_where_it_belongs(home, samples):
    key = samples.key()
    await home.keys.insert(key)
    for account, gateway, name in [
        ("b" * 32, key.gateway_id, key.id),
        (key.account_id, "other", key.id),
        (key.account_id, key.gateway_id, "x"),
    ]:
        assert await home.keys.get(account, gateway, name) is None
        await home.keys.delete(account, gateway, name)
        await home.keys.update(replace(key, account_id=account, gateway_id=gateway, id=name, preview="changed"))
    assert await home.keys.all() == [key]


async def test_an_alias_is_taken_once_per_provider_and_gateway(home, samples):
    await home.gateways.insert(samples.gateway(id="second", internal_id="another"))
    await home.keys.insert(samples.key())
    for free in ({"alias": "other"}, {"provider": "anthropic"}, {"gateway_id": "second"}):
        await home.keys.insert(samples.key(**free))
    with pytest.raises(Conflict):
        await home.keys.insert(samples.key())
    third = samples.key(alias="third")
    await home.keys.insert(third)
    with pytest.raises(Conflict):
        await home.keys.update(replace(third, alias="default"))


async def test_a_key_needs_its_gateway(home, samples):
    with pytest.raises(Conflict, match="belongs to"):
        await home.keys.insert(samples.key(gateway_id="gone"))


async def test_keys_are_changed_listed_and_deleted(home, samples):
    keys = [samples.key(alias=str(number), created_at=float(number)) for number in range(3)]
    for key in keys:
        await home.keys.insert(key)
    changed = replace(keys[0], sealed=b"rotated", preview="…", rate_limit=None, modified_at=9.5)
    await home.keys.update(changed)
    assert await home.keys.page(samples.account_id, "my-gateway", Page(per_page=2)) == ([keys[2], keys[1]], 3)
    assert await home.keys.page(samples.account_id, "my-gateway", Page(page=2, per_page=2)) == ([changed], 3)
    await home.keys.delete(samples.account_id, "my-gateway", keys[1].id)
    assert await home.keys.page(samples.account_id, "my-gateway", Page()) == ([keys[2], changed], 2)


async def test_keys_of_a_custom_provider_go_with_it(home, samples):
    mine, other = samples.custom_provider(), samples.custom_provider(slug="other")
    await home.gateways.insert(samples.gateway(id="second", internal_id="another"))
    for provider in (mine, other):
        await home.custom_providers.insert(provider)
        assert await home.custom_providers.by_slug(samples.account_id, provider.slug) == provider
    assert await home.custom_providers.by_slug("b" * 32, mine.slug) is None
    keys = [
        samples.key(
            gateway_id=gateway_id, provider=f"custom-{owner.slug}", custom_id=owner.id, origin="https://x", hosts=["h.example"]
        )
        for owner in (mine, other)
        for gateway_id in ("my-gateway", "second")
    ]
    plain = samples.key()
    for key in (*keys, plain):
        await home.keys.insert(key)
    assert await home.keys.of_custom(samples.account_id, mine.id) == keys[:2]
    assert await home.keys.of_custom("b" * 32, mine.id) == []
    await home.custom_providers.delete(samples.account_id, mine.id)
    assert {key.id for key in await home.keys.all()} == {key.id for key in (*keys[2:], plain)}
    with pytest.raises(Conflict, match="belongs to"):
        await home.keys.insert(samples.key(alias="late", custom_id=mine.id))


async def test_custom_providers_live_and_change(store, samples):
    full = samples.custom_provider()
    bare = samples.custom_provider(
        slug="bare",
        description=None,
        link=None,
        sealed_headers=None,
        curl_example=None,
        js_example=None,
        logo=None,
        created_at=2e9,
    )
    for provider in (full, bare):
        await store.custom_providers.insert(provider)
        assert await store.custom_providers.get(provider.account_id, provider.id) == provider
    assert await store.custom_providers.all() == [bare, full]
    changed = replace(full, enable=False, beta=True, sealed_headers=None, name="Renamed")
    await store.custom_providers.update(changed)
    assert await store.custom_providers.page(samples.account_id, Page()) == ([bare, changed], 2)
    await store.custom_providers.delete("b" * 32, full.id)
    assert await store.custom_providers.get(samples.account_id, full.id) == changed
    await store.custom_providers.delete(samples.account_id, full.id)
    assert await store.custom_providers.get(samples.account_id, full.id) is None


async def test_a_slug_is_taken_once_per_account(store, samples):
    await store.custom_providers.insert(samples.custom_provider())
    with pytest.raises(Conflict):
        await store.custom_providers.insert(samples.custom_provider())
    await store.accounts.insert(samples.account(id="b" * 32))
    await store.custom_providers.insert(samples.custom_provider(account_id="b" * 32))
    assert (await store.custom_providers.page(samples.account_id, Page()))[1] == 1


@pytest.mark.parametrize(("search", "found"), [("vllm", {"a", "b"}), ("100%", {"b"}), ("a_", set()), ("A", {"a"})])
async def test_custom_providers_are_searched_by_name_and_slug(store, samples, search, found):
    await store.custom_providers.insert(samples.custom_provider(slug="a", name="vLLM"))
    await store.custom_providers.insert(samples.custom_provider(slug="b", name="100% vllm"))
    rows, count = await store.custom_providers.page(samples.account_id, Page(), search)
    assert {provider.slug for provider in rows} == found
    assert count == len(found)
