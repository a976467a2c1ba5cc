"""What follows a rotation of the pepper."""

import pytest
from fakes.control import running_control
from fakes.store import MemoryStore

from gateway.control.rotations import PepperRotation, tell_rotation
from gateway.kit.secret import key_id
from gateway.store.errors import StoreDown

OLD, NEW = b"p" * 32, b"n" * 32


async def rotated(store: MemoryStore, *peppers: bytes) -> None:
    pepper, *older = peppers
    async with running_control(store, pepper=pepper, older_peppers=tuple(older)) as rig:
        await rig.control._pepper_rotation._run()


async def test_a_rotation_is_in_the_audit_log_once() -> None:
    store = MemoryStore()
    for peppers in ([OLD], [OLD], [NEW, OLD], [NEW, OLD]):
        await rotated(store, *peppers)
    told = [entry for entry in store.audited if entry.resource_name == "pepper"]
    assert [(entry.action, entry.before, entry.after) for entry in told] == [("roll", {"id": key_id(OLD)}, {"id": key_id(NEW)})]


async def test_older_digests_are_kept_for_as_long_as_there_are_older_peppers() -> None:
    store = MemoryStore()
    await rotated(store, NEW, OLD)
    (token,) = store.all_tokens.values()
    assert token.older_digest is not None
    await rotated(store, NEW, OLD)
    assert store.all_tokens[token.id].older_digest == token.older_digest
    store.put_fact(f"key-check/pepper/{key_id(OLD)}", "retired")
    await rotated(store, NEW)
    assert store.all_tokens[token.id].older_digest is None


async def test_a_store_that_is_down_is_tried_again() -> None:
    store, pauses = MemoryStore(), []
    async with running_control(store, pepper=NEW, older_peppers=(OLD,)) as rig:

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            store.down = False

        store.put_fact("pepper-in-use", key_id(OLD))
        store.down = True
        await PepperRotation(store.facts, store.tokens, rig.control._audit, rig.control._peppers, pause=pause)._run()
        assert len(pauses) == 1
        assert store.all_facts["pepper-in-use"] == key_id(NEW)
        store.down = True
        with pytest.raises(StoreDown):
            await tell_rotation(store.facts, rig.control._audit, "pepper", key_id(OLD))
        store.down = False
