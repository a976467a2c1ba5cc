"""One HTTP/1.1 connection to a provider: head and body read strictly by our own code, bytes straight to the sink.

The body never waits in a reader: `data_received` frames a piece and hands it to the sink in the same call, so a piece costs
one wake-up of nobody. Not reading is the backpressure. Time is counted in ticks of the pool's sweep: no timer per request.
"""

import asyncio
import re
import socket
from typing import TYPE_CHECKING, Final

from gateway.protocol.response_head import BadHead, ResponseHead
from gateway.upstream.framing import BadFraming, Chunked, Framing, framing_for
from gateway.upstream.port import Cause, Sink, Stage, UpstreamFailure

if TYPE_CHECKING:
    from gateway.upstream.pool import OriginPool

HEAD_LIMIT: Final = 65_536
WRITE_HIGH: Final = 65_536
RECEIVE_BYTES: Final = 65_536
"""The kernel's receive buffer, which it doubles. Left to itself it grows to megabytes, and so much of an answer would wait
for every client that reads slowly. Over a distance of 100 ms this still carries some 700 KB/s for one answer."""
INTERIM_LIMIT: Final = 64
"""Interim answers before the answer; more is a flood."""
TICK_S: Final = 0.25
"""Length of a sweep's step: timeouts are exact to within one."""
EXACT_BELOW_S: Final = 5.0

BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests have a body by their definition (RFC 9110 section 9.3)."""
_HTTP: Final = b"HTTP/1."
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


def ticks(seconds: float) -> int:
    return max(1, round(seconds / TICK_S))


class Connection(asyncio.Protocol):
    __slots__ = (
        "_answered",
        "_buffer",
        "_drain_waiter",
        "_ended",
        "_failure",
        "_framing",
        "_head_waiter",
        "_held",
        "_interim",
        "_keep_alive",
        "_loop",
        "_method",
        "_pour_waiter",
        "_reading_paused",
        "_reusable",
        "_sink",
        "_sink_full",
        "_ticks_idle",
        "_ticks_left",
        "_timer",
        "_write_paused",
        "in_use",
        "pool",
        "request_sent",
        "reused",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: "OriginPool", idle_s: float) -> None:
        # per connection
        self._loop = loop
        self.pool = pool
        self.transport: asyncio.Transport | None = None
        self.reused = False
        self.in_use = False
        """Between `start` and `release`; bytes at any other time end the connection."""
        self._write_paused = False
        self._reading_paused = False
        self._ended = False
        self._drain_waiter: asyncio.Future[None] | None = None
        self._ticks_idle = ticks(idle_s)
        self._timer: asyncio.TimerHandle | None = None
        # per exchange
        self._begin("GET")

    def _begin(self, method: str) -> None:
        self._method = method
        self._reusable = True
        self._buffer = b""
        self._answered = False
        self._interim = 0
        self._keep_alive = False
        self._framing: Framing | None = None
        self._held: list[tuple[bytes, bytes | None]] = []
        self._sink: Sink | None = None
        self._sink_full = False
        self._head_waiter: asyncio.Future[ResponseHead] | None = None
        self._pour_waiter: asyncio.Future[None] | None = None
        self._failure: UpstreamFailure | None = None
        self._ticks_left = 0
        self.request_sent = True

    # --- what the edge calls ----------------------------------------------------------------

    def start(self, method: str, *, with_body: bool) -> None:
        """Begin an exchange; before the first `send`."""
        self._begin(method)
        # A server may leave such a body unread and take it for the next request (RFC 9110 sections 9.3.1 and 9.3.5): its
        # answer would go to whoever came next.
        self._reusable = not with_body or method in BODY_METHODS
        self.in_use = True

    def send(self, data: bytes) -> bool:
        if self.transport is None:
            return True  # the head's waiter tells of the loss
        self.transport.write(data)
        return not self._write_paused

    async def drained(self) -> None:
        if self._write_paused and self.transport is not None:
            self._drain_waiter = self._loop.create_future()
            await self._drain_waiter

    def expect_head(self, timeout_s: float) -> asyncio.Future[ResponseHead]:
        """The response head; the timeout is for silence until its first byte."""
        waiter: asyncio.Future[ResponseHead] = self._loop.create_future()
        self._head_waiter = waiter
        self.restart_clock(timeout_s)
        if self._failure is not None or self.transport is None:
            self._fail(self._lost())
        return waiter

    def restart_clock(self, timeout_s: float) -> None:
        """Count the silence from here. A caller's short timeout gets a timer of its own, the rest the sweep."""
        self._stop_timer()
        if timeout_s >= EXACT_BELOW_S:
            self._ticks_left = round(timeout_s / TICK_S)
        else:
            self._ticks_left = 0
            self._timer = self._loop.call_later(timeout_s, self._expire)

    def upload_moved(self, timeout_s: float) -> None:
        """Some of the body left: until an answer begins, the provider's silence counts from here."""
        if not self._answered:
            self.restart_clock(timeout_s)

    async def pour(self, sink: Sink) -> None:
        """Pass the body to the sink until it is whole. Fails with UpstreamFailure at stage BODY."""
        framing = self._framing
        assert framing is not None
        self._sink = sink
        self._ticks_left = self._ticks_idle
        self._pass_held(sink, framing)
        while not framing.done or self._sink_full:
            if self._sink_full:
                await self._let_drain(sink)
                continue
            if self._failure is not None:
                raise self._failure
            self._resume_reading()
            self._pour_waiter = self._loop.create_future()
            await self._pour_waiter

    def _pass_held(self, sink: Sink, framing: Framing) -> None:
        """What came before there was a sink. Not within `pour`: its names would keep these bytes for as long as it waits."""
        held, self._held = self._held, []
        last = len(held) - 1
        for number, (payload, frame) in enumerate(held):
            self._sink_full = sink.take(payload, frame, framing.done and number == last)
        if not held:
            sink.take(b"", None, framing.done)

    async def _let_drain(self, sink: Sink) -> None:
        self._pause_reading()
        await sink.drained()
        self._sink_full = False
        self._ticks_left = self._ticks_idle

    def release(self) -> None:
        """The exchange is over: back to the pool if the connection is clean, closed otherwise."""
        framing = self._framing
        self._sink = None
        self._stop_timer()
        if (
            framing is not None
            and framing.done
            and framing.clean
            and self._keep_alive
            and self._reusable
            and self.request_sent
            and self.transport is not None
            and not self.transport.is_closing()
        ):
            self._resume_reading()
            self.reused = True
            self.in_use = False
            self.pool.give_back(self)
        else:
            if self._head_waiter is not None:
                self._head_waiter.cancel()
            self.close()

    def close(self) -> None:
        """Drop the connection now; what was not sent is not worth sending."""
        if self.transport is not None:
            self.transport.abort()

    # --- what the pool's sweep calls ----------------------------------------------------------

    def tick(self) -> None:
        """A quarter of a second went by. A sink that is full is not the provider's silence."""
        if self._ticks_left and not self._sink_full:
            self._ticks_left -= 1
            if not self._ticks_left:
                self._expire()

    def rest(self, ticks_left: int) -> None:
        """Wait in the pool, at most so long."""
        self._ticks_left = ticks_left

    def _expire(self) -> None:
        if self.in_use:
            self._fail(UpstreamFailure(self._stage(), Cause.TIMEOUT, reused=self.reused, answered=self._answered))
        self.close()

    # --- what the transport calls -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.set_write_buffer_limits(high=WRITE_HIGH)  # type: ignore[union-attr]
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)

    def data_received(self, data: bytes) -> None:
        if not self.in_use:
            self.close()  # bytes nobody asked for: whatever they are, they answer no request of ours
            return
        try:
            if self._framing is not None:
                self._body(self._framing, data)
            else:
                self._head(data)
        except (BadFraming, BadHead):
            self._fail(UpstreamFailure(self._stage(), Cause.BROKEN, reused=self.reused, answered=True))
            self.close()

    def eof_received(self) -> bool:
        self._ended = True
        return False  # close our side too; connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.pool.lost(self)
        if self._drain_waiter is not None and not self._drain_waiter.done():
            self._drain_waiter.set_result(None)
        framing = self._framing
        if framing is None or self._failure is not None:
            whole = False
        elif framing.done:
            whole = True
        else:
            # Only the provider's own end ends a body without length (over TLS a closure alert: RFC 9112 section 9.8).
            whole = self._ended and exc is None and framing.end()
            if whole and self._sink is not None:
                self._sink_full = self._sink.take(b"", None, True)
        if whole:
            self._wake()
        elif self.in_use:
            failure = self._lost()
            failure.__cause__ = exc
            self._fail(failure)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._drain_waiter is not None and not self._drain_waiter.done():
            self._drain_waiter.set_result(None)

    # --- within -------------------------------------------------------------------------------

    def _head(self, data: bytes) -> None:
        self._answered = True
        buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n")
            if (len(buffer) if end < 0 else end) > HEAD_LIMIT:
                raise BadFraming("head too large")
            if end < 0:
                if not _HTTP.startswith(buffer[: len(_HTTP)]):
                    raise BadFraming("not HTTP/1")  # and perhaps it waits for us now: a TLS alert, the banner of SSH
                if _BARE_LF.search(buffer):
                    raise BadFraming("bare line feed")  # its end would never be seen
                self._buffer = buffer
                return
            block, buffer = buffer[: end + 4], buffer[end + 4 :]
            if self._read_head(block):
                break
        self._buffer = b""
        if buffer:
            self._body(self._framing, buffer)  # type: ignore[arg-type]

    def _read_head(self, block: bytes) -> bool:
        """Read one head; False for an interim answer (RFC 9110 section 15.2), which is not passed on."""
        pool = self.pool
        head = pool.last_head if block == pool.last_block and self._method == pool.last_method else None
        if head is None:
            head = ResponseHead(block, own=pool.own)
        if head.status < 200:
            self._interim += 1
            if head.status == 101 or self._interim > INTERIM_LIMIT:
                raise BadFraming("interim answer")
            return False
        framing, head.content_length = framing_for(self._method, head.status, head.framing)
        if head.http_10 and isinstance(framing, Chunked):
            raise BadFraming("chunked in HTTP/1.0")  # RFC 9112 section 6.1
        head.bodiless = framing.done
        pool.last_block, pool.last_method, pool.last_head = block, self._method, head
        self._framing = framing
        # An answer to half a request: whether the server reads the other half, nobody knows.
        self._keep_alive = head.keep_alive and self.request_sent
        self._stop_timer()
        self._ticks_left = self._ticks_idle
        waiter = self._head_waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(head)
        return True

    def _body(self, framing: Framing, data: bytes) -> None:
        if framing.done:
            framing.clean = False  # bytes behind the body: nothing on this connection can be trusted any more
            return
        payload = framing.feed(data)
        self._ticks_left = self._ticks_idle
        sink = self._sink
        if sink is None:
            self._held.append((payload, framing.frame))
            if len(self._held) > 1 and not framing.done:
                self._pause_reading()
            return
        if payload or framing.done:
            self._sink_full = sink.take(payload, framing.frame, framing.done)
        if self._sink_full:
            # Now, not when the pour wakes: the loop hands over what its socket holds in many reads before that.
            self._pause_reading()
        if framing.done or self._sink_full:
            self._wake()

    def _stage(self) -> Stage:
        if self._framing is not None:
            return Stage.BODY
        return Stage.HEAD if self._answered or self.request_sent else Stage.SEND

    def _lost(self) -> UpstreamFailure:
        return UpstreamFailure(self._stage(), Cause.LOST, reused=self.reused, answered=self._answered)

    def _fail(self, failure: UpstreamFailure) -> None:
        """The first failure counts, for who waits now and who will."""
        if self._failure is None:
            self._failure = failure
        for waiter in (self._head_waiter, self._pour_waiter):
            if waiter is not None and not waiter.done():
                waiter.set_exception(self._failure)
                waiter.exception()  # who no longer asks (a cancelled request) is no loss worth a log line

    def _wake(self) -> None:
        waiter = self._pour_waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pause_reading(self) -> None:
        if not self._reading_paused and self.transport is not None and not self.transport.is_closing():
            self._reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and self.transport is not None and not self.transport.is_closing():
            self._reading_paused = False
            self.transport.resume_reading()
