"""A scripted provider: an HTTP/1.1 upstream that records exactly what it got and sends anything, valid or not.

It speaks over a bare `asyncio.Protocol`, so a script decides every byte, when it goes, and how the connection ends.
Use it in the test's own loop (`async with FakeProvider() as provider`) or in a thread of its own
(`with provider_in_thread() as provider`) for synchronous clients and for services under test in another process.

A behaviour is `async def behaviour(exchange: Exchange)`. `provider.script(...)` queues behaviours, one per request in
order of arrival; when the queue is empty `provider.always` answers, by default in the dialect of the path.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, Self

from fakes import dialects

Cut = Literal["fin", "rst"]
Framing = Literal["length", "chunked", "close"]
Fields = Iterable[tuple[str, str]]

_PAUSE_AT_BYTES = 256 * 1024


@dataclass
class Received:
    """One request, as it came over the wire."""

    connection: int
    """Number of the connection, from 0 in order of acceptance."""
    method: str
    target: str
    """Raw request target, still percent-encoded."""
    version: str
    headers: list[tuple[str, str]]
    """In order, names in the case they were sent."""
    at: float
    """`time.monotonic()` when the head was complete."""
    body: bytes = b""
    """At most `provider.keep_bytes` of it; `size` counts all."""
    size: int = 0
    chunked: bool = False
    complete: bool = False
    """Whether the body arrived to its end."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def all(self, name: str) -> list[str]:
        return [value for field_name, value in self.headers if field_name.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The field's value, None if absent; a field sent twice is an error in the test."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    @property
    def names(self) -> list[str]:
        return [name.lower() for name, _ in self.headers]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Connection:
    """What became of one accepted connection; times are `time.monotonic()`."""

    number: int
    accepted_at: float
    server_name: str | None = None
    """SNI, on TLS."""
    requests: list[Received] = field(default_factory=list)
    peer_closed_at: float | None = None
    """When the peer closed it first; None while open, or when we did."""
    peer_closed_by: Cut | None = None
    closed: bool = False


class Gate:
    """Lets a stream pass one event at a time. Safe to open from any thread."""

    def __init__(self, permits: int = 0) -> None:
        self._permits = permits
        self._lock = threading.Lock()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def open(self, count: int = 1) -> None:
        with self._lock:
            self._permits += count
            waiter = self._waiter
        if waiter is not None:
            waiter[0].call_soon_threadsafe(waiter[1].set)

    def open_wide(self) -> None:
        self.open(1 << 30)

    async def passed(self) -> None:
        event = asyncio.Event()
        while True:
            with self._lock:
                self._waiter = (asyncio.get_running_loop(), event)
                if self._permits:
                    self._permits -= 1
                    return
                event.clear()
            await event.wait()


class PeerGone(ConnectionError):
    """The peer closed while a script still wanted something of it."""


class Exchange:
    """One request and the means to answer it; what a behaviour gets."""

    def __init__(self, wire: "_Wire", received: Received) -> None:
        self.received = received
        self.provider = wire.provider
        self.closing = received.version == "HTTP/1.0" or "close" in (received.header("connection") or "").lower()
        self._wire = wire
        self._framing: Framing = "length"
        self._body_read = False

    async def body(self) -> bytes:
        """Read the request's body to its end."""
        if not self._body_read:
            self._body_read = True
            await self._wire.read_body(self.received)
        return self.received.body

    async def head(
        self,
        status: int = 200,
        headers: Fields = (),
        *,
        framing: Framing = "chunked",
        length: int = 0,
        reason: str | None = None,
    ) -> None:
        """Send status line and fields, in this order and case, with the framing field last."""
        lines = [f"HTTP/1.1 {status} {reason if reason is not None else _reason(status)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._framing = framing
        if framing == "length":
            lines.append(f"Content-Length: {length}")
        elif framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        if framing == "close" or self.closing:
            self.closing = True
            lines.append("Connection: close")
        await self.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """Raw bytes, waiting while the peer takes none."""
        await self._wire.write(data)

    async def part(self, data: bytes) -> None:
        """A piece of body in the framing of the head."""
        if self._framing == "chunked":
            data = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        if data:
            await self.write(data)

    async def end(self) -> None:
        if self._framing == "chunked":
            await self.write(b"0\r\n\r\n")

    def cut(self, how: Cut = "fin") -> None:
        """Close the connection here, cleanly (FIN) or with a reset (RST)."""
        self.closing = True
        self._wire.cut(how)

    async def discard(self) -> None:
        """Send no more, and throw away what comes until the peer closes."""
        self._wire.end_writing()
        while True:
            await self._wire.take_any()

    async def peer_closed(self) -> None:
        """Wait until the peer closes. Ends by cancellation too, which is how a behaviour learns of it."""
        await self._wire.gone.wait()


Behaviour = Callable[[Exchange], Awaitable[None]]


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"


# --- behaviours -------------------------------------------------------------------------------


def reply(
    body: bytes = b"",
    status: int = 200,
    headers: Fields = (("Content-Type", "application/json"),),
    *,
    framing: Framing = "length",
    close: bool = False,
) -> Behaviour:
    """A whole answer after the whole request."""

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        exchange.closing = exchange.closing or close
        await _whole(exchange, body, status, headers, framing)

    return behaviour


def reply_json(
    value: Any, status: int = 200, headers: Fields = (), *, framing: Framing = "length", close: bool = False
) -> Behaviour:
    fields = [("Content-Type", "application/json"), *headers]
    return reply(json.dumps(value).encode(), status, fields, framing=framing, close=close)


def stream(
    events: Iterable[bytes],
    headers: Fields = (("Content-Type", "text/event-stream; charset=utf-8"),),
    *,
    gate: Gate | None = None,
    interval_s: float = 0.0,
    framing: Framing = "chunked",
    cut: Cut | None = None,
) -> Behaviour:
    """An event stream: each event is one write, let through by the gate if there is one; `cut` ends it before its end."""

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        pieces = list(events)
        await exchange.head(200, headers, framing=framing, length=sum(map(len, pieces)))
        for piece in pieces:
            if gate is not None:
                await gate.passed()
            if interval_s:
                await asyncio.sleep(interval_s)
            await exchange.part(piece)
        if cut is not None:
            if gate is not None:
                await gate.passed()
            exchange.cut(cut)
            return
        await exchange.end()

    return behaviour


def generated(
    total_bytes: int, piece_bytes: int = 65_536, *, framing: Framing = "length", content_type: str = "application/octet-stream"
) -> Behaviour:
    """A body too large to hold: the bytes 0..255 over and over, made as they are taken."""

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        piece = bytes(range(256)) * (piece_bytes // 256 + 1)
        await exchange.head(200, [("Content-Type", content_type)], framing=framing, length=total_bytes)
        sent = 0
        while sent < total_bytes:
            start = sent % 256
            size = min(piece_bytes, total_bytes - sent)
            await exchange.part(piece[start : start + size])
            sent += size
        await exchange.end()

    return behaviour


def stall(sent: bytes = b"", *, read_body: bool = True) -> Behaviour:
    """Send these raw bytes (none: no head either), then nothing until the peer leaves."""

    async def behaviour(exchange: Exchange) -> None:
        if read_body:
            await exchange.body()
        if sent:
            await exchange.write(sent)
        await exchange.peer_closed()

    return behaviour


def hang_up(how: Cut = "fin", sent: bytes = b"", *, read_body: bool = True) -> Behaviour:
    """Send these raw bytes, then close; without any, the request gets no answer at all."""

    async def behaviour(exchange: Exchange) -> None:
        if read_body:
            await exchange.body()
        if sent:
            await exchange.write(sent)
            # A reset discards what the peer's kernel has not delivered: give the bytes a moment to arrive.
            await asyncio.sleep(0.05 if how == "rst" else 0)
        exchange.cut(how)

    return behaviour


def raw(data: bytes, *, close: bool = False) -> Behaviour:
    """Exactly these bytes as the answer."""

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write(data)
        if close:
            exchange.cut("fin")

    return behaviour


def early(body: bytes, status: int, headers: Fields = (), *, close: bool = True, rude: bool = False) -> Behaviour:
    """Answer as soon as the head is there, while the body is still arriving.

    With `close` the rest is read and thrown away until the peer closes, as careful servers do; a `rude` one closes at once,
    which resets the connection and may lose the answer. Without `close` the body is read and the connection kept.
    """

    async def behaviour(exchange: Exchange) -> None:
        exchange.closing = exchange.closing or close
        await _whole(exchange, body, status, headers, "length")
        if exchange.closing and not rude:
            await exchange.discard()

    return behaviour


def informed(then: Behaviour, *statuses: int) -> Behaviour:
    """Interim (1xx) answers before the real one."""

    async def behaviour(exchange: Exchange) -> None:
        for status in statuses:
            await exchange.write(f"HTTP/1.1 {status} {_reason(status)}\r\n\r\n".encode())
        await then(exchange)

    return behaviour


def delayed(seconds: float, then: Behaviour) -> Behaviour:
    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await asyncio.sleep(seconds)
        await then(exchange)

    return behaviour


def gated(gate: Gate, then: Behaviour) -> Behaviour:
    """Hold the answer back until the test opens the gate."""

    async def behaviour(exchange: Exchange) -> None:
        await exchange.body()
        await gate.passed()
        await then(exchange)

    return behaviour


async def echo(exchange: Exchange) -> None:
    """The request's body as the answer's."""
    body = await exchange.body()
    kind = exchange.received.header("content-type") or "application/octet-stream"
    await _whole(exchange, body, 200, [("Content-Type", kind)], "length")


async def by_dialect(exchange: Exchange) -> None:
    """A sensible answer for the path: OpenAI, Anthropic or Gemini, whole or streamed as the request asks."""
    body = await exchange.body()
    answer = dialects.answer_for(exchange.received.method, exchange.received.target, body)
    fields = [("Content-Type", answer.content_type), ("X-Request-Id", f"req_{exchange.received.connection}")]
    if answer.events is None:
        await _whole(exchange, answer.body, answer.status, fields, "length")
    else:
        await stream(answer.events, fields)(exchange)


async def _whole(exchange: Exchange, body: bytes, status: int, headers: Fields, framing: Framing) -> None:
    bodiless = exchange.received.method == "HEAD" or status in (204, 304)
    if bodiless and status == 204:
        await exchange.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return
    await exchange.head(status, headers, framing=framing, length=len(body))
    if not bodiless:
        await exchange.part(body)
        await exchange.end()


# --- the server -------------------------------------------------------------------------------


class FakeProvider:
    """The upstream itself. `requests` and `connections` grow as they arrive and may be read from any thread."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.requests: list[Received] = []
        self.connections: list[Connection] = []
        self.always: Behaviour = by_dialect
        self.keep_bytes = 16 * 1024 * 1024
        self.errors: list[BaseException] = []
        """What went wrong in scripts; raised by `stop`."""
        self._queue: deque[Behaviour] = deque()
        self._wires: set[_Wire] = set()
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = threading.Condition()
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    async def start(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(lambda: _Wire(self), self.host, self.port, ssl=self.tls, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def refuse(self) -> None:
        """Stop listening, so that new connections are refused; `start` listens on the same port again."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        await self.refuse()
        for wire in list(self._wires):
            wire.cut("rst")
        await asyncio.gather(*(wire.task for wire in list(self._wires) if wire.task), return_exceptions=True)
        if self.errors:
            raise AssertionError("a provider script failed") from self.errors[0]

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def script(self, *behaviours: Behaviour) -> None:
        """Queue behaviours for the next requests."""
        self._queue.extend(behaviours)

    def reset(self) -> None:
        """Forget scripts and requests; open connections stay."""
        self._queue.clear()
        self.requests.clear()
        self.always = by_dialect

    def next_behaviour(self) -> Behaviour:
        return self._queue.popleft() if self._queue else self.always

    @property
    def only(self) -> Received:
        """The one request there was."""
        assert len(self.requests) == 1, f"{len(self.requests)} requests arrived"
        return self.requests[0]

    @property
    def open_connections(self) -> int:
        return sum(not connection.closed for connection in list(self.connections))

    def close_idle(self, how: Cut = "fin") -> None:
        """Close every connection that waits for a request, as providers do. Safe from any thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: [wire.cut(how) for wire in list(self._wires) if wire.idle])

    async def until(self, true: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait, in any loop, until something about this provider is true."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                while not true():
                    waiter[1].clear()
                    if not true():
                        await waiter[1].wait()
        finally:
            self._waiters.discard(waiter)

    def wait_until(self, true: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Like `until`, for a thread without a loop. Never call it in the provider's own."""
        with self._changed:
            assert self._changed.wait_for(true, timeout_s), "the provider never saw it"

    def tell(self) -> None:
        """Something changed: wake those who wait for it."""
        with self._changed:
            self._changed.notify_all()
        for loop, event in list(self._waiters):
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    def joined(self, wire: "_Wire") -> Connection:
        self._wires.add(wire)
        connection = Connection(len(self.connections), time.monotonic())
        self.connections.append(connection)
        return connection

    def left(self, wire: "_Wire") -> None:
        self._wires.discard(wire)


class _Wire(asyncio.Protocol):
    """One accepted connection: a byte buffer with a reader's end, and a task that serves request after request."""

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider
        self.gone = asyncio.Event()
        self.idle = True
        self.task: asyncio.Task[None] | None = None
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._cut_by_us = False
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.connection = self.provider.joined(self)
        tls = transport.get_extra_info("ssl_object")
        self.connection.server_name = getattr(tls, "server_hostname", None) if tls else None
        self.task = asyncio.get_running_loop().create_task(self._serve(), name="fake-provider")
        self.provider.tell()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _PAUSE_AT_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._arrived.set()

    def eof_received(self) -> None:
        self._peer_left("fin")

    def connection_lost(self, error: Exception | None) -> None:
        self._peer_left("rst" if error is not None else "fin")
        self.connection.closed = True
        self.provider.left(self)
        self.provider.tell()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _peer_left(self, how: Cut) -> None:
        if not self._cut_by_us and self.connection.peer_closed_at is None:
            self.connection.peer_closed_at = time.monotonic()
            self.connection.peer_closed_by = how
        self.gone.set()
        self._arrived.set()
        self._writable.set()
        self.provider.tell()

    def cut(self, how: Cut) -> None:
        self._cut_by_us = True
        if how == "fin":
            self._transport.close()
            return
        raw_socket = self._transport.get_extra_info("socket")
        if raw_socket is not None and not self._transport.is_closing():
            raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def write(self, data: bytes) -> None:
        await self._writable.wait()
        if self.gone.is_set() or self._transport.is_closing():
            raise PeerGone("write after close")
        self._transport.write(data)

    def end_writing(self) -> None:
        """FIN, with the other direction left open (TLS has no such thing)."""
        if self._transport.can_write_eof():
            self._transport.write_eof()

    async def take_any(self) -> bytes:
        if not self._buffer:
            await self._more()
        return self._take(len(self._buffer))

    async def _more(self) -> None:
        if self.gone.is_set():
            raise PeerGone("no more bytes will come")
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._arrived.clear()
        await self._arrived.wait()

    async def _line_end(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            await self._more()
        return self._take(end + len(mark))

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def _serve(self) -> None:
        try:
            while not self._transport.is_closing():
                self.idle = True
                received = await self._read_head()
                self.idle = False
                exchange = Exchange(self, received)
                if not await self._behave(exchange):
                    return
                if exchange.closing:
                    break
                await exchange.body()
        except PeerGone:
            pass
        except Exception as error:
            self.provider.errors.append(error)
        finally:
            if not self._transport.is_closing():
                self._cut_by_us = True
                self._transport.close()

    async def _behave(self, exchange: Exchange) -> bool:
        """Run the script, but no longer than the peer stays; False when it left."""
        loop = asyncio.get_running_loop()
        script = loop.create_task(_started(self.provider.next_behaviour(), exchange))
        gone = loop.create_task(self.gone.wait())
        await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not script.done():
            script.cancel()
            await asyncio.wait({script})
            return False
        script.result()
        return True

    async def _read_head(self) -> Received:
        lines = (await self._line_end(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ", 2)
        headers = []
        for line in lines[1:]:
            if line:
                name, _, value = line.partition(":")
                headers.append((name, value.strip(" \t")))
        received = Received(self.connection.number, method, target, version, headers, time.monotonic())
        self.connection.requests.append(received)
        self.provider.requests.append(received)
        self.provider.tell()
        return received

    async def read_body(self, received: Received) -> None:
        received.chunked = "chunked" in (received.header("transfer-encoding") or "").lower()
        kept = bytearray()
        if received.chunked:
            while size := int((await self._line_end(b"\r\n")).partition(b";")[0], 16):
                await self._read_into(kept, received, size)
                await self._line_end(b"\r\n")
            while await self._line_end(b"\r\n") != b"\r\n":
                pass
        else:
            await self._read_into(kept, received, int(received.header("content-length") or 0))
        received.body = bytes(kept)
        received.complete = True
        self.provider.tell()

    async def _read_into(self, kept: bytearray, received: Received, size: int) -> None:
        while size:
            if not self._buffer:
                await self._more()
            piece = self._take(min(size, len(self._buffer)))
            size -= len(piece)
            received.size += len(piece)
            if len(kept) < self.provider.keep_bytes:
                kept += piece
                received.body = b""


async def _started(behaviour: Behaviour, exchange: Exchange) -> None:
    await behaviour(exchange)


@contextlib.contextmanager
def provider_in_thread(*, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[FakeProvider]:
    """A provider with a loop of its own, for tests that block."""
    provider = FakeProvider(host=host, port=port, tls=tls)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake-provider", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(provider.start(), loop).result(10)
        yield provider
    finally:
        try:
            asyncio.run_coroutine_threadsafe(provider.stop(), loop).result(10)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()
