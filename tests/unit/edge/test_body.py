"""Request bodies: held when short, streamed when long, bounded always."""

import asyncio
import dataclasses
import gzip
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from gateway.edge.body import Body, open_body, open_decoded
from gateway.edge.head_memory import WholeBody
from gateway.edge.request import Request
from gateway.model.faults import BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED, UNKNOWN_CODING, Fault, Refusal
from gateway.model.service import Limits, Timeouts
from gateway.protocol.headers import RequestHead

LIMITS = Limits(body_bytes=1000, replay_bytes=100, body_rate_bytes=1000)


class Downstream:
    def __init__(self) -> None:
        self.written = b""
        self.kept: list[int] = []

    def keep(self, size_bytes: int) -> None:
        self.kept.append(size_bytes)

    def write(self, data: bytes) -> bool:
        self.written += data
        return True


def reader(*pieces: bytes, ended: bool = False) -> StreamReader:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    made = StreamReader(protocol, 65_536, loop=loop)
    for piece in pieces:
        made.feed_data(piece)
    if ended:
        made.feed_eof()
    return made


def head(length: int | None = None, *, chunked: bool = False, expects: bool = False) -> RequestHead:
    fields = [(b"Content-Length", b"%d" % length)] if length is not None else []
    fields += [(b"Transfer-Encoding", b"chunked")] if chunked else []
    fields += [(b"Expect", b"100-continue")] if expects else []
    return RequestHead(tuple(fields), http_10=False, limit_bytes=9999)


async def opened(body: StreamReader | WholeBody, head: RequestHead) -> tuple[Body, Any]:
    downstream: Any = Downstream()
    request = Request(SimpleNamespace(method="POST", path="/"), body, downstream)
    request.length = head.content_length
    return await open_body(request, head, LIMITS, Timeouts()), request


async def test_what_is_all_there_is_held() -> None:
    for arrived in (reader(b"hel", b"lo", ended=True), WholeBody(b"hello", head())):
        body, request = await opened(arrived, head(5, expects=True))
        assert (body.held, body.length, body.whole, body.received_bytes) == (b"hello", 5, True, 5)
        assert request.downstream.written == b"", "nobody waits for a 100"


async def test_a_repeated_head_may_announce_another_length() -> None:
    body, _ = await opened(WholeBody(b"hello world", head()), head(5))
    assert (body.held, body.length) == (b"hello world", 11)


async def test_no_body_at_all() -> None:
    body, _ = await opened(reader(ended=True), head())
    assert (body.held, body.length, body.whole) == (b"", 0, True)


async def test_a_short_one_is_waited_for() -> None:
    arriving = reader(b"he")
    opening = asyncio.create_task(opened(arriving, head(5, expects=True)))
    await asyncio.sleep(0)
    assert not opening.done()
    arriving.feed_data(b"llo")
    arriving.feed_eof()
    body, request = await opening
    assert (body.held, body.length, body.whole) == (b"hello", 5, True)
    assert request.downstream.written == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("head_of", [lambda: head(500), lambda: head(chunked=True)])
async def test_a_long_one_streams(head_of: object) -> None:
    arriving = reader(b"first")
    body, _ = await opened(arriving, head_of())  # type: ignore[operator]
    assert (body.held, body.whole) == (b"", False)
    assert await body.next_piece() == b"first"
    arriving.feed_data(b"second")
    arriving.feed_eof()
    assert await body.next_piece() == b"second"
    assert await body.next_piece() == b""
    assert body.received_bytes == 11


@pytest.mark.parametrize(
    ("pieces", "ended", "given"),
    [((), False, head(1001)), ((b"x" * 1001,), True, head(chunked=True)), ((b"x" * 1001,), True, head(5))],
)
async def test_too_long_is_refused_when_it_shows(pieces: tuple[bytes, ...], ended: bool, given: RequestHead) -> None:
    with pytest.raises(Refusal) as refused:
        await opened(reader(*pieces, ended=ended), given)
    assert refused.value.fault is BODY_TOO_LARGE


async def test_too_long_shows_while_it_streams() -> None:
    arriving = reader(b"x" * 600)
    body, _ = await opened(arriving, head(chunked=True))
    assert len(await body.next_piece()) == 600
    arriving.feed_data(b"x" * 401)
    with pytest.raises(Refusal) as refused:
        await body.next_piece()
    assert refused.value.fault is BODY_TOO_LARGE


@pytest.mark.parametrize(("error", "fault"), [(None, BODY_TIMEOUT), (RequestPayloadError("bad"), MALFORMED)])
async def test_trouble_while_it_arrives(error: Exception | None, fault: Fault) -> None:
    arriving = reader()
    if error is not None:
        arriving.set_exception(error)
    body = Body(arriving, None, LIMITS, Timeouts(client_body_s=0.01))
    with pytest.raises(Refusal) as refused:
        await body.next_piece()
    assert refused.value.fault is fault


async def test_a_body_that_drips_ends_though_it_never_stops() -> None:
    arriving = reader()
    body = Body(arriving, None, LIMITS, Timeouts(client_body_slow_s=0.05))

    async def drip() -> None:
        while True:
            arriving.feed_data(b"x")
            await asyncio.sleep(0.01)

    dripping = asyncio.get_running_loop().create_task(drip())
    with pytest.raises(Refusal) as refused:
        async with asyncio.timeout(10):
            while True:
                await body.next_piece()
    dripping.cancel()
    assert refused.value.fault is BODY_TIMEOUT


async def test_only_waiting_for_the_client_counts() -> None:
    arriving = reader()
    body = Body(arriving, None, LIMITS, Timeouts(client_body_slow_s=0.05))
    for _ in range(8):
        arriving.feed_data(b"x")
        assert await body.next_piece() == b"x"
        await asyncio.sleep(0.01)  # the provider takes its time


async def test_a_client_that_leaves_is_no_refusal() -> None:
    arriving = reader()
    arriving.set_exception(ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await Body(arriving, None, LIMITS, Timeouts()).next_piece()


async def test_what_is_replaced_moves_the_length() -> None:
    body, _ = await opened(WholeBody(b"hello", head()), head(5))
    body.replace(b"hi")
    assert (body.held, body.length) == (b"hi", 2)
    streaming, _ = await opened(reader(b"x"), head(500))
    streaming.held = b"12345"
    streaming.replace(b"1234567")
    assert streaming.length == 502
    chunked, _ = await opened(reader(b"x"), head(chunked=True))
    chunked.replace(b"1")
    assert chunked.length is None


# --- in a content coding

PLAIN = b'{"model":"openai/gpt"}' + bytes(500)


def coded_head(coding: bytes, length: int | None = None) -> RequestHead:
    fields = [(b"Content-Length", b"%d" % length)] if length is not None else [(b"Transfer-Encoding", b"chunked")]
    return RequestHead(((b"Content-Encoding", coding), *fields), http_10=False, limit_bytes=9999)


async def refused(asked: Awaitable[object]) -> Fault:
    with pytest.raises(Refusal) as refusal:
        await asked
    return refusal.value.fault


async def decoded(body: StreamReader | WholeBody, head: RequestHead, **limits: int) -> tuple[Body, Any]:
    downstream: Any = Downstream()
    request = Request(SimpleNamespace(method="POST", path="/"), body, downstream)
    request.length = head.content_length
    return await open_decoded(request, head, dataclasses.replace(LIMITS, **limits), Timeouts()), request


@pytest.mark.parametrize("known", [True, False], ids=["length", "chunked"])
async def test_a_coded_one_is_read_plain_and_then_has_a_length(known: bool) -> None:
    coded = gzip.compress(PLAIN)
    arriving = reader(coded[:5])
    head = coded_head(b"gzip", len(coded) if known else None)
    opening = asyncio.create_task(decoded(arriving, head))
    await asyncio.sleep(0)
    arriving.feed_data(coded[5:])
    arriving.feed_eof()
    body, request = await opening
    assert (body.decoded, body.whole, body.held) == (True, False, b"")
    assert await body.next_piece() == PLAIN
    body.replace(PLAIN[:100])
    await body.settle()
    assert (body.held, body.length, body.whole) == (PLAIN[:100], 100, True)
    assert request.downstream.kept[-1] == len(PLAIN), "what is held is what is counted"


async def test_one_that_came_whole_made_nobody_wait() -> None:
    coded = gzip.compress(PLAIN)
    body, _ = await decoded(WholeBody(coded, coded_head(b"gzip", len(coded))), coded_head(b"gzip", len(coded)))
    assert body.arrived
    await body.settle()
    assert (body.held, body.length, body.whole, body.decoded) == (PLAIN, len(PLAIN), True, True)


async def test_identity_is_no_coding() -> None:
    body, _ = await decoded(reader(b"he"), coded_head(b"identity", 500))
    assert (body.decoded, body.length, body.whole) == (True, 500, False)
    await body.settle()
    assert (body.length, body.whole) == (500, False), "nobody waits for the rest"


@pytest.mark.parametrize("limit", ["body_bytes", "peek_bytes"])
async def test_no_more_of_it_than_may_be_held(limit: str) -> None:
    coded = gzip.compress(PLAIN)
    for most, fault in ((len(PLAIN), None), (len(PLAIN) - 1, BODY_TOO_LARGE)):
        body, _ = await decoded(reader(coded, ended=True), coded_head(b"gzip"), **{limit: most})
        if fault is None:
            await body.settle()
            assert body.held == PLAIN
        else:
            assert await refused(body.settle()) is fault


@pytest.mark.parametrize("coding", [b"compress", b"gzip, foo", b"gzip,gzip,gzip,gzip", b"a" * 100, b"\xff"])
async def test_an_unknown_coding(coding: bytes) -> None:
    arriving = reader()
    assert await refused(decoded(arriving, coded_head(coding))) is UNKNOWN_CODING
