"""What stands before every handler of control, on each of its listeners."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.control.listeners import Listeners
from gateway.kit.hosts import Hosts


class State:
    opened = False


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


ROUTES = [web.route("*", "/client/x", hello), web.route("*", "/other", hello)]


@pytest.fixture
async def listeners() -> AsyncIterator[Listeners]:
    made = Listeners(lambda: State.opened, 1.0, 65_536)
    yield made
    for runner in made.runners:
        await runner.cleanup()
    State.opened = False


async def test_the_api_waits_for_the_store_and_nothing_else_does(listeners: Listeners, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    await listeners.listen_unix(path, ROUTES)
    assert (listeners.addresses, Path(path).stat().st_mode & 0o777) == ([path], 0o600)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as client:

        async def status(place: str, body: bytes = b"") -> int:
            async with client.post(f"http://x{place}", data=io.BytesIO(body)) as answer:
                return answer.status

        assert [await status(place) for place in ("/client/x", "/other")] == [503, 200]
        State.opened = True
        assert [await status("/client/x"), await status("/client/x", b"x" * (1024 * 1024 + 1))] == [200, 413]


async def test_a_listener_on_an_address_answers_to_its_names_alone(listeners: Listeners) -> None:
    await listeners.listen_tcp("127.0.0.1:0", ROUTES, Hosts((), local=True))
    ((host, port),) = listeners.addresses  # type: ignore[misc]
    async with aiohttp.ClientSession() as client:
        for name, wanted in (("localhost", 200), ("evil.example", 421)):
            async with client.get(f"http://{host}:{port}/other", headers={"Host": f"{name}:{port}"}) as answer:
                assert answer.status == wanted, name
