"""What is committed is what every edge has, whatever happens in between."""

from dataclasses import replace

import pytest
from fakes.control import MovableClock
from fakes.link import FakeEdgeConnection
from fakes.store import MemoryStore

from gateway.control.changes import Changes, headers_context, key_context
from gateway.control.publisher import Publisher
from gateway.control.vault import Vault
from gateway.link.frames import Snapshot
from gateway.model.gateways import Gateway
from gateway.model.stored import Account, StoredCustomProvider, StoredKey
from gateway.store.errors import StoreDown

GATEWAY = Gateway(account_id="a", id="g", internal_id="i", created_at=1, modified_at=1)
KEY = StoredKey(
    id="k", account_id="a", gateway_id="g", provider="openai", alias="default", default_config=True, sealed=b"", preview="",
    rate_limit=None, rate_limit_period=None, created_at=1, modified_at=1,
)  # fmt: skip
CUSTOM = StoredCustomProvider(
    id="c", account_id="a", name="n", slug="s", base_url="https://x.example", description=None, link=None, enable=True,
    beta=False, sealed_headers=None, curl_example=None, js_example=None, position=0, logo=None, created_at=1, modified_at=1,
)  # fmt: skip


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def changes(store: MemoryStore) -> Changes:
    clock = MovableClock()
    publisher = Publisher(clock, expected_edges=0, revoke_timeout_s=1)
    return Changes(store, Vault(b"m" * 32), publisher, clock)


async def _fill(store: MemoryStore, changes: Changes) -> None:
    await store.accounts.insert(Account(id="a", name="A", created_at=1))
    await store.gateways.insert(GATEWAY)
    await store.keys.insert(replace(KEY, sealed=changes.vault.seal("sk-1", key_context(KEY))))
    headers = changes.vault.seal('{"x":"1"}', headers_context(CUSTOM))
    await store.custom_providers.insert(replace(CUSTOM, sealed_headers=headers))


async def test_reload_opens_what_is_sealed(store: MemoryStore, changes: Changes) -> None:
    await _fill(store, changes)
    changes.stale = True
    await changes.reload()
    entry = changes.publisher.gateway("a", "g")
    assert entry is not None
    assert [key.secret for key in entry.keys] == ["sk-1"]
    assert changes.publisher.accounts["a"].custom_providers[0].headers == {"x": "1"}
    assert changes.stale is False


async def test_what_does_not_open_is_left_out_and_the_rest_goes_on(
    store: MemoryStore, changes: Changes, caplog: pytest.LogCaptureFixture
) -> None:
    await _fill(store, changes)
    changes.vault = Vault(b"x" * 32)
    await changes.reload()
    entry = changes.publisher.gateway("a", "g")
    assert entry is not None
    assert entry.keys == ()
    custom = changes.publisher.accounts["a"].custom_providers[0]
    assert (custom.enable, custom.headers) == (False, {}), "without its credentials it is off"
    assert "sk-1" not in caplog.text


async def test_a_key_moved_to_another_row_does_not_open(store: MemoryStore, changes: Changes) -> None:
    await _fill(store, changes)
    stolen = (await store.keys.all())[0]
    await store.keys.insert(replace(stolen, id="k2", alias="other"))
    await changes.reload()
    entry = changes.publisher.gateway("a", "g")
    assert entry is not None
    assert [key.alias for key in entry.keys] == ["default"]


async def test_a_write_nobody_knows_the_end_of_makes_the_settings_stale(store: MemoryStore, changes: Changes) -> None:
    store.down = True
    with pytest.raises(StoreDown):
        async with changes.turn():
            await store.gateways.insert(GATEWAY)
    assert changes.stale is True
    edge = FakeEdgeConnection()
    changes.publisher.joined(edge)
    changes.publisher.is_ready(edge, "w", 0)
    store.down = False
    await changes.reload()
    assert [type(frame) for frame in edge.sent] == [Snapshot]


def test_keys_and_custom_providers_are_replaced_one_by_one(changes: Changes) -> None:
    other = replace(KEY, alias="other")
    changes.put_gateway(GATEWAY)
    changes.put_key(GATEWAY, KEY, "one")
    changes.put_key(GATEWAY, other, "two")
    changes.put_key(GATEWAY, KEY, "three")
    changes.put_gateway(replace(GATEWAY, zdr=True))
    entry = changes.publisher.gateway("a", "g")
    assert entry is not None
    assert entry.gateway.zdr is True
    assert {key.alias: key.secret for key in entry.keys} == {"default": "three", "other": "two"}
    changes.remove_key(GATEWAY, other)
    changes.put_account("a")
    changes.put_custom(CUSTOM)
    changes.put_custom(replace(CUSTOM, slug="t"))
    entry = changes.publisher.gateway("a", "g")
    assert entry is not None
    assert [key.alias for key in entry.keys] == ["default"]
    assert [custom.slug for custom in changes.publisher.accounts["a"].custom_providers] == ["t"]
    changes.remove_custom(CUSTOM)
    assert changes.publisher.accounts["a"].custom_providers == ()
