"""Promise: a provider that closes idle connections at any moment costs no request, however long its body is (decision 0005)."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from fakes.edge import ACCOUNT, RunningEdge, account, custom, gateway
from fakes.wire import Peer, RawServer

from gateway.model.service import Limits

SEED = 4
KB = 1024
BODIES = {"70 KB": 70 * KB, "300 KB": 300 * KB, "1 MB": 1024 * KB, "over 1 MB": 1024 * KB + 1, "3 MB": 3072 * KB}


@dataclass
class Closing:
    """Answers the first request of a connection; of the next it reads `reads` bytes and closes, without a word."""

    reads: int
    how: str
    served: Counter[str] = field(default_factory=Counter)
    """By path, requests that arrived whole."""
    closed: int = 0

    async def __call__(self, peer: Peer) -> None:
        path, size = await _whole(peer)
        if path:
            self.served[path] += 1
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(size)), size))
            if await peer.reader.read(1):
                await peer.reader.read(self.reads)
                self.closed += 1
            if self.how == "rst":
                peer.reset()


async def _whole(peer: Peer) -> tuple[str, int]:
    head = (await peer.request()).decode()
    if not head:
        return "", 0
    path, fields = head.split(" ")[1], head.lower()
    if "transfer-encoding: chunked" in fields:
        total = 0
        while size := int(await peer.reader.readline(), 16):
            total += len(await peer.reader.readexactly(size + 2)) - 2
        await peer.reader.readexactly(2)
        return path, total
    size = int(fields.partition("content-length: ")[2].partition("\r\n")[0] or 0)
    return path, len(await peer.reader.readexactly(size))


def edge_for(server: RawServer, **limits: int) -> RunningEdge:
    return RunningEdge(
        gateways=[gateway("open", authentication=False)],
        accounts=[account(custom("raw", f"http://127.0.0.1:{server.port}"), account_id=ACCOUNT)],
        allow_private_custom=True,
        limits=Limits(**limits),
    )


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("reads", [0, 1, 100_000])
@pytest.mark.parametrize("size", BODIES.values(), ids=BODIES)
async def test_every_body_arrives_once(size: int, reads: int, how: str) -> None:
    closing = Closing(reads, how)
    async with RawServer(closing) as server, edge_for(server) as edge, edge.client() as wire:
        for number in range(4):
            answer = await wire.ask("POST", edge.native("open", f"custom-raw/{number}"), {}, b"x" * size)
            assert (answer.status, answer.body) == (200, str(size).encode())
    assert closing.served == Counter({f"/{number}": 1 for number in range(4)})
    assert (closing.closed > 0) is (size <= 1024 * KB), "what cannot be sent again leaves on a fresh connection"


async def test_a_chunked_body_leaves_on_a_fresh_connection() -> None:
    closing = Closing(0, "rst")
    async with RawServer(closing) as server, edge_for(server) as edge, edge.client() as wire:
        for number in range(4):
            answer = await wire.ask("POST", edge.native("open", f"custom-raw/{number}"), {}, None, chunks=[b"x" * 40_000] * 5)
            assert (answer.status, answer.body) == (200, b"200000")
    assert (closing.closed, sum(closing.served.values())) == (0, 4)


async def test_what_finds_no_room_leaves_on_a_fresh_connection() -> None:
    closing = Closing(0, "fin")
    async with RawServer(closing) as server, edge_for(server, replay_memory_bytes=500_000) as edge:

        async def one(number: int, size: int) -> int:
            async with edge.client() as wire:
                answer = await wire.ask("POST", edge.native("open", f"custom-raw/{number}"), {}, b"x" * size)
                assert answer.body == str(size).encode()
                return answer.status

        draw = random.Random(SEED)
        sizes = [draw.randrange(70 * KB, 1100 * KB) for _ in range(60)]
        found: list[int] = []
        for at in range(0, 60, 12):
            found += await asyncio.gather(*(one(number, sizes[number]) for number in range(at, at + 12)))
        assert found == [200] * 60
        assert edge.edge.relay._replay_left == 500_000, "all of it was given back"
    assert max(closing.served.values()) == 1, "none was done twice"


async def test_a_fresh_connection_takes_the_place_of_an_idle_one() -> None:
    """Where no more connections may be opened."""
    async with (
        RawServer(Closing(0, "fin")) as server,
        edge_for(server, connections_per_origin=1) as edge,
        edge.client() as wire,
    ):
        for size in (10, 2048 * KB, 10):
            answer = await wire.ask("POST", edge.native("open", "custom-raw/x"), {}, b"x" * size)
            assert (answer.status, answer.body) == (200, str(size).encode())
