"""Each raw answer of the corpus through a whole edge: 502, a visible cut, or whole; and what is doubtful is never reused."""

import asyncio
import logging
from collections import Counter

import pytest
from corpus_requests import OPEN
from corpus_responses import ANSWERS, GOOD, MARK, Answer
from fakes.edge import Incomplete, RunningEdge, request_bytes, until
from recorder import Recorder, complaints

KEY = {"Authorization": "Bearer sk-x"}
TARGET = OPEN.decode() + "x"


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(ANSWERS) >= 60
    assert [name for name, count in Counter(answer.name for answer in ANSWERS).items() if count > 1] == []


async def seen(edge: RunningEdge, method: str) -> tuple[int, bytes, bool, bytes]:
    """What a client sees of one answer: status, body, whether it ended well, and all of it as text."""
    async with edge.client() as wire:
        await wire.send(request_bytes(method, TARGET, KEY, b"{}" if method == "POST" else None))
        reply = None
        try:
            reply = await wire.head(method)
            await wire.rest(reply)
        except Incomplete:
            assert reply is not None
            return reply.status, reply.body, False, repr(reply).encode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b"", False, b""
        return reply.status, reply.body, True, repr(reply).encode()


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
@pytest.mark.parametrize("how", ["fresh", "reused", "split"])
async def test_answer(
    edge: RunningEdge, recorder: Recorder, caplog: pytest.LogCaptureFixture, answer: Answer, how: str
) -> None:
    caplog.set_level(logging.DEBUG)
    reused = how == "reused"
    recorder.split_bytes = 300 if how == "split" else 0
    if reused:
        recorder.answer = lambda _: GOOD
        assert (await seen(edge, "POST"))[:3] == (200, b"hello", True)
    before = len(recorder.whole)
    recorder.answer, recorder.closes = lambda _: answer.raw, answer.closes
    status, body, whole, text = await seen(edge, answer.method)
    if answer.outcome == "cut":
        assert not whole
        assert status in (0, 200)
        assert b"hello!" not in body
    else:
        assert (status, whole) == (answer.status, True)
        assert answer.outcome == "502" or body == answer.body
    # A connection that ended before its first byte may be tried again on a fresh one, nothing else is.
    assert len(recorder.whole) - before == (2 if reused and answer.closes and not answer.raw else 1)
    assert MARK not in text
    await edge.quiet()
    if answer.reused:
        assert len(recorder.open) == 1
    else:
        await until(lambda: not recorder.open)
    recorder.answer, recorder.closes = lambda _: GOOD, False
    assert (await seen(edge, "POST"))[:3] == (200, b"hello", True), "the next request is not touched"
    assert recorder.malformed == []
    assert MARK.decode() not in caplog.text
    assert complaints(caplog) == []


@pytest.mark.parametrize(
    "greeting", [GOOD, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"220 smtp\r\n", b"\x00", GOOD[:20]]
)
async def test_bytes_before_the_request_are_no_answer(edge: RunningEdge, recorder: Recorder, greeting: bytes) -> None:
    """A provider that speaks first: whether its bytes come before or behind our request, nobody else gets them."""
    recorder.greeting = greeting
    recorder.answer = lambda _: GOOD
    for _ in range(4):
        status, _, _, _ = await seen(edge, "POST")
        assert status in (200, 408, 502)
        await until(lambda: not recorder.open)
    assert recorder.connections >= 4


async def test_bytes_while_idle_are_no_answer(edge: RunningEdge, recorder: Recorder) -> None:
    recorder.answer = lambda _: GOOD
    assert (await seen(edge, "POST"))[1] == b"hello"
    (line,) = recorder.open
    line.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    await until(lambda: not recorder.open)
    assert (await seen(edge, "POST"))[1] == b"hello"
