"""A store that cannot be opened is tried again; one that is of no use is not."""

import asyncio

import pytest
from fakes.store import MemoryStore

from gateway.control import opening
from gateway.control.opening import StoreOpening
from gateway.store.errors import StoreDown, Unusable


async def test_steps_follow_each_try_and_the_end_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_FIRST_PAUSE_S", 0.0)
    tried: list[str] = []

    async def fails_twice() -> None:
        tried.append("step")
        if len(tried) < 3:
            raise StoreDown("not yet")

    made = StoreOpening(MemoryStore(), [fails_twice], lambda: tried.append("open"))
    await made.start()
    assert made.task is not None
    await made.task
    assert (tried, made.done) == (["step", "step", "step", "open"], True)


async def test_a_store_of_no_use_is_closed_and_ends_the_start() -> None:
    store = MemoryStore()

    async def not_ours() -> None:
        raise Unusable("another pepper")

    made = StoreOpening(store, [not_ours], lambda: None)
    with pytest.raises(Unusable, match="another pepper"):
        await made.start()
    assert (made.done, store.pools.opened) == (False, False)
    await made.close()


async def test_what_a_step_raises_otherwise_ends_the_start() -> None:
    async def malformed() -> None:
        raise ValueError("no token")

    with pytest.raises(ValueError, match="no token"):
        await StoreOpening(MemoryStore(), [malformed], lambda: None).start()


async def test_a_start_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_PATIENCE_S", 0.0)

    async def hangs() -> None:
        await asyncio.Event().wait()

    made = StoreOpening(MemoryStore(), [hangs], lambda: None)
    await made.start()
    assert made.done is False
    await made.close()
