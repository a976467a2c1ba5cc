"""The client's side: aiohttp's low-level server with a lean request, and answers that are written as bytes.

Together with `listener.py` the only user of the server's seams (architecture section 8; tests/unit/test_seams.py names
them). `BaseRequest` and `StreamResponse` cost a third of a small request, and nothing here needs them.
"""

import asyncio
import logging
import socket
import struct
from typing import Any, Final

from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler, RequestPayloadError, _ErrInfo

from gateway.edge.clients import Clients
from gateway.edge.connections import Connections
from gateway.edge.counted import CountedHandler, MalformedRequest, refusal_bytes
from gateway.edge.doors import Door
from gateway.edge.head_memory import FoundHead, KnownHead, Message, WholeBody
from gateway.edge.request import Request, read_head
from gateway.model.faults import Refusal
from gateway.model.service import Limits
from gateway.protocol.headers import RequestHead
from gateway.protocol.request_forms import as_http_11, begins_with_bare_cr, pieces
from gateway.telemetry.logging import Sampled

_OVERHEAD_BYTES: Final = 8192
_OVERHEAD_RATIO: Final = 8
"""What sizes, extensions and trailers of a chunked body may take: so much at any place, and so much more for each byte that
comes with it. One byte to a chunk takes five."""
_PLAIN_END: Final = b"\r\n0\r\n\r\n"
_log = logging.getLogger("gateway.edge")
_NOT_KNOWN_YET: Final = -1
_NEVER: Final = -2
_RESET: Final = struct.pack("ii", 1, 0)


KEEP: Final = True
CLOSE: Final = False
"""What a handler answers: whether the connection lives on."""


class Downstream(CountedHandler):
    """One client connection."""

    __slots__ = (
        "_chunked_body",
        "_chunked_overhead",
        "_chunked_payload",
        "_chunked_tail",
        "_first_read",
        "_found",
        "_last",
        "_memory",
        "_plain_ends",
        "_read_bytes",
        "_refusals",
        "_request_bytes",
        "door",
        "head_s",
    )

    def __init__(self, manager: "EdgeServer", **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._memory = manager.memory
        self._last: KnownHead | None = None
        """The head of its last request, where that is known."""
        self._found: FoundHead | None = None
        """The head of the request that now arrives, likewise."""
        self._first_read = b""
        self._read_bytes = 0
        """Received since the parser last stood between two requests."""
        self._request_bytes = 0
        """What the request under way takes in all, head and body."""
        self._chunked_body: StreamReader | None = None
        """The chunked body that still arrives: of the request under way, or of the last one in the queue."""
        self._chunked_payload = self._chunked_overhead = 0
        """Received for it: payload in all; framing, less what the payload allows."""
        self._chunked_tail = b""
        self._plain_ends: set[StreamReader] = set()
        """Chunked bodies that ended without trailers, with nothing behind them: only then the connection goes on."""
        self._broken = False
        """What the client sends can no longer be read."""
        self.address = ""
        """The client's address in normal form, without port; empty on a unix socket."""
        self.door = manager.door
        self.header_limit_bytes, self.head_s = manager.header_limit_bytes, manager.head_s
        self._refusals = manager.refusals

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        if data and self._read_bytes == self._request_bytes:
            # The parser stands between two requests: it was given all of the last one and nothing more.
            # (Empty data is aiohttp waking its own parser.)
            if not (self._messages or self._close or self._force_close) and self._take_known(data):
                return
            if begins_with_bare_cr(data):
                self._refuse(MalformedRequest())
                return
            self._first_read = data
            self._read_bytes = 0
            self._request_bytes = _NOT_KNOWN_YET
        self._read_bytes += len(data)
        count = self._request_count
        super().data_received(data)
        if self._first_read is data and self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._read_again(data)
        self._measure(data, self._request_count != count)
        if self._chunked_body is not None or self._messages:
            self._watch_chunks(data)
        if data and self._head_timer is None and self._waiter is not None and not self._waiter.done():
            self._head_timer = self._loop.call_later(self.head_s, self.force_close)  # the head is not whole yet

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def _read_again(self, data: bytes) -> None:
        """The parser found a fault in a read that began with a request, and lost what stood before it: whole requests, which
        are to be answered (RFC 9112 section 9.6). Read that anew, head by head."""
        error = self._messages.pop()
        self._request_count -= 1
        before = len(self._messages)
        self._parser = self._new_parser()
        for piece in pieces(as_http_11(data)):
            super().data_received(piece)
            if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
                error = self._messages.pop()
                if len(self._messages) > before and not self._messages[-1][1].is_eof():
                    self._messages.pop()  # the fault is in its own body
                self._messages.append(error)
                break

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _watch_chunks(self, data: bytes) -> None:
        """What aiohttp's parser does not see to: it tells no reader that its chunked body is broken, takes extensions without
        limit, and makes the last trailer the first field of the connection's next request."""
        body = self._chunked_body
        if body is None:
            message, last = self._messages[-1]
            if not getattr(message, "chunked", False):
                return
            body = self._chunked_body = last
            self._chunked_payload = 0
            alone = self._first_read is data and len(self._messages) == 1
            self._chunked_overhead = -(data.find(b"\r\n\r\n") + 4 if alone else len(data))
            self._chunked_tail = b""
        more = body.total_bytes - self._chunked_payload
        self._chunked_payload = body.total_bytes
        self._chunked_overhead = max(0, self._chunked_overhead + len(data) - more - _OVERHEAD_RATIO * more)
        # What the parser holds back may yet be payload.
        flooded = self._chunked_overhead > _OVERHEAD_BYTES and not (self._reading_paused or self._buffer_paused)
        size = len(_PLAIN_END)
        self._chunked_tail = data[-size:] if len(data) >= size else (self._chunked_tail + data)[-size:]
        if body.is_eof():
            if flooded and self._messages and self._messages[0][1] is body:
                self._messages.clear()
                self._refuse(MalformedRequest())
            elif self._chunked_tail == _PLAIN_END and not (self._messages and self._messages[-1][1] is not body):
                self._plain_ends.add(body)
            self._chunked_body = None
        elif flooded or (self._messages and isinstance(self._messages[-1][0], _ErrInfo)):
            self._break(body)

    def _break(self, body: StreamReader) -> None:
        """Tell who reads this body that there is no more of it."""
        self._broken = True
        error = RequestPayloadError("malformed")
        body.set_exception(error)
        # A reader that was just woken by a chunk's end finds nothing and waits again, without a look at the exception.
        self._loop.call_soon(body.set_exception, error)

    def _take_known(self, data: bytes) -> bool:
        """Take `data` as one whole request whose head is known. The last one's is compared first: it takes a fraction of what
        reading by lines does."""
        last = self._last
        body = last.body_in(data) if last is not None else None
        if last is not None and body is not None:
            last.used = True
            self._take(last.message, WholeBody(body, last.head))
            return True
        found = self._found = self._memory.find(data, self.header_limit_bytes)
        self._last = known = None if found is None else found.known
        if found is None or known is None or len(data) - found.end != (found.length or 0):
            return False
        self._found = None
        self._take(known.message, WholeBody(data[found.end :], found.head, found.lines))
        return True

    def _take(self, message: Message, body: WholeBody) -> None:
        """Queue a request for the handler, as the base class does with what its parser gives."""
        self._request_count += 1
        self._messages.append((message, body))  # type: ignore[arg-type]
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def head_of(self, request: Request) -> RequestHead:
        """The request's head, read strictly. Raises Refusal."""
        message, body, found = request.message, request.body, self._found
        if type(body) is WholeBody:
            request.lines, request.length = body.lines, len(body)
            return body.head
        self._found = None
        if found is not None:
            self._request_bytes = found.end + (found.length or 0)
            self._first_read = b""
            request.lines, request.length = found.lines, found.length
            head = found.head
        else:
            try:
                head, request.target = read_head(message, self.header_limit_bytes)
            except Refusal as refusal:
                self._refusals.info(self._loop.time(), f"request refused: {refusal.fault.name}")
                raise
            request.length = head.content_length
            self._learn(message, head, plain=request.target is message.path)
        self._count_head(head.size_bytes)
        return head

    def _learn(self, message: Message, head: RequestHead, *, plain: bool) -> None:
        """Remember the head, and work out where the request ends; where that is in doubt, no further head of this connection
        is looked for in the memory."""
        end = self._first_read.find(b"\r\n\r\n") + 4
        # Empty lines before a request are legal (RFC 9112 section 2.2) and would be taken for its end.
        if end < 4 or self._first_read[0] in b"\r\n" or head.chunked or head.upgrade or head.expects_continue or not plain:
            self._request_bytes = _NEVER
            self._last = None
        else:
            self._request_bytes = end + (head.content_length or 0)
            self._last = self._memory.learn(self._first_read[:end], message, head)
        self._first_read = b""

    def write(self, data: bytes) -> bool:
        """Write; False once the client is gone."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        transport.write(data)
        return True

    async def drained(self, gap_s: float) -> None:
        """Return when the client takes bytes again. ConnectionError if it is gone, TimeoutError once it took nothing at all
        for so long: a slow reader may be slow."""
        transport = self.transport
        if transport is None:
            raise ConnectionResetError
        if not self.writing_paused:
            return
        waiter = self._drain_waiter = self._loop.create_future()
        try:
            left = transport.get_write_buffer_size()
            while not waiter.done():
                await asyncio.wait((waiter,), timeout=gap_s)
                before, left = left, transport.get_write_buffer_size()
                if not waiter.done() and left >= before:
                    raise TimeoutError
            waiter.result()
        finally:
            waiter.cancel()

    def cut(self, *, reset: bool) -> None:
        """End visibly a body that will not be whole; `reset` where a plain close would look like its end."""
        transport = self.transport
        if transport is None:
            return
        if reset:
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        else:
            transport.close()

    # --- the requests of this connection, in place of aiohttp's loop, which makes a task and a writer for each

    async def start(self) -> None:
        """Answer one request after the other until the connection ends. aiohttp runs this as the connection's task and
        cancels it when the client is gone."""
        try:
            while not (self._force_close or self._close):
                if not self._messages:
                    self._queued_bytes = 0
                    self._waiter = self._loop.create_future()
                    try:
                        await self._waiter
                    finally:
                        self._waiter = None
                message, body = self._messages.popleft()
                if self._head_timer is not None:
                    self._stop_head_timer()
                if not await self._answer(message, body):
                    await self._part()
                    break
                self._rest()
        except asyncio.CancelledError:
            if not self._close:
                self.force_close()
                raise
        except ConnectionError:
            self.force_close()
        finally:
            if self.transport is not None:
                self._task_handler = None
                self.transport.close()

    async def _part(self) -> None:
        """Let a client that still sends read why it was refused: closing at once would reset the connection and the answer
        with it. What it sends is dropped; its own end, or a while, ends this."""
        transport = self.transport
        if self._broken and transport is not None and transport.can_write_eof():
            self._close = True
            transport.write_eof()
            await asyncio.sleep(self._lingering_time)

    async def _answer(self, message: Any, body: StreamReader | WholeBody) -> bool:
        """Have one request answered; whether the connection lives on."""
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and self._queue_is_short():
            self._queued_bytes = 0
            self._resume_reading_if_drained()
        if isinstance(message, _ErrInfo):
            return self._refuse_malformed(message)
        request = Request(message, body, self)
        self._current_request = request  # type: ignore[assignment]
        self._request_in_progress = True
        try:
            keep: bool = await self._request_handler(request)  # type: ignore[misc, assignment, arg-type]
        finally:
            if self._kept_bytes:
                self.keep(0)
            self._current_request = None
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
        whole = body.is_eof() or await self._swallow(body)  # also when the connection ends: the answer must be readable
        if message.chunked:
            whole = body in self._plain_ends
            self._plain_ends.discard(body)
            self._broken = self._broken or not whole  # decision 0008
        return keep and whole and not self._upgraded  # after an offer of WebSocket the parser waits for frames

    async def _swallow(self, body: StreamReader | WholeBody) -> bool:
        """Read and drop what is left of a body after an early answer: a client still sending would see a reset and never
        read the answer (RFC 9112 section 9.6). Whether all of it came."""
        try:
            async with asyncio.timeout(self._lingering_time):
                while not body.is_eof():
                    await body.readany()
        except (TimeoutError, RequestPayloadError):
            return False
        return True

    def _rest(self) -> None:
        """The client may take its time now: one timer serves all its pauses."""
        until = self._loop.time() + self._keepalive_timeout
        self._next_keepalive_close_time = until
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(until, self._process_keepalive)

    def _refuse_malformed(self, error: _ErrInfo) -> bool:
        """What the parser refused. Anyone can send garbage: no traceback, and the parser's text (it holds the input) stays
        out of logs and answers."""
        self._refusals.info(self._loop.time(), f"request refused by the parser: {type(error.exc).__name__}")
        self._broken = True
        self.write(refusal_bytes(self._fault_of(error.exc)))
        return CLOSE


class EdgeServer(web.Server):
    """Makes a Downstream for each connection."""

    def __init__(self, handler: Any, *, limits: Limits, clients: Clients, head_s: float, door: Door, **settings: Any) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,  # a client that leaves stops its upstream, which would go on costing money
            access_log=None,
            auto_decompress=False,
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes + 1,
            **settings,
        )
        self.header_limit_bytes = limits.header_bytes
        self.head_s = head_s
        self.clients = Connections(limits, clients)
        self.door = door
        self.memory = door.memory
        self.refusals = Sampled(_log)
        """Of requests that are no good HTTP, from any connection."""

    def __call__(self) -> RequestHandler:
        return Downstream(self, loop=self._loop, **self._kwargs)
