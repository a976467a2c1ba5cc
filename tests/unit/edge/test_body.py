"""Request bodies: held when short, streamed when long, bounded always."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from gateway.edge.body import Body, open_body
from gateway.edge.repeat import ArrivedBody
from gateway.edge.request import Request
from gateway.model.faults import BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED, Fault, Refusal
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


async def opened(body: StreamReader | ArrivedBody, head: RequestHead) -> tuple[Body, Any]:
    downstream: Any = Downstream()
    request = Request(SimpleNamespace(method="POST", path="/"), body, downstream)
    return await open_body(request, head, LIMITS, Timeouts()), request


async def test_what_is_all_there_is_held() -> None:
    for arrived in (reader(b"hel", b"lo", ended=True), ArrivedBody(b"hello", head())):
        body, request = await opened(arrived, head(5, expects=True))
        assert (body.held, body.length, body.whole, body.received_bytes) == (b"hello", 5, True, 5)
        assert request.downstream.written == b"", "nobody waits for a 100"


async def test_a_repeated_head_may_announce_another_length() -> None:
    body, _ = await opened(ArrivedBody(b"hello world", head()), head(5))
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
    body, _ = await opened(ArrivedBody(b"hello", head()), head(5))
    body.replace(b"hi")
    assert (body.held, body.length) == (b"hi", 2)
    streaming, _ = await opened(reader(b"x"), head(500))
    streaming.held = b"12345"
    streaming.replace(b"1234567")
    assert streaming.length == 502
    chunked, _ = await opened(reader(b"x"), head(chunked=True))
    chunked.replace(b"1")
    assert chunked.length is None
