import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.control import queries as queries_module
from gateway.control.queries import AT_ONCE, PER_ACCOUNT, Queries
from gateway.model.faults import QUERY_TOO_LONG, TOO_MANY_QUERIES, Fault, Refusal
from gateway.store.errors import StoreDown


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_module, "_LOOK_S", 0.002)


class Client:
    """A request, as far as queries look at it."""

    def __init__(self) -> None:
        self.transport: Any = SimpleNamespace(is_closing=lambda: False)


class Store:
    """Queries that go on until the gate opens; who runs, and how each one ended."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.running: list[str] = []
        self.ended: list[str] = []

    def query(self, name: str) -> Callable[[], Any]:
        async def work() -> str:
            self.running.append(name)
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.ended.append(f"{name} cancelled")
                raise
            finally:
                self.running.remove(name)
            return name

        return work


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def refused(asking: "asyncio.Task[Any]") -> Fault:
    with pytest.raises(Refusal) as caught:
        await asking
    return caught.value.fault


async def test_one_of_an_account_and_a_few_of_all_run_at_a_time() -> None:
    queries, store = Queries(), Store()
    accounts = ["a", "a", "b", "c"]
    asking = [asyncio.create_task(queries.run(Client(), name, store.query(name))) for name in accounts]  # type: ignore[arg-type]
    await settle()
    assert store.running == ["a", "b"]
    assert len(store.running) == AT_ONCE
    store.gate.set()
    assert await asyncio.gather(*asking) == accounts
    await settle()
    assert (queries._own, queries._asking) == ({}, {}), "nothing is kept of an account that asks nothing"


async def test_an_account_that_asks_too_much_is_told_so_and_others_are_not() -> None:
    queries, store = Queries(), Store()
    asking = [
        asyncio.create_task(queries.run(Client(), "a", store.query("a")))  # type: ignore[arg-type]
        for _ in range(PER_ACCOUNT + 1)
    ]
    other = asyncio.create_task(queries.run(Client(), "b", store.query("b")))  # type: ignore[arg-type]
    assert await refused(asking.pop()) is TOO_MANY_QUERIES
    assert (TOO_MANY_QUERIES.status, TOO_MANY_QUERIES.retry_after_s) == (429, 2)
    await settle()
    assert sorted(store.running) == ["a", "b"]
    store.gate.set()
    assert await other == "b"
    assert await asyncio.gather(*asking) == ["a"] * PER_ACCOUNT


async def test_what_takes_too_long_is_cancelled_and_makes_room() -> None:
    queries, store = Queries(query_s=0.01), Store()
    asking = [asyncio.create_task(queries.run(Client(), "a", store.query(name))) for name in "xy"]  # type: ignore[arg-type]
    assert [await refused(each) for each in asking] == [QUERY_TOO_LONG] * 2
    await settle()
    assert store.ended == ["x cancelled", "y cancelled"]
    store.gate.set()
    assert await queries.run(Client(), "a", store.query("z")) == "z"  # type: ignore[arg-type]


async def test_who_waits_too_long_for_a_place_is_told_to_come_again() -> None:
    queries, store = Queries(wait_s=0.01), Store()
    first = asyncio.create_task(queries.run(Client(), "a", store.query("x")))  # type: ignore[arg-type]
    await settle()
    late = asyncio.create_task(queries.run(Client(), "a", store.query("y")))  # type: ignore[arg-type]
    assert await refused(late) is TOO_MANY_QUERIES
    store.gate.set()
    assert await first == "x"


@pytest.mark.parametrize("waiting", [True, False], ids=["while it waits", "while it runs"])
@pytest.mark.parametrize("how", ["closed", "closing"])
async def test_a_query_ends_with_its_client(waiting: bool, how: str) -> None:
    queries, store, client = Queries(), Store(), Client()
    first = asyncio.create_task(queries.run(Client(), "a", store.query("first"))) if waiting else None  # type: ignore[arg-type]
    await settle()
    asking = asyncio.create_task(queries.run(client, "a", store.query("x")))  # type: ignore[arg-type]
    await settle()
    client.transport = None if how == "closed" else SimpleNamespace(is_closing=lambda: True)
    assert await refused(asking) is QUERY_TOO_LONG
    await settle()
    assert store.ended == ([] if waiting else ["x cancelled"])
    store.gate.set()
    if first is not None:
        assert await first == "first"
        assert await queries.run(Client(), "a", store.query("next")) == "next"  # type: ignore[arg-type]


async def test_what_is_given_up_keeps_its_place_until_it_has_ended() -> None:
    queries, store = Queries(query_s=0.005, wait_s=0.02), Store()
    ending = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()

    assert await refused(asyncio.create_task(queries.run(Client(), "a", stubborn))) is QUERY_TOO_LONG  # type: ignore[arg-type]
    store.gate.set()
    late = asyncio.create_task(queries.run(Client(), "a", store.query("x")))  # type: ignore[arg-type]
    assert await refused(late) is TOO_MANY_QUERIES
    ending.set()
    await settle()
    assert await queries.run(Client(), "a", store.query("y")) == "y"  # type: ignore[arg-type]


async def test_an_error_of_the_store_is_told_as_it_is() -> None:
    async def fail() -> None:
        raise StoreDown("away")

    with pytest.raises(StoreDown):
        await Queries().run(Client(), "a", fail)  # type: ignore[arg-type]
