"""What only the unix transport's server can meet: the rest of its behaviour is in tests/contract/link."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from fakes.link import FakeHandler

from gateway.link.frames import Hello, Patch, Ready, Revoke, decode, encode
from gateway.link.server import LinkServer


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


class Stage:
    def __init__(self, session: aiohttp.ClientSession, server: LinkServer, handler: FakeHandler) -> None:
        self.session, self.server, self.handler = session, server, handler

    async def join(self) -> aiohttp.ClientWebSocketResponse:
        ws = await self.session.ws_connect("http://control/link")
        assert isinstance(decode((await ws.receive()).data), Hello)
        return ws


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    handler = FakeHandler()
    server = LinkServer(handler, outbox_bytes=1024 * 1024)
    app = web.Application()
    app.router.add_get("/link", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s")
        await web.UnixSite(runner, path).start()
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=path)) as session:
            yield Stage(session, server, handler)
        await runner.cleanup()


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"not json", WSMsgType.TEXT),
        (encode(Revoke(b"\x00")), WSMsgType.TEXT),
        (encode(Ready("w", 0)), WSMsgType.BINARY),
    ],
)
async def test_an_edge_of_another_dialect_is_dropped(stage: Stage, message: bytes, kind: WSMsgType) -> None:
    ws = await stage.join()
    await ws.send_frame(message, kind)
    assert (await ws.receive()).type is WSMsgType.CLOSE
    await until(lambda: not stage.handler.edges)
    assert [event for event, _ in stage.handler.events] == ["joined", "left"]


async def test_an_edge_that_does_not_take_its_frames_is_dropped_and_the_others_stay(stage: Stage) -> None:
    stuck = await stage.join()
    healthy = await stage.join()
    slow_edge, good_edge = stage.handler.edges
    frame = Patch(1, removed=(("a" * 32, "g" * 400_000),))
    for _ in range(100):
        if not slow_edge.send(frame):
            break
    else:
        pytest.fail("the queue has no bound")
    await until(lambda: stage.handler.edges == [good_edge])
    assert slow_edge.send(frame) is False
    assert good_edge.send(Patch(7))
    assert decode((await healthy.receive()).data) == Patch(7)
    await stuck.close()


async def test_closing_ends_every_connection(stage: Stage) -> None:
    edges = [await stage.join() for _ in range(3)]
    closing = asyncio.ensure_future(stage.server.close())
    for ws in edges:
        assert (await ws.receive()).type is WSMsgType.CLOSE
    await closing
    await until(lambda: not stage.handler.edges)
