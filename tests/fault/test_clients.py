"""Promises about clients: slow heads and bodies end, an idle crowd is cheap, and nobody else notices (R-15 to R-17)."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fakes.edge import RunningEdge, gateway, request_bytes, until
from fakes.provider import FakeProvider

from gateway.model.service import Timeouts

KEY = {"Authorization": "Bearer sk-x"}
CROWD = 5000 if os.environ.get("AIG_LONG") else 200


@contextlib.asynccontextmanager
async def edge_with(provider: FakeProvider, **timeouts: float) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)],
        providers={"openai": provider.origin},
        timeouts=Timeouts(**timeouts),
    ) as edge:
        yield edge


def target() -> str:
    return RunningEdge.native("open", "openai/x")


async def test_an_idle_crowd_ends_in_time_and_disturbs_nobody(provider: FakeProvider) -> None:
    async with edge_with(provider, keepalive_s=2.0) as edge, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(edge.client()) for _ in range(CROWD)]
        for wire in crowd[::2]:  # half of them carried a request before
            assert (await wire.ask("POST", target(), KEY, b"{}")).status == 200
        assert (await edge.ask("POST", target(), KEY, b"{}")).status == 200
        assert all(await asyncio.gather(*(wire.ended() for wire in crowd)))
        assert edge.edge._server is not None
        await until(lambda: not edge.edge._server.connections)  # type: ignore[union-attr]


async def test_slow_bodies_end_and_free_the_provider(provider: FakeProvider) -> None:
    count = CROWD // 4
    async with edge_with(provider, client_body_s=1.0) as edge, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(edge.client()) for _ in range(count)]
        for wire in crowd:
            await wire.send(request_bytes("POST", target(), {**KEY, "Content-Length": "100000"}) + b"slow")
        assert (await edge.ask("POST", target(), KEY, b"{}")).status == 200
        answers = await asyncio.gather(*(wire.reply("POST") for wire in crowd))
        assert {answer.status for answer in answers} == {408}
        await until(lambda: edge.edge.pool.open_connections <= 1)
        assert not any(seen.complete for seen in provider.requests if seen.size != 2), "no half body is ended as a whole one"


async def test_bodies_that_drip_end_and_free_the_provider(provider: FakeProvider) -> None:
    """No pause is long enough to end them: their average rate does, and takes the provider's side along."""
    count = CROWD // 10
    async with edge_with(provider, client_body_s=30.0, client_body_slow_s=1.0) as edge, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(edge.client()) for _ in range(count)]
        for wire in crowd:
            await wire.send(request_bytes("POST", target(), {**KEY, "Content-Length": "100000"}) + b"slow")
        dripping = [asyncio.get_running_loop().create_task(drip(wire)) for wire in crowd]
        assert (await edge.ask("POST", target(), KEY, b"{}")).status == 200
        answers = await asyncio.gather(*(wire.reply("POST") for wire in crowd))
        assert {answer.status for answer in answers} == {408}
        await until(lambda: edge.edge.pool.open_connections <= 1)
        for task in dripping:
            task.cancel()
        assert not any(seen.complete for seen in provider.requests if seen.size != 2), "no half body is ended as a whole one"


async def test_a_crowd_that_leaves_at_once_leaves_nothing_behind(provider: FakeProvider) -> None:
    async with edge_with(provider) as edge, AsyncExitStack() as stack:
        before = len(asyncio.all_tasks())
        for how in ("fin", "rst"):
            crowd = [await stack.enter_async_context(edge.client()) for _ in range(CROWD // 4)]
            for number, wire in enumerate(crowd):
                body = b"x" * (0, 1, 2, 2)[number % 4]  # none, half and all of it
                await wire.send(request_bytes("POST", target(), {**KEY, "Content-Length": "2"}, body))
                wire.leave(how)
            await edge.quiet()
        await until(lambda: edge.edge._server is not None and not edge.edge._server.connections)
        await until(lambda: len(asyncio.all_tasks()) <= before + 2 * provider.open_connections)
        assert (await edge.ask("POST", target(), KEY, b"{}")).status == 200


SLOW_HEADS = [b"POST /", b"POST / HTTP/1.1\r\nHost: a\r\nX: ", b"POST / HTTP/1.1\r\n"]


@pytest.mark.parametrize("first", [True, False], ids=["a-new-connection", "a-used-one"])
@pytest.mark.parametrize("sent", SLOW_HEADS)
async def test_a_head_that_drips_ends_in_time(provider: FakeProvider, sent: bytes, first: bool) -> None:
    """A byte now and then does not gain time."""
    async with edge_with(provider, client_head_s=1.0) as edge, edge.client() as wire:
        if not first:
            assert (await wire.ask("POST", target(), KEY, b"{}")).status == 200
        await wire.send(sent)
        dripping = asyncio.get_running_loop().create_task(drip(wire))
        assert await wire.ended()
        dripping.cancel()
        assert (await edge.ask("POST", target(), KEY, b"{}")).status == 200


async def drip(wire: object) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.sleep(0.1)
            await wire.send(b"a")  # type: ignore[attr-defined]
