"""A gateway is stored, audited and published in one command."""

from dataclasses import replace

import pytest
from fakes.settings import AUTHOR, GATEWAY, PLACE, SettingsRig

from gateway.model.faults import CONFLICT, NOT_FOUND, Refusal
from gateway.model.gateways import DEFAULT_GATEWAY_ID


async def test_what_is_stored_is_published_and_told() -> None:
    rig = SettingsRig()
    await rig.changes.gateways.create(GATEWAY, AUTHOR)
    changed = await rig.changes.gateways.update(PLACE, lambda old: replace(old, zdr=True), AUTHOR)
    assert changed == replace(GATEWAY, zdr=True) == rig.entry.gateway == await rig.store.gateways.get(*PLACE)
    assert rig.store.audited[-1].after == {"zdr": True}
    await rig.changes.gateways.delete(PLACE, AUTHOR)
    assert (rig.publisher.gateway(*PLACE), await rig.store.gateways.get(*PLACE)) == (None, None)
    assert rig.told == [(action, "gateway") for action in ("create", "update", "delete")]


async def test_a_refused_change_publishes_and_tells_nothing() -> None:
    rig = SettingsRig()
    await rig.changes.gateways.create(GATEWAY, AUTHOR)
    with pytest.raises(Refusal) as taken:
        await rig.changes.gateways.create(replace(GATEWAY, zdr=True), AUTHOR)
    with pytest.raises(Refusal) as missing:
        await rig.changes.gateways.update(("a", "x"), lambda old: old, AUTHOR)
    assert (taken.value.fault, missing.value.fault) == (CONFLICT, NOT_FOUND)
    assert (rig.entry.gateway.zdr, rig.told) == (False, [("create", "gateway")])


async def test_the_default_is_made_once_for_accounts_that_exist() -> None:
    rig = SettingsRig()
    await rig.changes.reload()
    assert [await rig.changes.gateways.open_default(account) for account in ("a", "a", "x")] == [True, True, False]
    assert [gateway.id for gateway in await rig.store.gateways.all()] == [DEFAULT_GATEWAY_ID]
    assert rig.store.audited[0].actor_name == "service"
