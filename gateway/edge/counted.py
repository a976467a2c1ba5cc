"""A client's connection, as far as what it holds goes: counted as it comes, refused beyond the limit for heads, and ended when
others need the room (`connections.py`)."""

import asyncio
from time import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from gateway.edge.connections import Source
from gateway.kit.addresses import normal_address
from gateway.model.faults import HEADERS_TOO_LARGE, MALFORMED, TOO_MANY_CONNECTIONS, URI_TOO_LONG, Fault
from gateway.model.routes import Surface
from gateway.protocol.errors import render
from gateway.protocol.http_date import http_date

if TYPE_CHECKING:
    from gateway.edge.downstream import EdgeServer

WRITE_HIGH: Final = 24_576
"""Unsent bytes above which no more is read for this client, until a quarter of them is left. Pieces are written whole and
kept whole until all of them is sent: with a higher mark two large ones wait for a client that takes nothing, with a lower one
(16 KiB) large answers cost 15 to 30 % more CPU."""
_HEAD_RATIO: Final = 4
"""What a head takes while it arrives, and what of it stays in the parser until the next: so many times its size."""
_PILE_BYTES: Final = 131_072
"""Of a body that nobody reads, at most (twice the server's `read_bufsize`)."""


class CountedHandler(RequestHandler):
    __slots__ = (
        "_arriving_bytes",
        "_broken",
        "_clients",
        "_head_bytes",
        "_head_timer",
        "_in_body",
        "_kept_bytes",
        "_last_body",
        "_queued_bytes",
        "address",
        "header_limit_bytes",
        "held_bytes",
        "known",
        "source",
    )

    def __init__(self, manager: "EdgeServer", **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._head_timer: asyncio.TimerHandle | None = None
        """Runs while a head has begun and not ended."""
        self._head_bytes = 0
        """Received of a head that has not ended; what came with the end of the request before it does not count."""
        self._last_body: StreamReader = EMPTY_PAYLOAD
        """Of the last head that the parser read."""
        self._in_body = False
        """What came last ended within it, so what comes next belongs to it."""
        self._queued_bytes = 0
        """Received while requests waited for the one under way."""
        self._arriving_bytes = self._kept_bytes = 0
        """What heads and bodies in the parser's hands take; what was read of a body and waits for the rest."""
        self._broken = False
        """What the client sends can no longer be read."""
        self.address = ""
        """The client's address, in normal form without port; empty on a unix socket."""
        self.header_limit_bytes = manager.header_limit_bytes
        self._clients = manager.clients
        self.source: Source = manager.clients.all
        self.held_bytes = 0
        self.known = False
        """A valid token was seen on it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = normal_address(str(peer[0])) if isinstance(peer, tuple) else ""
        if not self._clients.enter(self, self.address):
            self._force_close = True
            transport.write(refusal_bytes(TOO_MANY_CONNECTIONS))  # type: ignore[attr-defined]
            transport.close()
            return
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_HIGH)  # type: ignore[attr-defined]

    def connection_lost(self, exc: BaseException | None) -> None:
        self._clients.leave(self)
        super().connection_lost(exc)

    def _measure(self, data: bytes, heads_ended: bool) -> None:
        """Count what came: of a head until it is too large, of a body, of requests that wait in line."""
        if self._messages:
            self._queued_bytes += len(data)
            if self._queued_bytes > 2 * self.header_limit_bytes and len(self._messages) > 1 and not self._buffer_paused:
                self._pause_reading_for_buffer()
        if heads_ended:
            self._head_bytes = 0
            last, self._last_body = self._messages[-1]
            self._broken = isinstance(last, _ErrInfo)
        body, in_body = self._last_body, self._in_body
        self._in_body = not body.is_eof()
        if self._in_body:
            self._count(self._queued_bytes + min(body.total_bytes, _PILE_BYTES), self._kept_bytes)
        elif in_body:
            self._count(self._queued_bytes, self._kept_bytes)
        elif not heads_ended:
            self._head_bytes += len(data)
            self._count(_HEAD_RATIO * self._head_bytes + self._queued_bytes, self._kept_bytes)
            if self._head_bytes > self.header_limit_bytes and not self._broken:
                self._refuse(HeadTooLarge())

    def _count(self, arriving_bytes: int, kept_bytes: int) -> None:
        self._arriving_bytes, self._kept_bytes = arriving_bytes, kept_bytes
        if arriving_bytes + kept_bytes != self.held_bytes:
            self._clients.holds(self, arriving_bytes + kept_bytes)

    def _count_head(self, size_bytes: int) -> None:
        """This much of the head that ended stays in the parser until the next."""
        self._count(_HEAD_RATIO * size_bytes, self._kept_bytes)

    def keep(self, size_bytes: int) -> None:
        """So much of the body under way was read and waits for the rest."""
        self._count(self._arriving_bytes, size_bytes)

    def waits_since(self) -> float | None:
        """See `connections.Client`. A request whose body is still to come is unfinished, unless its answer has begun."""
        request: Any = self._current_request
        waiter = self._waiter
        idle = waiter is not None and not waiter.done()
        if idle or request is None or not (request.answered or request.body.is_eof()):
            return self._next_keepalive_close_time - self._keepalive_timeout
        return None

    def end(self) -> None:
        """See `connections.Client`."""
        transport = self.transport
        idle = self._waiter is not None and self._head_timer is None
        self.force_close()
        if transport is not None and not idle:
            transport.abort()

    def _refuse(self, error: Exception) -> None:
        """What came is no request, and nothing behind it is read."""
        self._broken = True
        self._messages.append((_ErrInfo(400, error, ""), EMPTY_PAYLOAD))
        self._wake()

    def _new_parser(self) -> Any:
        """As the base class makes it."""
        return HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=self._max_msg_queue_size,
        )

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _queue_is_short(self) -> bool:
        large = self._queued_bytes > 2 * self.header_limit_bytes
        return len(self._messages) <= (0 if large else self._msg_queue_resume_size)

    def _fault_of(self, error: BaseException) -> Fault:
        if type(error) is LineTooLong:  # the first line and the others have limits that differ by one, to be told apart here
            return URI_TOO_LONG if error.args[1] == self.header_limit_bytes else HEADERS_TOO_LARGE
        many = type(error) is BadHttpMessage and error.message == "Too many headers received"
        return HEADERS_TOO_LARGE if many or type(error) is HeadTooLarge else MALFORMED


class MalformedRequest(Exception):
    """What the parser does not see."""


class HeadTooLarge(Exception):
    """More of a head came than there may be of it."""


def refusal_bytes(fault: Fault) -> bytes:
    """The answer to what is no request, and the connection's end."""
    told = render(fault, Surface.NOWHERE)
    date = http_date(time())
    return b"HTTP/1.1 %d %b\r\n%bdate: %b\r\n%b\r\n%b" % (told.status, told.reason, told.fields, date, told.end, told.body)
