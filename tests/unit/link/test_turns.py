import asyncio

import pytest

from gateway.link.port import LinkBusy
from gateway.link.turns import Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    """Those who take a turn, and the order in which they got it."""

    def __init__(self, places: int, waiting_per_source: int = 100) -> None:
        self.turns = Turns(places, waiting_per_source)
        self.let_in: list[str] = []

    def come(self, name: str, source: str) -> "asyncio.Task[None]":
        async def take() -> None:
            await self.turns.take(source)
            self.let_in.append(name)

        return asyncio.create_task(take())


async def test_places_are_given_at_once_while_there_are_any() -> None:
    crowd = Crowd(2)
    for name in "abc":
        crowd.come(name, "s")
    await settle()
    assert crowd.let_in == ["a", "b"]
    crowd.turns.give()
    await settle()
    assert crowd.let_in == ["a", "b", "c"]


async def test_sources_take_turns_however_many_one_sends() -> None:
    crowd = Crowd(1)
    names = [("f0", "flood"), *((f"f{number}", "flood") for number in range(1, 50)), ("x", "one"), ("y", "other"), ("z", "one")]
    for name, source in names:
        crowd.come(name, source)
    await settle()
    for _ in range(6):
        crowd.turns.give()
    await settle()
    assert crowd.let_in == ["f0", "f1", "x", "y", "f2", "z", "f3"]


async def test_who_gives_up_is_passed_over_and_takes_no_place() -> None:
    crowd = Crowd(1)
    crowd.come("a", "s")
    leaving, staying = crowd.come("b", "s"), crowd.come("c", "t")
    await settle()
    leaving.cancel()
    await settle()
    crowd.turns.give()
    await settle()
    assert crowd.let_in == ["a", "c"]
    assert staying.done()


async def test_a_place_that_comes_just_as_one_gives_up_goes_on() -> None:
    crowd = Crowd(1)
    crowd.come("a", "s")
    leaving = crowd.come("b", "s")
    crowd.come("c", "s")
    await settle()
    crowd.turns.give()
    leaving.cancel()
    await settle()
    assert crowd.let_in == ["a", "c"]
    crowd.turns.give()
    crowd.come("d", "s")
    await settle()
    assert crowd.let_in == ["a", "c", "d"], "no place is lost"


async def test_a_line_is_bounded_and_others_are_not_refused_for_it() -> None:
    crowd = Crowd(1, waiting_per_source=2)
    for name in "abc":
        crowd.come(name, "flood")
    await settle()
    with pytest.raises(LinkBusy):
        await crowd.turns.take("flood")
    crowd.come("x", "other")
    for _ in range(4):
        crowd.turns.give()
    await settle()
    assert sorted(crowd.let_in) == ["a", "b", "c", "x"]
