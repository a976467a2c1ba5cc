"""An answer goes to who asked for it: what a provider leaves unread of one request never becomes another's."""

import pytest
from fakes.edge import ACCOUNT, RunningEdge, account, custom, gateway
from fakes.wire import Peer, RawServer

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"


async def ignores_bodies(peer: Peer) -> None:
    """Reads heads and nothing else, so that a body is the next request."""
    while head := await peer.request():
        path = head.split(b" ")[1]
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))


@pytest.mark.parametrize("how", ["length", "chunked"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_a_request_within_a_body_has_no_answer(method: str, how: str) -> None:
    async with (
        RawServer(ignores_bodies) as server,
        RunningEdge(
            gateways=[gateway("open", authentication=False)],
            accounts=[account(custom("raw", f"http://127.0.0.1:{server.port}"), account_id=ACCOUNT)],
            allow_private_custom=True,
        ) as edge,
        edge.client() as mallory,
        edge.client() as alice,
    ):
        target = edge.native("open", "custom-raw/")
        body = {"body": SMUGGLED} if how == "length" else {"chunks": [SMUGGLED]}
        for number in range(5):
            answer = await mallory.ask(method, f"{target}mallory{number}", {}, **body)
            if answer.status in (400, 405, 501):
                assert server.accepted == 0, "a method that is not relayed"
                return
            for _ in range(2):
                theirs = await alice.ask("GET", f"{target}alice{number}")
                assert (theirs.status, theirs.body) == (200, b"/alice%d" % number)


async def test_without_a_body_the_connection_serves_on() -> None:
    async with (
        RawServer(ignores_bodies) as server,
        RunningEdge(
            gateways=[gateway("open", authentication=False)],
            accounts=[account(custom("raw", f"http://127.0.0.1:{server.port}"), account_id=ACCOUNT)],
            allow_private_custom=True,
        ) as edge,
    ):
        for method in ("GET", "DELETE", "OPTIONS"):
            assert (await edge.ask(method, edge.native("open", "custom-raw/x"))).status == 200
        assert server.accepted == 1


async def test_a_provider_that_speaks_something_else_is_refused_at_once() -> None:
    async def greets(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"SSH-2.0-OpenSSH_9.9\r\n")
        await peer.gone()

    async with (
        RawServer(greets) as server,
        RunningEdge(
            gateways=[gateway("open", authentication=False)],
            accounts=[account(custom("raw", f"http://127.0.0.1:{server.port}"), account_id=ACCOUNT)],
            allow_private_custom=True,
        ) as edge,
    ):
        answer = await edge.ask("POST", edge.native("open", "custom-raw/x"), {}, b"{}")
        assert answer.status == 502, "its silence is not waited for"
