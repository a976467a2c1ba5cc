"""A custom provider is stored, audited and published in one command, and its keys follow it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes.settings import AUTHOR, CUSTOM, GATEWAY, KEY, SettingsRig

from gateway.model.faults import CONFLICT, Refusal
from gateway.model.stored import StoredCustomProvider, StoredKey


async def rig_with_key() -> SettingsRig:
    rig = SettingsRig()
    await rig.changes.gateways.create(GATEWAY, AUTHOR)
    await rig.changes.custom_providers.create(CUSTOM, AUTHOR)
    own = replace(KEY, provider="custom-s", custom_id="c", origin="https://x.example")
    await rig.store.keys.insert(rig.seals.seal_key(own, "sk-1"))
    await rig.changes.reload()
    return rig


async def test_its_keys_follow_to_another_name_and_address() -> None:
    rig = await rig_with_key()

    def change(old: StoredCustomProvider, keys: Sequence[StoredKey]) -> StoredCustomProvider:
        assert [key.id for key in keys] == ["k"]
        return replace(old, slug="t", base_url="https://y.example")

    await rig.changes.custom_providers.update("a", "c", change, AUTHOR)
    assert [(key.provider, key.secret) for key in rig.entry.keys] == [("custom-t", "sk-1")]
    assert [custom.base_url for custom in rig.publisher.accounts["a"].custom_providers] == ["https://y.example"]
    before = rig.entry.keys
    await rig.changes.reload()
    assert rig.entry.keys == before, "the store says the same"


async def test_a_slug_that_is_taken_moves_no_key() -> None:
    rig = await rig_with_key()
    await rig.changes.custom_providers.create(replace(CUSTOM, id="d", slug="t"), AUTHOR)
    with pytest.raises(Refusal) as refusal:
        await rig.changes.custom_providers.update("a", "c", lambda old, _: replace(old, slug="t"), AUTHOR)
    assert refusal.value.fault is CONFLICT
    assert [key.provider for key in await rig.store.keys.all()] == ["custom-s"]


async def test_deleting_it_ends_its_keys() -> None:
    rig = await rig_with_key()
    await rig.changes.custom_providers.delete("a", "c", AUTHOR)
    assert (rig.entry.keys, await rig.store.keys.all()) == ((), [])
    assert rig.publisher.accounts["a"].custom_providers == ()
    assert rig.told[-1] == ("delete", "custom_provider")
