"""One upstream connection: heads in any pieces, strict reading, honest failures, backpressure, reuse only when clean.

Most tests play the provider on a transport without a socket; those on sockets are in test_pool.py and the contract.
"""

import asyncio
import gc

import pytest
from fakes.wire import Sink, Wired, turns

from gateway.protocol.inert import INERT
from gateway.protocol.response_head import ResponseHead
from gateway.upstream.connection import EXACT_BELOW_S, HEAD_LIMIT, INTERIM_LIMIT, TICK_S, ticks
from gateway.upstream.port import Cause, Stage, UpstreamFailure

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\n"
CROSSING = b"Content-Type: text/plain\r\nX-A: 1\r\nx-a: 2\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def told(failure: BaseException | None) -> tuple[Stage, Cause, bool, bool]:
    assert isinstance(failure, UpstreamFailure)
    return failure.stage, failure.cause, failure.reused, failure.answered


def said(head: ResponseHead) -> tuple[int, bytes, int | None, bool, bytes]:
    """The lines without those that make every answer inert."""
    assert head.lines.endswith(INERT)
    return head.status, head.status_line[13:-2], head.content_length, head.bodiless, head.lines.removesuffix(INERT)


async def poured(wired: Wired, sink: Sink) -> None:
    await asyncio.wait_for(wired.connection.pour(sink), 5)


# --- heads ------------------------------------------------------------------------------------------


async def test_a_head_may_come_in_any_two_pieces() -> None:
    for at in range(1, len(HEAD)):
        wired = Wired()
        waiting = wired.ask()
        wired.feed(HEAD[:at])
        assert not waiting.done()
        wired.feed(HEAD[at:])
        assert said(waiting.result()) == (200, b"OK", 5, False, CROSSING)


async def test_a_head_may_come_byte_by_byte_and_with_its_body() -> None:
    wired, sink = Wired(), Sink()
    waiting = wired.ask()
    wired.feed(*(HEAD[at : at + 1] for at in range(len(HEAD))))
    assert waiting.result().status == 200
    wired.feed(b"hel", b"lo")
    await poured(wired, sink)
    assert (sink.payload, sink.ends) == (b"hello", 1)

    wired, sink = Wired(), Sink()
    waiting = wired.ask()
    wired.feed(HEAD + b"hello")
    await poured(wired, sink)
    assert (sink.payload, sink.ends) == (b"hello", 1)


async def test_a_head_that_comes_again_is_read_once() -> None:
    wired = Wired()
    heads = []
    for body in (b"hello", b"again"):
        waiting, sink = wired.ask(), Sink()
        wired.feed(HEAD + body)
        await poured(wired, sink)
        wired.connection.release()
        assert sink.payload == body
        heads.append(waiting.result())
    assert heads[0] is heads[1]
    assert said(heads[0]) == (200, b"OK", 5, False, CROSSING)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("POST", HEAD), ("POST", HEAD.replace(b"X-A: 1", b"X-A: 7"))),
        (("POST", HEAD), ("HEAD", HEAD)),
        (("HEAD", HEAD), ("GET", HEAD)),
        (("POST", HEAD), ("POST", HEAD.replace(b"200 OK", b"201 Created"))),
    ],
)
async def test_another_head_or_method_is_read_anew(first: tuple[str, bytes], second: tuple[str, bytes]) -> None:
    """Each answer says what it says on a connection that never saw another one."""
    wired = Wired()
    for method, block in (first, second, first):
        alone = Wired()
        for each in (wired, alone):
            waiting = each.ask(method)
            each.feed(block)
            body = b"" if waiting.result().bodiless else b"hello"
            if body:
                each.feed(body)
            sink = Sink()
            await poured(each, sink)
            assert sink.payload == body
            each.connection.release()
            if each is wired:
                met = said(waiting.result())
        assert met == said(waiting.result())


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, b"OK"),
        (b"HTTP/1.1 200 ", 200, b""),
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.0 200 OK", 200, b"OK"),
        (b"HTTP/1.1 404 Not Found At All", 404, b"Not Found At All"),
        (b"HTTP/1.1 529 Overloaded", 529, b"Overloaded"),
        (b"HTTP/1.1 200 Gr\xc3\xbc\xc3\x9fe", 200, b"Gr\xc3\xbc\xc3\x9fe"),
        (b"HTTP/1.1 200 lat\xedn", 200, b"lat\xedn"),
    ],
)
async def test_status_lines_that_pass(line: bytes, status: int, reason: bytes) -> None:
    wired = Wired()
    waiting = wired.ask()
    wired.feed(line + b"\r\nContent-Length: 0\r\n\r\n")
    head = waiting.result()
    assert (head.status_line, head.bodiless) == (b"HTTP/1.1 %d %b\r\n" % (status, reason), True)


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 20,
    ],
)
async def test_interim_answers_are_skipped(before: bytes) -> None:
    for pieces in ([before + HEAD], [before, HEAD], [before[:9], before[9:] + HEAD[:7], HEAD[7:]]):
        wired, sink = Wired(), Sink()
        waiting = wired.ask()
        wired.feed(*pieces)
        assert said(waiting.result()) == (200, b"OK", 5, False, CROSSING)
        wired.feed(b"hello")
        await poured(wired, sink)
        assert sink.payload == b"hello"


async def test_an_interim_answer_alone_is_no_head() -> None:
    wired = Wired()
    waiting = wired.ask()
    wired.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert not waiting.done()
    wired.transport.end()
    await turns()
    assert told(waiting.exception()) == (Stage.HEAD, Cause.LOST, False, True)


BROKEN = {
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
    "a signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "two codings": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "bare LF once": b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5\r\n\r\n",
    "bare LF at the end": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\n",
    "bare CR": b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\nContent-Length: 5\r\n\r\n",
    "folded line": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 5\r\n\r\n",
    "folded with a tab": b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\nContent-Length: 5\r\n\r\n",
    "folded length": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nA: b\x00c\r\nContent-Length: 5\r\n\r\n",
    "NUL in the reason": b"HTTP/1.1 200 O\x00K\r\nContent-Length: 5\r\n\r\n",
    "an escape": b"HTTP/1.1 200 OK\r\nA: b\x1b[31m\r\nContent-Length: 5\r\n\r\n",
    "DEL": b"HTTP/1.1 200 OK\r\nA: b\x7f\r\nContent-Length: 5\r\n\r\n",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
    "space within a name": b"HTTP/1.1 200 OK\r\nTransfer Encoding: chunked\r\n\r\n",
    "a field without colon": b"HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
    "a field without name": b"HTTP/1.1 200 OK\r\n: 5\r\n\r\n",
    "no status line": b"Content-Length: 5\r\n\r\n",
    "empty lines": b"\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\n",
    "status 099": b"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\n",
    "status 600": b"HTTP/1.1 600 Odd\r\nContent-Length: 5\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 Odd\r\nContent-Length: 5\r\n\r\n",
    "status in letters": b"HTTP/1.1 OK 200\r\nContent-Length: 5\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a page": b"<html>\r\n\r\n</html>",
    "a long field": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 9000 + b"\r\nContent-Length: 5\r\n\r\n",
    "many fields": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    "a large head": b"HTTP/1.1 200 OK\r\n" + (b"a: " + b"x" * 8000 + b"\r\n") * 9 + b"\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (HEAD_LIMIT // 5),
    "a bad interim answer": b"HTTP/1.1 100 Continue\r\nA: b\x00\r\n\r\n" + HEAD,
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_what_a_strict_reader_does_not_accept_is_broken(name: str) -> None:
    data = BROKEN[name]
    small = (
        [data[at : at + 1] for at in range(len(data))]
        if len(data) < 200
        else [data[at : at + 1000] for at in range(0, len(data), 1000)]
    )
    for pieces in ([data], small):
        wired = Wired()
        waiting = wired.ask()
        wired.feed(*pieces)
        assert told(waiting.exception()) == (Stage.HEAD, Cause.BROKEN, False, True)
        assert wired.transport.closed
        wired.connection.release()
        await turns()
        assert (wired.pool.count, wired.pool.idle, wired.forgotten) == (0, [], True)


# --- bodies --------------------------------------------------------------------------------------------


async def test_a_streamed_body_reaches_the_sink_piece_by_piece() -> None:
    wired, sink = Wired(), Sink()
    waiting = wired.ask()
    wired.feed(CHUNKED)
    assert said(waiting.result()) == (200, b"OK", None, False, b"")
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    assert sink.pieces == [(b"", None, False)], "the head may go out before any of the body is here"
    wired.feed(b"5\r\nhello\r\n")
    assert sink.pieces[1:] == [(b"hello", b"5\r\nhello\r\n", False)]
    wired.feed(b"6\r\n wor")
    wired.feed(b"ld\r\n0\r\n\r\n")
    await asyncio.wait_for(pouring, 5)
    assert sink.pieces[2:] == [(b" wor", None, False), (b"ld", None, True)]


async def test_a_whole_small_body_is_one_piece_with_its_frame() -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")
    await poured(wired, sink)
    assert sink.pieces == [(b"hello", b"5\r\nhello\r\n0\r\n\r\n", True)]


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_answers_without_body_are_whole_and_leave_the_connection_fit(method: str, head: bytes) -> None:
    wired, sink = Wired(), Sink()
    waiting = wired.ask(method)
    wired.feed(head)
    assert waiting.result().bodiless
    await poured(wired, sink)
    assert sink.pieces == [(b"", None, True)]
    wired.connection.release()
    assert wired.pool.idle == [wired.connection]


@pytest.mark.parametrize("before_pour", [True, False])
async def test_a_body_until_close_ends_with_the_providers_end(before_pour: bool) -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(UNTIL_CLOSE + b"hel")
    pouring = None if before_pour else asyncio.create_task(wired.connection.pour(sink))
    await turns()
    wired.feed(b"lo")
    wired.transport.end()
    await turns()
    await asyncio.wait_for(pouring or wired.connection.pour(sink), 5)
    assert (sink.payload, sink.ends) == (b"hello", 1)
    wired.connection.release()
    assert (wired.pool.count, wired.pool.idle) == (0, [])


@pytest.mark.parametrize("how", ["reset", "our own end", "no closure alert"])
async def test_a_body_until_close_that_ends_otherwise_is_cut(how: str) -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(UNTIL_CLOSE + b"hel")
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    if how == "reset":
        wired.transport.reset()
    elif how == "our own end":
        wired.connection.close()
    else:
        wired.transport.abort()
    with pytest.raises(UpstreamFailure) as failure:
        await asyncio.wait_for(pouring, 5)
    assert told(failure.value) == (Stage.BODY, Cause.LOST, False, True)
    assert (sink.payload, sink.ends) == (b"hel", 0)


ANSWERS = {
    "counted": HEAD + b"hello",
    "chunked": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    "until close": UNTIL_CLOSE + b"hello",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_full_sink_hears_of_the_end_once(name: str) -> None:
    """The provider closes behind its last byte while the client is slow: the end must not be told twice."""
    head, _, body = ANSWERS[name].partition(b"\r\n\r\n")
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(head + b"\r\n\r\n")
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    sink.full = True
    wired.feed(body)
    wired.transport.end()
    await turns()
    assert not pouring.done()
    sink.room.set()
    await asyncio.wait_for(pouring, 5)
    assert (sink.payload, sink.ends) == (b"hello", 1)
    assert sink.pieces[-1][2]


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_came_and_closed_before_the_pour_is_whole(name: str) -> None:
    wired, sink = Wired(), Sink()
    waiting = wired.ask()
    wired.feed(ANSWERS[name])
    wired.transport.end()
    await turns()
    assert waiting.result().status == 200
    await poured(wired, sink)
    assert (sink.payload, sink.ends) == (b"hello", 1)


@pytest.mark.parametrize(
    "body",
    [b"x\r\n", b"5\r\nhelloXX", b"0x5\r\nhello\r\n", b"5\nhello", b"5\r\nhello\r\n-1\r\n"],
)
@pytest.mark.parametrize("before_pour", [True, False])
async def test_bad_chunks_break_the_body(body: bytes, before_pour: bool) -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(CHUNKED)
    pouring = None if before_pour else asyncio.create_task(wired.connection.pour(sink))
    await turns()
    wired.feed(body)
    with pytest.raises(UpstreamFailure) as failure:
        await asyncio.wait_for(pouring or wired.connection.pour(sink), 5)
    assert told(failure.value) == (Stage.BODY, Cause.BROKEN, False, True)
    assert sink.ends == 0
    assert wired.transport.closed


# --- losses ----------------------------------------------------------------------------------------------

LOSSES = [
    # what came, whether the request had left, then stage and whether it counts as answered
    (b"", False, Stage.SEND, False),
    (b"", True, Stage.HEAD, False),
    (b"H", True, Stage.HEAD, True),
    (b"HTTP/1.1 200 OK\r\n", True, Stage.HEAD, True),
    (b"HTTP/1.1 200 OK\r\n", False, Stage.HEAD, True),
    (HEAD, True, Stage.BODY, True),
    (HEAD + b"hell", True, Stage.BODY, True),
    (CHUNKED, True, Stage.BODY, True),
    (CHUNKED + b"5\r\nhello\r\n", True, Stage.BODY, True),
    (CHUNKED + b"5\r\nhello\r\n0\r\n", True, Stage.BODY, True),
]


@pytest.mark.parametrize(("came", "request_sent", "stage", "answered"), LOSSES)
@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("how", ["end", "reset"])
async def test_a_loss_tells_where_it_happened(
    came: bytes, request_sent: bool, stage: Stage, answered: bool, reused: bool, how: str
) -> None:
    wired, sink = Wired(), Sink()
    if reused:
        wired.ask()
        wired.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        wired.connection.release()
        assert wired.pool.take_idle() is wired.connection
    waiting = wired.ask()
    wired.connection.request_sent = request_sent
    if came:
        wired.feed(came)
    getattr(wired.transport, how)()
    await turns()
    with pytest.raises(UpstreamFailure) as failure:
        await waiting
        await poured(wired, sink)
    assert told(failure.value) == (stage, Cause.LOST, reused, answered)
    assert sink.ends == 0
    wired.connection.release()
    await turns()
    assert (wired.pool.count, wired.pool.idle, wired.pool.everyone) == (0, [], set())


async def test_a_connection_lost_before_the_request_fails_when_asked() -> None:
    wired = Wired()
    wired.transport.end()
    await turns()
    wired.connection.start("POST", with_body=True)
    assert wired.connection.send(b"x")
    await wired.connection.drained()
    assert told(wired.connection.expect_head(1).exception()) == (Stage.HEAD, Cause.LOST, False, False)
    wired.connection.release()


async def test_a_failure_nobody_asks_for_is_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    wired = Wired()
    wired.ask()
    wired.transport.end()
    await turns()
    wired.connection.release()
    del wired
    gc.collect()
    await turns()
    assert caplog.records == []


async def test_a_request_given_up_closes_its_connection_and_its_wait() -> None:
    wired = Wired()
    waiting = wired.ask()
    wired.connection.release()
    assert waiting.cancelled()
    assert wired.transport.closed
    await turns()
    assert wired.pool.count == 0


# --- time, without sleeping ---------------------------------------------------------------------------------


def test_ticks_round_to_quarters_and_never_to_none() -> None:
    assert [ticks(seconds) for seconds in (0.0, 0.1, 0.25, 1.0, 10.0, 300.0)] == [1, 1, 1, 4, 40, 1200]
    assert TICK_S == 0.25


async def test_silence_until_the_head_is_a_timeout() -> None:
    wired = Wired()
    waiting = wired.ask(timeout_s=10.0)
    wired.ticks(39)
    assert not waiting.done()
    wired.ticks(1)
    assert told(waiting.exception()) == (Stage.HEAD, Cause.TIMEOUT, False, False)
    assert wired.transport.closed
    await turns()
    wired.ticks(100)


async def test_a_head_that_drips_does_not_gain_time() -> None:
    wired = Wired()
    waiting = wired.ask(timeout_s=10.0)
    for at in range(30):
        wired.ticks(1)
        wired.feed(HEAD[at : at + 1])
    wired.ticks(10)
    assert told(waiting.exception()) == (Stage.HEAD, Cause.TIMEOUT, False, True)


@pytest.mark.parametrize("at_once", [True, False])
async def test_interim_answers_have_a_limit(at_once: bool) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    for count, broken in ((INTERIM_LIMIT, False), (INTERIM_LIMIT + 1, True)):
        wired = Wired()
        waiting = wired.ask()
        wired.feed(*([interim * count] if at_once else [interim] * count), HEAD)
        if broken:
            assert told(waiting.exception()) == (Stage.HEAD, Cause.BROKEN, False, True)
        else:
            assert waiting.result().status == 200
        assert wired.transport.closed is broken


async def test_interim_answers_do_not_gain_time() -> None:
    wired = Wired()
    waiting = wired.ask(timeout_s=10.0)
    for _ in range(40):
        wired.feed(b"HTTP/1.1 102 Processing\r\n\r\n")
        wired.ticks(1)
    assert told(waiting.exception()) == (Stage.HEAD, Cause.TIMEOUT, False, True)


async def test_a_short_timeout_has_a_timer_of_its_own() -> None:
    assert EXACT_BELOW_S > 0.01
    wired = Wired()
    waiting = wired.ask(timeout_s=0.01)
    wired.ticks(1000)
    assert not waiting.done()
    with pytest.raises(UpstreamFailure) as failure:
        await asyncio.wait_for(waiting, 5)
    assert told(failure.value) == (Stage.HEAD, Cause.TIMEOUT, False, False)


async def test_the_head_stops_the_short_timer() -> None:
    wired, sink = Wired(), Sink()
    wired.ask(timeout_s=0.01)
    wired.feed(HEAD)
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await asyncio.sleep(0.03)
    wired.feed(b"hello")
    await asyncio.wait_for(pouring, 5)
    assert sink.payload == b"hello"


async def test_silence_within_the_body_is_a_timeout_and_bytes_are_none() -> None:
    wired, sink = Wired(idle_s=10.0), Sink()
    wired.ask(timeout_s=100.0)
    wired.feed(CHUNKED)
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    for _ in range(10):
        wired.ticks(39)
        wired.feed(b"1\r\nx\r\n")
    wired.ticks(40)
    with pytest.raises(UpstreamFailure) as failure:
        await asyncio.wait_for(pouring, 5)
    assert told(failure.value) == (Stage.BODY, Cause.TIMEOUT, False, True)
    assert (sink.payload, sink.ends) == (b"x" * 10, 0)


async def test_a_body_until_close_that_falls_silent_is_cut_not_ended() -> None:
    wired, sink = Wired(idle_s=10.0), Sink()
    wired.ask()
    wired.feed(UNTIL_CLOSE + b"hel")
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    wired.ticks(40)
    with pytest.raises(UpstreamFailure) as failure:
        await asyncio.wait_for(pouring, 5)
    assert told(failure.value) == (Stage.BODY, Cause.TIMEOUT, False, True)
    await turns()
    assert sink.ends == 0


async def test_a_slow_client_is_not_the_providers_silence() -> None:
    wired, sink = Wired(idle_s=10.0), Sink(full=True)
    wired.ask()
    wired.feed(CHUNKED + b"1\r\nx\r\n")
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    wired.ticks(1000)
    assert not pouring.done()
    sink.room.set()
    await turns()
    wired.ticks(39)
    wired.feed(b"0\r\n\r\n")
    await asyncio.wait_for(pouring, 5)


async def test_an_upload_that_moves_keeps_the_clock_back() -> None:
    wired = Wired()
    waiting = wired.ask(timeout_s=10.0)
    for _ in range(5):
        wired.ticks(39)
        wired.connection.upload_moved(10.0)
    assert not waiting.done()
    wired.feed(b"H")
    wired.connection.upload_moved(10.0)
    wired.ticks(39)
    wired.connection.upload_moved(10.0)
    wired.ticks(1)
    assert told(waiting.exception()) == (Stage.HEAD, Cause.TIMEOUT, False, True)


# --- backpressure ---------------------------------------------------------------------------------------------


async def test_a_full_sink_stops_the_reading_until_it_has_room() -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(CHUNKED)
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    for _ in range(3):
        sink.full = True
        wired.feed(b"5\r\nhello\r\n")
        await turns()
        assert not wired.transport.reading
        sink.room.set()
        await turns()
        assert wired.transport.reading
    wired.feed(b"0\r\n\r\n")
    await asyncio.wait_for(pouring, 5)
    assert (sink.payload, sink.waits) == (b"hello" * 3, 3)


async def test_a_full_sink_stops_the_reading_before_the_pour_wakes() -> None:
    """A loop may hand over many reads in a row; each would be another piece in the client's memory."""
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(CHUNKED)
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    sink.full = True
    wired.feed(b"5\r\nhello\r\n")
    assert not wired.transport.reading
    sink.room.set()
    await turns()
    wired.feed(b"0\r\n\r\n")
    await asyncio.wait_for(pouring, 5)


async def test_a_body_nobody_pours_is_held_but_not_read_on() -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(CHUNKED)
    wired.feed(b"5\r\nhello\r\n")
    assert wired.transport.reading
    wired.feed(b"5\r\nhello\r\n")
    assert not wired.transport.reading
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    assert wired.transport.reading
    wired.feed(b"0\r\n\r\n")
    await asyncio.wait_for(pouring, 5)
    assert sink.payload == b"hellohello"


@pytest.mark.stand_ins  # it looks into a frame, and a compiled coroutine has none
async def test_a_pour_that_waits_keeps_nothing_it_passed_on() -> None:
    wired, sink = Wired(), Sink(full=True)
    wired.ask()
    wired.feed(CHUNKED + b"5\r\nhello\r\n")
    pouring = asyncio.create_task(wired.connection.pour(sink))
    await turns()
    assert sink.payload == b"hello"
    frame = pouring.get_coro().cr_frame  # type: ignore[union-attr]
    assert not [name for name, value in frame.f_locals.items() if isinstance(value, bytes | list)]
    pouring.cancel()


async def test_a_sink_that_fails_ends_the_pour() -> None:
    class Gone(Sink):
        async def drained(self) -> None:
            raise TimeoutError

    wired = Wired()
    wired.ask()
    wired.feed(CHUNKED + b"5\r\nhello\r\n")
    with pytest.raises(TimeoutError):
        await poured(wired, Gone(full=True))
    wired.connection.release()
    assert wired.transport.closed


async def test_a_provider_that_takes_nothing_is_waited_for() -> None:
    wired = Wired()
    wired.connection.start("POST", with_body=True)
    assert wired.connection.send(b"a")
    wired.connection.pause_writing()
    assert not wired.connection.send(b"b")
    waiting = asyncio.create_task(wired.connection.drained())
    await turns()
    assert not waiting.done()
    wired.connection.resume_writing()
    await asyncio.wait_for(waiting, 5)
    await wired.connection.drained()
    assert wired.connection.send(b"c")
    assert wired.transport.written == b"abc"


async def test_a_loss_frees_who_waits_to_write() -> None:
    wired = Wired()
    wired.connection.start("POST", with_body=True)
    wired.connection.pause_writing()
    waiting = asyncio.create_task(wired.connection.drained())
    await turns()
    wired.transport.reset()
    await asyncio.wait_for(waiting, 5)


# --- reuse -------------------------------------------------------------------------------------------------------

REUSE = {
    "counted": (HEAD + b"hello", True),
    "chunked": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", True),
    "chunked with trailers": (CHUNKED + b"5\r\nhello\r\n0\r\na: b\r\n\r\n", True),
    "an error status": (b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello", True),
    "connection: close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", False),
    "Connection: Close among others": (b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\nContent-Length: 5\r\n\r\nhello", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
    "HTTP/1.0 kept alive": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", True),
    "bytes behind": (HEAD + b"hello!", False),
    "bytes behind chunks": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", False),
}


@pytest.mark.parametrize("name", REUSE)
async def test_a_connection_is_reused_only_after_a_clean_end(name: str) -> None:
    answer, kept = REUSE[name]
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(answer)
    await poured(wired, sink)
    assert (sink.payload, sink.ends) == (b"hello", 1)
    wired.connection.release()
    assert wired.transport.closed is not kept
    assert wired.pool.idle == ([wired.connection] if kept else [])
    assert wired.connection.reused is kept


async def test_bytes_behind_the_body_in_a_later_read_end_reuse_too() -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.feed(HEAD + b"hello")
    wired.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await poured(wired, sink)
    wired.connection.release()
    assert (sink.payload, wired.transport.closed) == (b"hello", True)


async def test_a_request_not_sent_to_its_end_ends_reuse() -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.connection.request_sent = False
    wired.feed(HEAD + b"hello")
    await poured(wired, sink)
    wired.connection.release()
    assert wired.transport.closed


async def test_an_answer_before_the_requests_end_ends_reuse() -> None:
    wired, sink = Wired(), Sink()
    wired.ask()
    wired.connection.request_sent = False
    wired.feed(HEAD)
    wired.connection.request_sent = True
    wired.feed(b"hello")
    await poured(wired, sink)
    wired.connection.release()
    assert wired.transport.closed


@pytest.mark.parametrize("with_body", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "POST", "PUT", "PATCH"])
async def test_a_body_that_may_stay_unread_ends_reuse(method: str, with_body: bool) -> None:
    wired = Wired()
    for _ in range(2):
        wired.ask(method, with_body=with_body)
        wired.feed(HEAD if method == "HEAD" else HEAD + b"hello")
        await poured(wired, Sink())
        wired.connection.release()
        kept = not with_body or method in ("POST", "PUT", "PATCH")
        assert wired.transport.closed is not kept
        if not kept:
            break
        assert wired.pool.take_idle() is wired.connection


GREETINGS = [
    b"SSH-2.0-x\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"\x15",
    b"220 mail\r\n",
    b"HTTX",
    b"http/1.1",
    b"HTTP/2",
    b"\r\n",
    b" ",
    b"PRI * HTTP/2.0\r\n",
]


@pytest.mark.parametrize("greeting", GREETINGS)
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_what_is_not_http_is_told_by_its_first_bytes(interim: bytes, greeting: bytes) -> None:
    """The other side may wait for us to say something it understands."""
    wired = Wired()
    waiting = wired.ask()
    for byte in interim + greeting:
        wired.feed(bytes([byte]))
    assert told(waiting.exception())[:2] == (Stage.HEAD, Cause.BROKEN)
    assert wired.transport.closed


async def test_a_body_not_poured_to_its_end_ends_reuse() -> None:
    wired = Wired()
    wired.ask()
    wired.feed(HEAD + b"hel")
    wired.connection.release()
    assert wired.transport.closed


async def test_one_connection_serves_many_exchanges() -> None:
    wired = Wired()
    for number in range(5):
        sink = Sink()
        waiting = wired.ask("HEAD" if number == 2 else "POST")
        wired.feed(HEAD if number == 2 else (HEAD + b"hello", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")[number % 2])
        assert waiting.result().status == 200
        await poured(wired, sink)
        assert sink.payload == (b"" if number == 2 else b"hello")
        wired.connection.release()
        assert wired.pool.take_idle() is wired.connection
    assert wired.pool.count == 1


async def test_bytes_before_the_first_request_close_the_connection() -> None:
    wired = Wired()
    wired.feed(HEAD + b"hello")
    assert wired.transport.closed
    waiting = wired.ask()
    await turns()
    assert told(waiting.exception()) == (Stage.HEAD, Cause.LOST, False, False)


async def test_bytes_while_idle_close_the_connection() -> None:
    wired = Wired()
    wired.ask()
    wired.feed(HEAD + b"hello")
    await poured(wired, Sink())
    wired.connection.release()
    wired.feed(HEAD)
    assert wired.transport.closed
    assert wired.pool.take_idle() is None
    await turns()
    assert wired.pool.count == 0


async def test_an_idle_connection_is_closed_in_time() -> None:
    wired = Wired()
    wired.ask()
    wired.feed(HEAD + b"hello")
    await poured(wired, Sink())
    wired.connection.release()
    wired.ticks(39)
    assert not wired.transport.closed
    wired.ticks(1)
    assert wired.transport.closed
    await turns()
    assert (wired.pool.count, wired.pool.idle) == (0, [])
