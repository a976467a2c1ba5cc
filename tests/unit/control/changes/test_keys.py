"""A provider key is sealed, stored, audited and published in one command."""

from dataclasses import replace

import pytest
from fakes.settings import AUTHOR, GATEWAY, KEY, PLACE, SettingsRig, other

from gateway.model.faults import CONFLICT, NOT_FOUND, Refusal
from gateway.model.gateways import Gateway
from gateway.model.stored import StoredKey


async def rig_with_gateway() -> SettingsRig:
    rig = SettingsRig()
    await rig.changes.gateways.create(GATEWAY, AUTHOR)
    return rig


async def store_key(rig: SettingsRig, key: StoredKey, secret: str) -> StoredKey:
    async def draft(gateway: Gateway) -> StoredKey:
        assert gateway == GATEWAY
        return key

    return await rig.changes.keys.create(PLACE, draft, secret, AUTHOR)


async def test_a_key_lives_changes_and_ends() -> None:
    rig = await rig_with_gateway()
    made = await store_key(rig, KEY, "sk-secret-of-many-characters")
    assert (rig.secrets, made.preview) == ({"default": "sk-secret-of-many-characters"}, "sk-…ters")
    await rig.changes.keys.replace(PLACE, "k", lambda old: replace(old, modified_at=5.0), "sk-2", AUTHOR)
    assert rig.secrets == {"default": "sk-2"}
    assert rig.store.audited[-1].after == {"replaced": True}
    await rig.changes.keys.delete(PLACE, "k", AUTHOR)
    assert (rig.secrets, await rig.store.keys.all()) == ({}, [])
    assert "sk-" not in str(rig.store.audited)


async def test_the_newest_default_is_the_only_one() -> None:
    rig = await rig_with_gateway()
    for alias in ("one", "two"):
        await store_key(rig, other(KEY, alias), alias)
    assert {key.alias: key.default_config for key in await rig.store.keys.all()} == {"one": False, "two": True}


async def test_what_is_taken_or_missing_is_refused() -> None:
    rig = await rig_with_gateway()
    await store_key(rig, KEY, "sk-1")
    with pytest.raises(Refusal) as taken:
        await store_key(rig, replace(KEY, id="k2"), "sk-2")
    with pytest.raises(Refusal) as missing:
        await rig.changes.keys.delete(("a", "x"), "k", AUTHOR)
    assert (taken.value.fault, missing.value.fault) == (CONFLICT, NOT_FOUND)
    assert rig.secrets == {"default": "sk-1"}
