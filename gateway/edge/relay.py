"""Carry a request to its upstream and the answer back. The only writer to the downstream."""

import asyncio
from typing import Final

from gateway.edge.attempts import may_retry
from gateway.edge.body import Body
from gateway.edge.delivery import Delivery
from gateway.edge.downstream import CLOSE, KEEP
from gateway.edge.exchange import Exchange
from gateway.edge.redirects import leading_lines
from gateway.edge.report import Reporter
from gateway.edge.routing import surface_of
from gateway.edge.taps.ends import Ends
from gateway.edge.taps.sample import Sample
from gateway.edge.taps.usage import UsageTap
from gateway.edge.targeting import Attempt
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.clock import Clock
from gateway.model.faults import (
    CONTROL_UNREACHABLE,
    PROVIDER_KEY_REJECTED,
    UNKNOWN_PROVIDER,
    UPSTREAM_BROKEN,
    UPSTREAM_BUSY,
    UPSTREAM_TIMEOUT,
    UPSTREAM_UNREACHABLE,
    Fault,
    Refusal,
)
from gateway.model.routes import CROSS_ORIGIN_SURFACES, Surface
from gateway.model.service import Limits, Timeouts
from gateway.model.targets import Dialect
from gateway.model.tokens import Permit
from gateway.protocol.cors import Cors
from gateway.protocol.http_date import http_date
from gateway.protocol.inert import INERT
from gateway.protocol.response_head import ResponseHead
from gateway.protocol.server_timing import server_timing
from gateway.protocol.strict import METHODS
from gateway.upstream.causes import cause_of
from gateway.upstream.connection import BODY_METHODS, Connection
from gateway.upstream.pool import Pool
from gateway.upstream.port import Cause, UpstreamFailure

_FAULTS: Final[dict[Cause, Fault]] = {
    Cause.UNREACHABLE: UPSTREAM_UNREACHABLE,
    Cause.TIMEOUT: UPSTREAM_TIMEOUT,
    Cause.LOST: UPSTREAM_BROKEN,
    Cause.BROKEN: UPSTREAM_BROKEN,
    Cause.BUSY: UPSTREAM_BUSY,
    Cause.FORBIDDEN: UPSTREAM_UNREACHABLE,
}
_ENVELOPE_START: Final = b'{"result":'
_ENVELOPE_END: Final = b',"success":true,"errors":[],"messages":[]}'
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"
_METHODS: Final = ", ".join(sorted(METHODS)).encode()
_LAST_CHUNK: Final = b"0\r\n\r\n"
_STALE: Final = b"x-gateway-auth: stale\r\n"
"""The token could not be checked and goes on within its grace."""
# Proxies in front of us must not hold events back either.
_UNBUFFERED: Final = b"x-accel-buffering: no\r\n"
_UNCACHED: Final = b"cache-control: no-cache\r\n"


class Relay:
    def __init__(self, pool: Pool, limits: Limits, timeouts: Timeouts, clock: Clock, reporter: Reporter) -> None:
        self._pool = pool
        self._timeouts = timeouts
        self._replay_most = limits.replay_stream_bytes
        self._replay_left = limits.replay_memory_bytes
        self._clock = clock
        self._reporter = reporter
        self._sample_bytes = reporter.body_bytes
        self.draining = False
        """Answers announce the end of their connection."""
        self.timed = False
        """Answers say where their time went."""
        self.cors = Cors(())
        """What pages of other origins may do."""
        self.streams = 0
        """Event streams under way."""
        self._waits = reporter.metrics.histogram("upstream_wait_seconds")
        self._delays = reporter.metrics.histogram("event_delay_seconds").observe

    async def carry(self, x: Exchange, permit: Permit, attempts: tuple[Attempt, ...]) -> bool:
        """Send the request, relay the answer. `permit` is the proof that policy let it through."""
        assert permit is not None
        attempt, body = attempts[0], x.body
        assert body is not None
        now = x.asked_at = self._clock.monotonic()
        if body.arrived:
            x.overhead_s = now - x.started_at
        if x.logged and not body.whole and not x.model:
            body.ends = Ends()
            body.ends.feed(body.held)
        if x.samples and not body.whole:
            body.sample = Sample(self._sample_bytes)
            body.sample.feed(body.held)
        reserved = 0 if body.whole else self._keep_for_replay(body)
        try:
            connection, upload, head = await self._answered(x, attempt, body)
        finally:
            if reserved:
                body.kept = None
                self._replay_left += reserved
        try:
            if attempt.enveloped and head.status == 401:
                raise Refusal(PROVIDER_KEY_REJECTED)
            return await self._pour(x, attempt, connection, head)
        finally:
            if upload is not None:
                await cancel_and_wait(upload)
            x.request_bytes = body.received_bytes
            connection.release()

    # --- attempt ------------------------------------------------------------------------------

    def _keep_for_replay(self, body: Body) -> int:
        """Keep a body that streams, so that it can be sent again, if there is room; the bytes reserved for it."""
        size = body.length
        if size is None or size > self._replay_most or size > self._replay_left:
            return 0
        self._replay_left -= size
        body.kept = []
        return size

    async def _answered(
        self, x: Exchange, attempt: Attempt, body: Body
    ) -> tuple[Connection, asyncio.Task[Exception | None] | None, ResponseHead]:
        """Try until a response head is here. Raises Refusal with the upstream's fault."""
        pool, origin, guarded = self._pool, attempt.target.origin, attempt.guarded
        timeout_ms = x.options.request_timeout_ms
        timeout_s = self._timeouts.first_byte_s if timeout_ms is None else timeout_ms / 1000
        number = 0
        while True:
            number += 1
            # A reused connection may turn out dead: what could not be sent again leaves on one that was never idle.
            fresh = number > 1 or not (body.whole or body.kept is not None)
            connection = None if fresh else pool.idle_connection(origin, guarded=guarded)
            try:
                if connection is None:
                    began = self._clock.monotonic()
                    connection = await pool.connection(origin, guarded=guarded, fresh=fresh)
                    self._waits.observe(self._clock.monotonic() - began)
                connection.start(x.request.method, with_body=body.length != 0)
                connection.send(_request(x.request.method, attempt.block(x.request), body))
                waiting = connection.expect_head(timeout_s)
                if body.whole:
                    return connection, None, await waiting
                upload, head = await _upload_until_answered(connection, body, waiting, timeout_s)
                return connection, upload, head
            except BaseException as error:
                x.request_bytes = body.received_bytes
                if connection is not None:
                    connection.close()
                    connection.release()
                if not isinstance(error, UpstreamFailure):
                    raise
                if not may_retry(error, number, body.whole or body.kept is not None):
                    self._failed(x, error)
                    raise Refusal(_fault_of(error, x)) from error
                if not body.whole:
                    body.rewind()
            self._reporter.count("upstream_retries")

    def _failed(self, x: Exchange, failure: UpstreamFailure) -> None:
        """Note why the provider gave no answer, or half of one."""
        x.error_cause = cause_of(failure)
        if x.provider is not None:  # else it is control that was asked
            self._reporter.upstream_failed(x.provider.slug, x.error_cause)

    # --- commit and pour ------------------------------------------------------------------------

    async def _pour(self, x: Exchange, attempt: Attempt, connection: Connection, head: ResponseHead) -> bool:
        request = x.request
        enveloped = attempt.enveloped and not head.bodiless and 200 <= head.status < 300 and b"json" in head.media_type
        unmeasured = not head.bodiless and head.content_length is None
        chunked = unmeasured and not _http_10(x)
        keep = chunked == unmeasured and self._keeps(x)  # else only the connection's end tells the body's
        x.response_type = head.logged_type
        x.streamed = streamed = head.event_stream
        out = self._response_head(x, head, chunked=chunked, keep=keep, enveloped=enveloped)
        if head.leads:
            out = out[:-2] + leading_lines(x.route, attempt.target, head.leads) + b"\r\n"
        tap = x.tap = None if head.bodiless or head.status >= 400 else self._tap(x, attempt, head)
        legible = streamed and head.plain  # in a compressed stream no event can be seen, nor one be added
        delivery = Delivery(request.downstream, out, tap, self._timeouts.client_write_s, chunked=chunked, streamed=legible)
        if legible:
            delivery.time(self._delays)
        elif head.plain and not enveloped:
            delivery.look()
        if x.samples and not head.bodiless:
            x.response_sample = Sample(self._sample_bytes)
            x.response_encoding = head.encoding.decode("latin-1")
            delivery.keep(x.response_sample)
        if enveloped:
            delivery.wrap(_ENVELOPE_START, _ENVELOPE_END)
        x.committed = request.answered = True
        x.status = head.status
        x.first_byte_at = self._clock.monotonic()
        self.streams += streamed
        try:
            await connection.pour(delivery)
        except UpstreamFailure as failure:
            self._failed(x, failure)
            x.outcome = "upstream_truncated"
            self._reporter.count("upstream_truncated")
            delivery.cut_short(attempt.dialect, x.route.path if x.route is not None else "")
            request.downstream.cut(reset=not chunked and head.content_length is None)
            return CLOSE
        except (ConnectionError, TimeoutError):
            request.downstream.cut(reset=True)  # the client takes nothing any more
            return CLOSE
        finally:
            self.streams -= streamed
            x.streamed = streamed or delivery.streamed or (tap is not None and tap.streamed)
            x.response_bytes = delivery.sent_bytes
            x.events = delivery.events
        failed = head.status >= 500 or (tap is not None and tap.tells_error())
        x.outcome = "upstream_error" if failed else "completed"
        return KEEP if keep else CLOSE

    def _keeps(self, x: Exchange) -> bool:
        """Behind an offer to upgrade, taken or not, the parser may give up bytes as another protocol's: whatever comes then
        begins in the midst of something."""
        offers = x.head is not None and x.head.upgrade
        return not (self.draining or offers or x.request.message.should_close)

    def _response_head(self, x: Exchange, head: ResponseHead, *, chunked: bool, keep: bool, enveloped: bool) -> bytes:
        """Status line and fields: the provider's that cross, ours, and framing made anew."""
        lines = [head.status_line, head.lines]
        if x.plan is not None and x.plan.gateway is not None:
            lines.append(_ids(x))
            if x.head is not None and x.head.origin:
                lines.append(self.cors.answer(x.head.origin))
            if x.streamed:
                lines.append(_UNBUFFERED if head.cache_control else _UNBUFFERED + _UNCACHED)
        if not head.dated:  # a recipient with a clock says when it was received (RFC 9110 section 6.6.1)
            lines.append(b"date: %b\r\n" % http_date(self._clock.wall()))
        if self.timed and x.asked_at is not None:
            upstream_s = self._clock.monotonic() - x.asked_at
            auth = x.auth_state if x.permit is not None and x.permit.authenticated else ""
            lines.append(server_timing(own_s=x.asked_at - x.started_at, upstream_s=upstream_s, auth=auth))
        if chunked:
            lines.append(_CHUNKED)
        elif head.content_length is not None and head.status != 204:
            extra = len(_ENVELOPE_START) + len(_ENVELOPE_END) if enveloped else 0
            lines.append(b"content-length: %d\r\n" % (head.content_length + extra))
        if not keep:
            lines.append(b"connection: close\r\n")
        elif _http_10(x):
            lines.append(b"connection: keep-alive\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _tap(self, x: Exchange, attempt: Attempt, head: ResponseHead) -> UsageTap | None:
        """The usage tap, where a record will want it."""
        if not x.logged or not attempt.counted or attempt.dialect is Dialect.NONE or not head.tells_usage:
            return None
        return UsageTap(attempt.dialect, streamed=x.streamed, count=self._reporter.count, encoding=head.encoding)

    # --- answers of our own -----------------------------------------------------------------------

    async def deliver(self, x: Exchange, content_type: bytes, body: bytes) -> bool:
        """A 200 that needed no upstream; a 204 where there is no content type."""
        keep = self._keeps(x) and x.request.body.is_eof()
        framing = b"200 OK\r\ncontent-type: %b\r\ncontent-length: %d" % (content_type, len(body))
        head = b"HTTP/1.1 %b\r\ndate: %b\r\n%b%b" % (
            framing if content_type else b"204 No Content",
            http_date(x.started_wall),
            INERT,
            self._cross_origin(x, x.route.surface) if x.route is not None else b"",
        )
        x.status, x.outcome = 200 if content_type else 204, "completed"
        x.committed = x.request.answered = True
        shown = b"" if x.request.method == "HEAD" else body
        x.response_bytes = len(shown)
        ids = _ids(x) if x.plan is not None and x.plan.gateway is not None else b""
        x.request.downstream.write(head + ids + (b"\r\n" if keep else b"connection: close\r\n\r\n") + shown)
        return KEEP if keep else CLOSE

    def tell_methods(self, x: Exchange) -> bool:
        """What an OPTIONS request that goes no further is answered (RFC 9110 section 9.3.7)."""
        keep = self._keeps(x) and x.request.body.is_eof()
        x.status, x.outcome = 204, "completed"
        x.committed = x.request.answered = True
        head = b"HTTP/1.1 204 No Content\r\nallow: %b\r\ndate: %b\r\n" % (_METHODS, http_date(x.started_wall))
        x.request.downstream.write(head + (b"\r\n" if keep else b"connection: close\r\n\r\n"))
        return KEEP if keep else CLOSE

    def _cross_origin(self, x: Exchange, surface: Surface) -> bytes:
        head = x.head
        if head is None or not head.origin or surface not in CROSS_ORIGIN_SURFACES:
            return b""
        return self.cors.preflight(head.origin) if surface is Surface.PREFLIGHT else self.cors.answer(head.origin)

    async def refuse(self, x: Exchange, refusal: Refusal) -> bool:
        """The answer to a refused request, in the shape of its surface; once the head is out only a cut is left."""
        fault = refusal.fault
        x.fault = fault
        if refusal.message is not None:
            x.error_message = refusal.message
        x.outcome = "upstream_error" if fault.status in (502, 504) else "refused"
        x.logged = x.logged and fault.logged and _leaves_row(x, fault)
        if x.committed:
            x.request.downstream.cut(reset=True)
            return CLOSE
        x.status = fault.status
        surface = x.route.surface if x.route is not None else surface_of(x.request.target)
        # An unread body would have to be read to its end to use the connection again. Behind a head that we do not read,
        # nothing is certain.
        close = fault.closes or x.head is None or not self._keeps(x) or not x.request.body.is_eof()
        allow = b"allow: %b\r\n" % refusal.allow.encode() if refusal.allow else b""
        ids = _ids(x) + allow + b"date: %b\r\n" % http_date(x.started_wall) + self._cross_origin(x, surface)
        x.request.write_fault(fault, surface, ids, refusal.message, close)
        return CLOSE if close else KEEP


def _request(method: str, block: bytes, body: Body) -> bytes:
    """Head and held body of the upstream request, in one piece."""
    held = body.held
    if body.length is None:
        held = b"%x\r\n%b\r\n" % (len(held), held) if held else b""
        return b"%b%b\r\n%b%b" % (block, _CHUNKED, held, _LAST_CHUNK if body.whole else b"")
    if body.length or method in BODY_METHODS:  # RFC 9110 section 8.6: these say so when their body is empty
        return b"%bcontent-length: %d\r\n\r\n%b" % (block, body.length, held)
    return block + b"\r\n"


async def _upload_until_answered(
    connection: Connection, body: Body, waiting: asyncio.Future[ResponseHead], timeout_s: float
) -> tuple[asyncio.Task[Exception | None], ResponseHead]:
    """Send the rest of the body while waiting for the answer, which may come before the body's end."""
    connection.request_sent = False
    upload = spawn(_upload(connection, body, timeout_s), "upload")
    try:
        await asyncio.wait((waiting, upload), return_when=asyncio.FIRST_COMPLETED)
        if upload.done() and (stopped := upload.result()) is not None:
            waiting.cancel()
            raise stopped
        return upload, await waiting
    except BaseException:
        await cancel_and_wait(upload)
        raise


async def _upload(connection: Connection, body: Body, timeout_s: float) -> Exception | None:
    """Send what still arrives of the body, as fast as the provider takes it; answers what stopped it, if anything did."""
    chunked = body.length is None
    body.holder = None
    try:
        while piece := await body.next_piece():
            if not connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece):
                await connection.drained()
            connection.upload_moved(timeout_s)
    except (Refusal, ConnectionError) as stopped:
        connection.close()  # half a request: the provider must not take it for a whole one
        return stopped
    if chunked:
        connection.send(_LAST_CHUNK)
    connection.request_sent = True
    return None


def _leaves_row(x: Exchange, fault: Fault) -> bool:
    """Whether a refused request is logged: where a provider was asked, or a caller with a token may want to know. A path that
    names no provider, and what strangers make up, would only fill the log."""
    if x.asked_at is not None:
        return True
    named = fault is not UNKNOWN_PROVIDER or (x.route is not None and not x.route.provider)
    return named and x.permit is not None and x.permit.authenticated


def _fault_of(failure: UpstreamFailure, x: Exchange) -> Fault:
    if x.route is not None and x.route.surface in (Surface.CONTROL, Surface.DASHBOARD):
        return CONTROL_UNREACHABLE
    return _FAULTS[failure.cause]


def _http_10(x: Exchange) -> bool:
    return x.head is not None and x.head.http_10


def _ids(x: Exchange) -> bytes:
    """`cf-aig-request-id` and `cf-aig-event-id` always, `cf-aig-log-id` when a record is written (section 3.2)."""
    own = x.id.encode()
    event = x.options.event_id.encode() if x.options.event_id else own
    stale = _STALE if x.auth_state == "stale" else b""
    if x.logged:
        return b"cf-aig-request-id: %b\r\ncf-aig-event-id: %b\r\ncf-aig-log-id: %b\r\n%b" % (own, event, own, stale)
    return b"cf-aig-request-id: %b\r\ncf-aig-event-id: %b\r\n%b" % (own, event, stale)
