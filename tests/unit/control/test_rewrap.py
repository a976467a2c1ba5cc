"""Seals are renewed after a rotation of the master key, whatever happens meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fakes.control import ACCOUNT, Rig, policy, running_control
from fakes.store import MemoryStore

from gateway.control.rewrap import Rewrap
from gateway.control.vault import Vault, sealed_by
from gateway.kit.secret import key_id
from gateway.model.tokens import Permission
from gateway.store.errors import StoreDown

OLD, NEW = b"m" * 32, b"n" * 32


async def fill(rig: Rig) -> None:
    await rig.make_gateway("g")
    for alias in ("one", "two"):
        body = {"provider_slug": "openai", "alias": alias, "secret": f"sk-{alias}", "default_config": False}
        assert (await rig.ai("POST", "/gateways/g/provider_configs", body)).status == 200
    custom = {"name": "Mine", "slug": "mine", "base_url": "https://x.example", "headers": '{"X-Key":"hidden"}'}
    assert (await rig.ai("POST", "/custom-providers", custom)).status == 200


async def rotated(rig: Rig) -> Rewrap:
    """With the new key, as a control that starts after a rotation has it."""
    await rig.control._rewrap.close()
    rig.control._seals.vault = Vault(NEW, [OLD])
    return rewrap_of(rig)


def rewrap_of(rig: Rig, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Rewrap:
    control = rig.control
    return Rewrap(rig.store, control._seals.vault, control._changes.turn, control._audit, pause=pause)


async def test_everything_is_sealed_anew_and_opens_as_before() -> None:
    async with running_control(MemoryStore()) as rig:
        await fill(rig)
        rewrap = await rotated(rig)
        assert await rewrap.in_use() == {key_id(OLD): 3}
        await rewrap.round()
        assert await rewrap.in_use() == {key_id(NEW): 3}
        assert f"key-check/master-key/{key_id(OLD)}" not in rig.store.all_facts, "it may be taken out of its file"  # type: ignore[attr-defined]
        rig.control._seals.vault = Vault(NEW)
        await rig.control._changes.reload()
        entry = rig.control._publisher.gateway(ACCOUNT, "g")
        assert entry is not None
        assert sorted(key.secret for key in entry.keys) == ["sk-one", "sk-two"]
        (custom,) = rig.control._publisher.accounts[ACCOUNT].custom_providers
        assert (custom.enable, custom.headers) == (False, {"X-Key": "hidden"})


async def test_a_rotation_is_in_the_audit_log_once() -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        await rig.control._rewrap.round()
        rewrap = await rotated(rig)
        await rewrap.round()
        await rewrap.round()
    told = [entry for entry in store.audited if entry.resource_type == "key"]
    assert [(entry.action, entry.before, entry.after) for entry in told] == [("roll", {"id": key_id(OLD)}, {"id": key_id(NEW)})]


async def test_what_changed_meanwhile_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        await fill(rig)
        rewrap = await rotated(rig)
        seen = await store.keys.all()
        await store.keys.delete(ACCOUNT, "g", seen[0].id)

        async def all_keys() -> list[Any]:
            return seen

        with monkeypatch.context() as patch:
            patch.setattr(store.keys, "all", all_keys)
            await rewrap.round()
        assert [sealed_by(key.sealed) for key in await store.keys.all()] == [key_id(NEW)]


async def test_a_seal_that_does_not_open_keeps_no_other_from_being_renewed(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    async with running_control(store) as rig:
        await fill(rig)
        rewrap = await rotated(rig)
        rig.control._seals.vault = rewrap._vault = Vault(NEW)
        await rewrap.round()
        assert await rewrap.in_use() == {key_id(OLD): 3}
        assert f"key-check/master-key/{key_id(OLD)}" in store.all_facts, "it is still needed"
    assert caplog.text.count("cannot be sealed anew") == 3


async def test_a_store_that_is_down_is_tried_again() -> None:
    store, pauses = MemoryStore(), []
    async with running_control(store) as rig:
        await fill(rig)
        await rotated(rig)

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            store.down = False

        rewrap = rewrap_of(rig, pause)
        store.down = True
        await rewrap._run()
        assert len(pauses) == 1
        assert await rewrap.in_use() == {key_id(NEW): 3}
        store.down = True
        with pytest.raises(StoreDown):
            await rewrap.in_use()
        store.down = False


async def test_who_may_see_which_keys_are_in_use() -> None:
    async with running_control(MemoryStore()) as rig:
        await fill(rig)
        told = (await rig.call("GET", "/service/keys")).result
        assert told["master-key"] == [{"id": key_id(OLD), "in_use": True, "seals": 3}]
        other = await rig.make_token(policy(Permission.SECRETS_WRITE))
        assert (await rig.call("GET", "/service/keys", token=other["value"])).status == 403
