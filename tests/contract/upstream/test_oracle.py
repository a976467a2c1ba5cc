"""The same scripted answers through our connection and through aiohttp's ClientSession: same status, fields and body.

Where the session is lenient and we are strict on purpose, the difference is written down below.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from fakes.clock import FakeClock
from fakes.wire import Peer, RawServer, Script, Sink

from gateway.model.service import Limits, Timeouts
from gateway.protocol.headers import Fields
from gateway.protocol.inert import INERT, steers_browser
from gateway.upstream.connection import BODY_METHODS
from gateway.upstream.dial import Dialer, tls_context
from gateway.upstream.pool import Pool
from gateway.upstream.port import Cause, Stage, UpstreamFailure


@dataclass
class Answer:
    status: int
    reason: bytes
    fields: Fields
    body: bytes


ZIPPED = gzip.compress(b"hello " * 100)
EVENTS = b"".join(b'data: {"n":%d}\n\n' % number for number in range(50))


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


WHOLE: dict[str, tuple[str, bytes, bool]] = {
    # name → method, bytes of the answer, whether the provider closes behind it
    "length": ("GET", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", False),
    "empty": ("POST", b"HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", False),
    "chunks": ("POST", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello world", 4), False),
    "one chunk": ("POST", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", 99), False),
    "events": (
        "POST",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(EVENTS, 12),
        False,
    ),
    "chunks with extensions and trailers": (
        "POST",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
        False,
    ),
    "until close": ("GET", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", True),
    "HTTP/1.0": ("GET", b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello", True),
    "HTTP/1.0 with length": ("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", True),
    "connection: close": ("GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", True),
    "no content": ("DELETE", b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", False),
    "not modified": ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n', False),
    "head": ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", False),
    "interim": ("POST", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
    "hints": (
        "POST",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        False,
    ),
    "an error": ("POST", b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}", False),
    "an unusual status": ("POST", b"HTTP/1.1 529 Site is overloaded\r\nContent-Length: 2\r\n\r\n{}", False),
    "a redirect": (
        "GET",
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        False,
    ),
    "no reason": ("GET", b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", False),
    "repeated fields": (
        "GET",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Empty:\r\nX-Space:  a b \t\r\nContent-Length: 2\r\n\r\nok",
        False,
    ),
    "UTF-8 fields": ("GET", b"HTTP/1.1 200 OK\r\nX-Name: gr\xc3\xbc\xc3\x9fe\r\nContent-Length: 2\r\n\r\nok", False),
    "compressed": (
        "GET",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
        False,
    ),
    "compressed in chunks": (
        "GET",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(ZIPPED, 7),
        False,
    ),
    "large": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000), False),
    "large in chunks": (
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(bytes(1_000_000), 70_001),
        False,
    ),
    "a body of line ends": (
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"\r\n0\r\n\r\n" * 9, 5),
        False,
    ),
}

CUT: dict[str, bytes] = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "a head and no body": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "half a length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "half a last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
    "no HTTP": b"220 smtp.example ESMTP\r\n\r\n",
    "a bad length": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
}

STRICTER: dict[str, bytes] = {
    # The session takes these; passed on, the next reader might understand them otherwise.
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "folding": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello",
    "control characters": b"HTTP/1.1 200 OK\r\nX-A: \x1b[31m\r\nContent-Length: 5\r\n\r\nhello",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}


def speaking(answer: bytes, *, close: bool, piece_bytes: int = 1 << 30) -> Script:
    async def script(peer: Peer) -> None:
        while await peer.request():
            for at in range(0, len(answer), piece_bytes):
                await peer.send(answer[at : at + piece_bytes])
                await asyncio.sleep(0)
            if close:
                return

    return script


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(Dialer(FakeClock(), tls_context, 5.0), Limits(), Timeouts())
    pool.start()
    yield pool
    await pool.close()


def _fields(lines: bytes) -> Fields:
    split = [line.partition(b":") for line in lines.split(b"\r\n")[:-1]]
    return tuple((name, value.strip(b" \t")) for name, _, value in split)


def _crossing(fields: Fields) -> Fields:
    """Without what the oracle shows and our head keeps from clients."""
    hidden = (b"content-length", b"transfer-encoding", b"connection", b"trailer")
    return tuple((name, value) for name, value in fields if name.lower() not in hidden and not steers_browser(name.lower()))


async def ours(pool: Pool, server: RawServer, method: str) -> Answer:
    connection = await pool.connection(server.origin)
    sink = Sink()
    try:
        connection.start(method, with_body=method in BODY_METHODS)
        connection.send(f"{method} /x HTTP/1.1\r\nHost: {server.origin.authority}\r\nContent-Length: 0\r\n\r\n".encode())
        head = await connection.expect_head(10)
        await connection.pour(sink)
    finally:
        connection.release()
    assert sink.ends == 1
    # Kept apart, for the relay to translate into an address of ours.
    redirect = tuple((name.title(), value) for name, value in head.leads)
    reason = head.status_line.split(b" ", 2)[2].removesuffix(b"\r\n")
    return Answer(head.status, reason, _fields(head.lines.removesuffix(INERT)) + redirect, sink.payload)


async def oracles(server: RawServer, method: str) -> Answer:
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as session,
        session.request(method, f"http://127.0.0.1:{server.port}/x", allow_redirects=False) as response,
    ):
        body = await response.read()
        return Answer(response.status, (response.reason or "").encode(), _crossing(response.raw_headers), body)


@pytest.mark.parametrize("piece_bytes", [1 << 30, 1009, 7])
@pytest.mark.parametrize("name", WHOLE)
async def test_whole_answers_are_the_same(pool: Pool, name: str, piece_bytes: int) -> None:
    method, answer, close = WHOLE[name]
    piece_bytes = max(piece_bytes, len(answer) // 1000)
    async with RawServer(speaking(answer, close=close, piece_bytes=piece_bytes)) as server:
        expected = await oracles(server, method)
        assert await ours(pool, server, method) == expected
        assert await ours(pool, server, method) == expected, "and again, on the same connection where it lives"
        assert server.accepted == (3 if close else 2)


@pytest.mark.parametrize("name", CUT)
async def test_answers_that_are_not_whole_fail_in_both(pool: Pool, name: str) -> None:
    async with RawServer(speaking(CUT[name], close=True)) as server:
        with pytest.raises((aiohttp.ClientError, ValueError)):
            await oracles(server, "POST")
        with pytest.raises(UpstreamFailure) as failure:
            await ours(pool, server, "POST")
        assert failure.value.stage in (Stage.HEAD, Stage.BODY)
        assert failure.value.cause in (Cause.LOST, Cause.BROKEN)


@pytest.mark.parametrize("name", STRICTER)
async def test_where_we_are_stricter(pool: Pool, name: str) -> None:
    async with RawServer(speaking(STRICTER[name], close=True)) as server:
        assert (await oracles(server, "POST")).status == 200
        with pytest.raises(UpstreamFailure) as failure:
            await ours(pool, server, "POST")
        assert (failure.value.stage, failure.value.cause) == (Stage.HEAD, Cause.BROKEN)
