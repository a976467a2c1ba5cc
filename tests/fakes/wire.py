"""Both ends of an upstream connection for tests: a raw server, a transport without a socket, and a sink that remembers."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Awaitable, Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Self

from gateway.model.targets import Origin
from gateway.upstream.connection import BODY_METHODS, Connection
from gateway.upstream.pool import OriginPool


class Peer:
    """The server's end of one accepted connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """A request's head; empty when the client left."""
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Until the client closes."""
        try:
            while await self.reader.read(65_536):
                pass
        except ConnectionError:
            pass


Script = Callable[[Peer], Awaitable[None]]


def answering(*answers: bytes, close: bool = False) -> Script:
    """One answer for each request on a connection, the last one again and again."""

    async def script(peer: Peer) -> None:
        number = 0
        while await peer.request():
            await peer.send(answers[min(number, len(answers) - 1)])
            number += 1
            if close:
                peer.close()
                return

    return script


class RawServer:
    """Runs a script for each accepted connection."""

    def __init__(self, script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.accepted = 0
        self.open = 0
        self._host = host
        self._tls = tls
        self._peers: set[Peer] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for peer in self._peers:
            with contextlib.suppress(AttributeError):  # of asyncio in Python 3.11.2: TLS that was closed twice cannot abort
                peer.writer.transport.abort()
        for _turn in range(3):
            await asyncio.sleep(0)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def origin(self) -> Origin:
        return Origin("https" if self._tls else "http", self._host, self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._peers.add(peer)
        self.accepted += 1
        self.open += 1
        try:
            await self.script(peer)
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            peer.close()


class FakeTransport(asyncio.Transport):
    """Records what a connection does to its transport; the test plays the provider."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self.written = b""
        self.reading = True
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    close = abort

    def end(self) -> None:
        """The provider closes its side."""
        assert not self._connection.eof_received()
        self.abort()

    def reset(self) -> None:
        self.closed = True
        self._connection.connection_lost(ConnectionResetError())


class Wired:
    """A connection on a fake transport, in a pool of its own."""

    def __init__(self, idle_s: float = 300.0) -> None:
        self.forgotten = False
        self.pool = OriginPool(8, 10.0, self._forget)
        self.pool.count = 1
        self.connection = Connection(asyncio.get_running_loop(), self.pool, idle_s)
        self.transport = FakeTransport(self.connection)
        self.connection.connection_made(self.transport)
        self.pool.everyone.add(self.connection)

    def _forget(self) -> None:
        self.forgotten = True

    def ask(self, method: str = "POST", timeout_s: float = 300.0, *, with_body: bool | None = None) -> asyncio.Future:
        """Send a request; the future of its head."""
        self.connection.start(method, with_body=method in BODY_METHODS if with_body is None else with_body)
        self.connection.send(b"POST / HTTP/1.1\r\n\r\n")
        return self.connection.expect_head(timeout_s)

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            if not self.transport.closed:
                self.connection.data_received(piece)

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.connection.tick()


class Sink:
    """Takes a body; says it is full when told to."""

    def __init__(self, *, full: bool = False) -> None:
        self.pieces: list[tuple[bytes, bytes | None, bool]] = []
        self.full = full
        self.room = asyncio.Event()
        self.waits = 0

    @property
    def payload(self) -> bytes:
        return b"".join(payload for payload, _, _ in self.pieces)

    @property
    def ends(self) -> int:
        """How often it was told that the body is whole."""
        return sum(done for _, _, done in self.pieces)

    def take(self, payload: bytes, frame: bytes | None, done: bool) -> bool:
        self.pieces.append((payload, frame, done))
        return self.full

    async def drained(self) -> None:
        self.waits += 1
        await self.room.wait()
        self.full = False
        self.room.clear()


async def turns(count: int = 5) -> None:
    """Let everything run that can run."""
    for _ in range(count):
        await asyncio.sleep(0)
