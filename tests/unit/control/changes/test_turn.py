"""One change at a time; one that may have happened makes what edges have stale."""

import asyncio

import pytest

from gateway.control.changes.turn import Turn
from gateway.store.errors import Conflict, StoreDown


async def test_changes_wait_for_each_other() -> None:
    turn, order = Turn(), []

    async def change(name: str) -> None:
        async with turn.taken():
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(change("a"), change("b"))
    assert order == ["a begins", "a ends", "b begins", "b ends"]


@pytest.mark.parametrize(("error", "stale"), [(StoreDown("x"), True), (Conflict("x"), False), (ValueError("x"), False)])
async def test_only_a_write_of_unknown_end_makes_stale(error: Exception, stale: bool) -> None:
    turn = Turn()
    with pytest.raises(type(error)):
        async with turn.taken():
            raise error
    assert turn.stale is stale
    async with turn.taken():
        pass
