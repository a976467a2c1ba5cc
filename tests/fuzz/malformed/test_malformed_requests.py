"""Each raw request of the corpus against a whole edge on real sockets: refused and closed, or served exactly once."""

import asyncio
import logging
from collections import Counter

import pytest
from corpus_requests import MARK, PROBE, VECTORS, Vector
from fakes.edge import Reply, RunningEdge, Wire, until
from recorder import Recorder, complaints

PAUSE_S = 0.004
"""Between two pieces, so that they arrive in two reads."""
SILENCE_S = 0.02


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(VECTORS) >= 150
    assert [name for name, count in Counter(vector.name for vector in VECTORS).items() if count > 1] == []


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


async def sent(wire: Wire, pieces: tuple[bytes, ...]) -> None:
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(PAUSE_S)
        try:
            await wire.send(piece)
        except ConnectionError:
            return  # refused before its end


async def silent(wire: Wire) -> bool:
    try:
        async with asyncio.timeout(SILENCE_S):
            return await wire.reader.read(1) == b""
    except (TimeoutError, ConnectionError):  # it was refused while it still sent
        return True


def shows(reply: Reply) -> bytes:
    return repr(reply).encode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_request(edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture, vector: Vector) -> None:
    async with edge.client() as wire:
        sending = asyncio.ensure_future(sent(wire, vector.pieces))
        answers = [await wire.reply() for _ in vector.answers]
        await sending
        assert [answer.status for answer in answers] == list(vector.answers)
        if vector.waiting:
            assert await silent(wire)
        elif vector.closed:
            assert await wire.ended()
        else:
            assert (await wire.ask("GET", "/livez")).status == 200, "out of step"
    await edge.quiet()
    await until(lambda: all(connection.pool.idle for connection in _connections(edge)) or vector.waiting)
    assert recorder.malformed == []
    assert [(request.target, request.body) for request in recorder.whole] == list(vector.served)
    assert not any(MARK in shows(answer) for answer in answers)
    assert MARK.decode() not in caplog.text
    assert complaints(caplog) == []


def _connections(edge: RunningEdge) -> list:
    return [connection for pool in edge.edge.pool._pools.values() for connection in pool.everyone]


async def test_nothing_of_all_this_costs_the_edge_its_health(edge: RunningEdge, recorder: Recorder) -> None:
    """All vectors at once, on one edge."""

    async def play(vector: Vector) -> None:
        async with edge.client() as wire:
            await sent(wire, vector.pieces)
            await silent(wire)

    for start in range(0, len(VECTORS), 40):
        await asyncio.gather(*(play(vector) for vector in VECTORS[start : start + 40]))
    await edge.quiet()
    assert recorder.malformed == []
    async with edge.client() as wire:
        await wire.send(PROBE)
        assert (await wire.reply()).status == 200
