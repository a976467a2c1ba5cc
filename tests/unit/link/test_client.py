"""What only the unix transport can do wrong: the rest of its behaviour is in tests/contract/link."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from gateway.link.client import connect_unix
from gateway.link.frames import PROTOCOL_VERSION, Hello, Lease, Ready, decode, encode


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


class Script:
    """A control that sends given messages on each connection and keeps what it gets."""

    def __init__(self) -> None:
        self.greetings: list[list[bytes]] = []
        self.got: list[object] = []
        self.connections = 0
        self.hosts: list[str] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.hosts.append(request.headers["Host"] + request.path)
        greeting = self.greetings[min(self.connections, len(self.greetings) - 1)]
        self.connections += 1
        for message in greeting:
            await ws.send_frame(message, WSMsgType.TEXT)
        async for message in ws:
            self.got.append(decode(message.data))
        return ws


@pytest.fixture
async def control() -> AsyncIterator[tuple[Script, str]]:
    script = Script()
    app = web.Application()
    app.router.add_get("/link", script.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s")
        await web.UnixSite(runner, path).start()
        yield script, path
        await runner.cleanup()


HELLO = encode(Hello(PROTOCOL_VERSION, "edge-1"))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(encode(Hello(PROTOCOL_VERSION + 1, "edge-1")), id="other-version"),
        pytest.param(b"not json", id="not-json"),
        pytest.param(b'["Nonsense",1]', id="unknown-kind"),
        pytest.param(encode(Lease(1, "k", 1)), id="frame-of-the-other-direction"),
    ],
)
async def test_a_peer_of_another_dialect_is_left_and_tried_again(control: tuple[Script, str], bad: bytes) -> None:
    script, path = control
    script.greetings = [[bad], [HELLO]]
    link = await connect_unix(path, lambda frame: None, worker="w")
    await until(lambda: link.connected)
    assert (link.generation, script.connections) == (1, 2)
    await until(lambda: script.got == [Ready("w", 0)])
    assert script.hosts == ["control/link"] * 2
    await link.close()


async def test_the_link_waits_for_a_control_that_is_not_there_yet(tmp_path: Path) -> None:
    link = await connect_unix(str(tmp_path / "nobody"), lambda frame: None, worker="w")
    await asyncio.sleep(0)
    assert not link.connected
    await link.close()


async def test_without_hello_nothing_is_connected(control: tuple[Script, str]) -> None:
    script, path = control
    script.greetings = [[]]
    link = await connect_unix(path, lambda frame: None, worker="w")
    await until(lambda: script.connections == 1)
    assert not link.connected
    assert link.send(Ready("w", 1)) is False
    await link.close()
