"""Seeded mutants of the corpus against a whole edge: whatever they are, the provider sees whole, well-formed requests alone,
and none that a strict second reader does not find in the same bytes.

CI runs a few thousand. More by hand: `MALFORMED_MUTANTS=100000 MALFORMED_SEED=7 pytest tests/fuzz/malformed/test_mutants.py`.
The client is a transport without a socket, so that a mutant's pieces arrive as they were cut; the provider is real.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterator

import pytest
from corpus_requests import MARK, PROBE, VECTORS, sized
from corpus_responses import ANSWERS
from fakes.edge import RunningEdge, request_bytes, until
from mutation import MUTANTS, SEED, SEEDS, cut, mutated
from parsers import LATER_VERSION, C, parse
from recorder import OK, Recorder, complaints
from strict_reader import Doubt, Request, read_answers, read_requests

from gateway.model.faults import CONTROL_UNREACHABLE

PATIENCE_S = 5.0
CHECK_EVERY = 250


class Line(asyncio.Transport):
    """The server's transport of one client that is only bytes."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = b""
        self.reading = True
        self.closed = False
        self.half = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        assert not self.half, "written behind the end"
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half = True

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close


def at_rest(line: Line) -> bool:
    """Closed, or waiting for the client: for its next request, or for more of this one's body."""
    connection = line.protocol
    if line.closed or line.half:
        return True
    if connection._messages:
        return False
    current = connection._current_request
    if current is None:
        return connection._waiter is not None and not connection._waiter.done()
    return getattr(current.body, "_waiter", None) is not None


async def rest(line: Line) -> None:
    deadline = time.monotonic() + PATIENCE_S
    calm = 0
    while calm < 3:
        await asyncio.sleep(0)
        calm = calm + 1 if at_rest(line) else 0
        assert time.monotonic() < deadline, "neither answered nor waiting"


async def played(edge: RunningEdge, pieces: list[bytes]) -> Line:
    server = edge.edge._server
    assert server is not None
    connection = server()
    line = Line(connection)
    connection.connection_made(line)
    for piece in pieces:
        while not line.reading and not line.closed:
            await asyncio.sleep(0)
        if line.closed:
            break
        connection.data_received(piece)
        await rest(line)
    await rest(line)
    if not line.closed:
        line.close()
    await asyncio.sleep(0)
    return line


Seen = tuple[bytes, bytes, bytes]
"""Method, target, body."""


def found_in(seen: list[Request], wanted: Iterator[Seen]) -> bool:
    """Whether each is one of those, in order and none twice; its own start is the provider's base."""
    return all(
        any(
            one.method == method and one.body == body and target.endswith(one.target.removeprefix(b"/v1/"))
            for method, target, body in wanted
        )
        for one in seen
    )


def by_the_letter(data: bytes) -> Iterator[Seen]:
    return ((one.method, one.target, one.body) for one in read_requests(data)[0])


def by_the_parser(data: bytes) -> Iterator[Seen]:
    """aiohttp's C parser alone, given one byte after the other; it does not know the versions that we take for HTTP/1.1."""
    reading = parse(C, data, asyncio.get_running_loop())
    return ((one.method.encode(), one.target.encode("utf-8", "surrogateescape"), one.body) for one in reading.whole)


def judge(line: Line, recorder: Recorder, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert recorder.malformed == []
    assert found_in(recorder.whole, by_the_letter(data)), "a request that is not there"
    if recorder.whole and not found_in(recorder.whole, by_the_parser(data)):
        known = LATER_VERSION.sub(rb"\g<1>1\r\n", data)
        assert found_in(recorder.whole, by_the_parser(known)), "a request that aiohttp's parser does not see"
    try:
        answers, rest_of_it = read_answers(line.written)
    except Doubt:
        pytest.fail("the client's side is malformed")
    assert rest_of_it == b"" or b" 200 " in rest_of_it  # HEAD, or cut
    # There is no control here: 503 is what its paths get.
    calm = (501, 503) if CONTROL_UNREACHABLE.message.encode() in line.written else (501,)
    assert not [answer.status for answer in answers if answer.status >= 500 and answer.status not in calm]
    assert MARK not in line.written
    assert MARK.decode() not in caplog.text
    assert complaints(caplog) == []


DEPENDS = {
    # Seen where a read begins with the whole of it; the parser refuses the version, and ignores a CR
    # at a read's end.
    "version-1.2",
    "version-1.9",
    "version-1.2-twice",
    "bare-cr-before",
    "cr-before",
    "empty-line-and-cr-before",
    # A chunked request that ended in the read goes on; one with bytes behind it does not.
    "chunk-then-another",
    # A refusal closes unless the body is there already.
    "repeat-refused",
}
"""Where the cut does matter."""


async def test_the_corpus_byte_by_byte(edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """How requests are cut into reads changes nothing of what reaches the provider."""
    caplog.set_level(logging.DEBUG)
    for vector in VECTORS:
        if len(vector.raw) > 2000 or vector.name in DEPENDS:
            continue
        try:
            line = await played(edge, [vector.raw[at : at + 1] for at in range(len(vector.raw))])
            judge(line, recorder, vector.raw, caplog)
            assert [(request.target, request.body) for request in recorder.whole] == list(vector.served)
        except BaseException as error:
            error.add_note(vector.name)
            raise
        recorder.forget()
        caplog.clear()


@pytest.mark.timeout(max(60, MUTANTS // 50))
async def test_mutants_of_requests(edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    chance = random.Random(SEED)
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    for number in range(MUTANTS):
        data = mutated(chance, chance.choice(SEEDS), SEEDS)
        pieces = cut(chance, data)
        try:
            line = await played(edge, pieces)
            judge(line, recorder, data, caplog)
            assert troubles == []
        except BaseException as error:
            error.add_note(f"mutant {number} of seed {SEED}: {pieces!r}")
            raise
        recorder.forget()
        caplog.clear()
        if number % CHECK_EVERY == 0:
            await edge.quiet()
            assert (await played(edge, [sized() + PROBE])).written.count(b"HTTP/1.1 200") == 2
            recorder.forget()
    await edge.quiet()
    server = edge.edge._server
    assert server is not None
    await until(lambda: not server.connections)


@pytest.mark.timeout(max(60, MUTANTS // 50))
async def test_mutants_of_answers(edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the provider says: one answer of ours, well-formed or visibly cut, and the next request is untouched."""
    caplog.set_level(logging.DEBUG)
    chance = random.Random(SEED)
    seeds = [answer.raw for answer in ANSWERS if 0 < len(answer.raw) < 4000]
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    request = request_bytes("POST", edge.native("open", "openai/x"), {"Authorization": "Bearer sk-x"}, b"{}")
    recorder.closes = True
    for number in range(MUTANTS // 4):
        raw = mutated(chance, chance.choice(seeds), seeds)
        recorder.answer = lambda _, raw=raw: raw
        try:
            line = await played(edge, [request])
            assert len(recorder.whole) == 1
            assert recorder.malformed == []
            answers, _ = read_answers(line.written)
            assert len(answers) <= 1
            assert not [answer.status for answer in answers if answer.status == 500 and b"500" not in raw]
            assert troubles == []
            assert complaints(caplog) == []
        except BaseException as error:
            error.add_note(f"mutant {number} of seed {SEED}: {raw!r}")
            raise
        recorder.forget()
        caplog.clear()
    recorder.answer, recorder.closes = lambda _: OK, False
    assert (await played(edge, [request])).written.endswith(b"fine")
