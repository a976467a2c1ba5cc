"""Accounts, gateways and the service's own settings."""

from dataclasses import replace

import pytest

from gateway.model.page import Page
from gateway.store.errors import Conflict
from gateway.store.log_query import EVERYTHING


async def test_accounts_come_back_as_they_went_in(empty_store, samples):
    second = samples.account(id="b" * 32, created_at=samples.account().created_at + 1)
    await empty_store.accounts.insert(second)
    await empty_store.accounts.insert(samples.account())
    assert await empty_store.accounts.all() == [samples.account(), second]
    assert await empty_store.accounts.get(second.id) == second
    assert await empty_store.accounts.get("nobody") is None
    with pytest.raises(Conflict):
        await empty_store.accounts.insert(second)


async def test_every_field_of_a_gateway_survives(store, samples):
    full, plain = samples.gateway(), samples.plain_gateway("plain")
    for gateway in (full, plain):
        await store.gateways.insert(gateway)
        found = await store.gateways.get(gateway.account_id, gateway.id)
        assert found == gateway
        assert repr(found) == repr(gateway), "types too: 1 is not True, 5.0 is not 5"
    assert await store.gateways.all() == [full, plain]


async def test_a_gateway_is_updated_whole_and_alone(store, samples):
    before, neighbour = samples.gateway(), samples.plain_gateway("neighbour")
    await store.gateways.insert(before)
    await store.gateways.insert(neighbour)
    after = replace(before, authentication=True, spend_limits=None, cache_ttl=300, modified_at=2e9)
    await store.gateways.update(after)
    assert await store.gateways.get(before.account_id, before.id) == after
    assert await store.gateways.get(neighbour.account_id, neighbour.id) == neighbour


async def test_updating_what_is_gone_does_not_bring_it_back(store, samples):
    await store.gateways.update(samples.gateway())
    assert await store.gateways.all() == []


async def test_taken_ids_conflict(store, samples):
    await store.gateways.insert(samples.gateway())
    with pytest.raises(Conflict):
        await store.gateways.insert(samples.gateway())
    other = samples.account(id="b" * 32)
    await store.accounts.insert(other)
    await store.gateways.insert(samples.gateway(account_id=other.id))
    assert len(await store.gateways.all()) == 2


async def test_a_gateway_needs_its_account(store, samples):
    with pytest.raises(Conflict, match="belongs to"):
        await store.gateways.insert(samples.gateway(account_id="nobody"))


async def test_gateways_are_listed_newest_first_by_account(store, samples):
    await store.accounts.insert(samples.account(id="b" * 32))
    await store.gateways.insert(samples.plain_gateway("theirs", account_id="b" * 32))
    names = [f"g{number}" for number in range(7)]
    for number, name in enumerate(names):
        await store.gateways.insert(samples.plain_gateway(name, created_at=float(number)))
    pages = [await store.gateways.page(samples.account_id, Page(page=page, per_page=3)) for page in (1, 2, 3, 4)]
    assert [[gateway.id for gateway in rows] for rows, _ in pages] == [["g6", "g5", "g4"], ["g3", "g2", "g1"], ["g0"], []]
    assert {count for _, count in pages} == {7}


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (Page(page=0, per_page=2), 2),
        (Page(page=-5, per_page=2), 2),
        (Page(page=10**30, per_page=2), 0),
        (Page(page=1, per_page=0), 0),
        (Page(page=1, per_page=-1), 0),
        (Page(page=1, per_page=10**30), 3),
        (Page(page=1, per_page=3), 3),
    ],
)
async def test_absurd_pages_are_harmless(store, samples, page, seen):
    for name in ("a", "b", "c"):
        await store.gateways.insert(samples.plain_gateway(name))
    rows, count = await store.gateways.page(samples.account_id, page)
    assert (len(rows), count) == (seen, 3)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", {"prod_eu", "prod-us", "test%1", "a/b\\c"}),
        ("prod", {"prod_eu", "prod-us"}),
        ("PROD", {"prod_eu", "prod-us"}),
        ("d_e", {"prod_eu"}),
        ("_", {"prod_eu"}),
        ("%", {"test%1"}),
        ("/", {"a/b\\c"}),
        ("\\", {"a/b\\c"}),
        ("' OR 1=1 --", set()),
        ("\0", set()),
        ("\ud800", set()),
        ("x" * 9000, set()),
    ],
)
async def test_search_takes_text_literally(store, samples, search, found):
    for name in ("prod_eu", "prod-us", "test%1", "a/b\\c"):
        await store.gateways.insert(samples.plain_gateway(name))
    rows, count = await store.gateways.page(samples.account_id, Page(), search)
    assert {gateway.id for gateway in rows} == found
    assert count == len(found)


async def test_a_gateway_leaves_with_its_keys_and_logs_only(store, samples):
    for name in ("my-gateway", "stays"):
        await store.gateways.insert(samples.plain_gateway(name))
        await store.keys.insert(samples.key(gateway_id=name))
        await store.log.insert([samples.record(gateway_id=name)])
    await store.gateways.delete(samples.account_id, "my-gateway")
    assert [gateway.id for gateway in await store.gateways.all()] == ["stays"]
    assert [key.gateway_id for key in await store.keys.all()] == ["stays"]
    assert (await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page()))[1] == 0
    assert (await store.log.page(samples.account_id, "stays", EVERYTHING, Page()))[1] == 1
    await store.gateways.delete(samples.account_id, "never-was")


async def test_settings_are_put_and_replaced(empty_store):
    assert await empty_store.facts.get("bootstrap") is None
    await empty_store.facts.put("bootstrap", "one")
    await empty_store.facts.put("other", "x")
    await empty_store.facts.put("bootstrap", "two")
    assert await empty_store.facts.get("bootstrap") == "two"
    assert await empty_store.facts.get("other") == "x"


async def test_settings_are_found_by_how_their_names_begin(empty_store):
    for name in ("key-check/pepper/1", "key-check/master-key/1", "key_check/x", "key-chec%", "bootstrap"):
        await empty_store.facts.put(name, name.upper())
    assert await empty_store.facts.beginning("key-check/") == {
        "key-check/pepper/1": "KEY-CHECK/PEPPER/1",
        "key-check/master-key/1": "KEY-CHECK/MASTER-KEY/1",
    }
    assert set(await empty_store.facts.beginning("key-chec%")) == {"key-chec%"}
    assert await empty_store.facts.beginning("none") == {}
