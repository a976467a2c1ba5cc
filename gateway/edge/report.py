"""The last phase, which every request reaches: one log record, counters, and their way to control.

Records leave in batches, and are dropped and counted once too many wait (edge/outgoing.py). Nothing here waits.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.edge.exchange import Exchange
from gateway.edge.identity import Reader
from gateway.edge.outgoing import Outgoing
from gateway.edge.taps.usage import UsageTap
from gateway.edge.unauthenticated import REFUSALS, UnauthenticatedCounts
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.clock import Clock
from gateway.link.frames import Counters
from gateway.link.port import EdgeLink
from gateway.model import bounds
from gateway.model.causes import CLIENT_GONE, PROVIDER_ERROR, UPSTREAM_CAUSES
from gateway.model.faults import UPSTREAM_BROKEN
from gateway.model.records import ROW_BYTES, UNKNOWN_USAGE, LogBodies, LogRecord, Row, Usage
from gateway.model.routes import OPEN_SURFACES, Endpoint, Route, Surface
from gateway.protocol.asked_model import model_in_body, model_in_path
from gateway.protocol.field_text import readable
from gateway.protocol.headers import RequestHead
from gateway.telemetry.logging import Sampled
from gateway.telemetry.metrics import SEPARATOR, Metrics, refusal

_log = logging.getLogger("gateway.edge")

FLUSH_S: Final = 0.25
FAILURE_LINE_EVERY_S: Final = 10.0
COUNTERS_EVERY: Final = 4
"""Counters go with every fourth flush: once a second."""
_PATH: Final = LogRecord._fields.index("path")
_REQUEST: Final = LogBodies._fields.index("request")
_RESPONSE: Final = LogBodies._fields.index("response")

_MODEL_TYPES: Final = {
    Endpoint.CHAT: "chat",
    Endpoint.RESPONSES: "chat",
    Endpoint.MESSAGES: "chat",
    Endpoint.EMBEDDINGS: "embedding",
}


class Reporter:
    def __init__(self, clock: Clock, queue_bytes: int, body_bytes: int = 0, peppers: tuple[bytes, ...] = (b"",)) -> None:
        self.clock = clock
        self.unauthenticated = UnauthenticatedCounts(Reader(*peppers))
        self.body_bytes = body_bytes
        """As much of each body is logged."""
        self.outgoing = Outgoing(queue_bytes)
        self.metrics = Metrics()
        self.metrics.total(f"log_records_dropped{SEPARATOR}edge", lambda: self.outgoing.dropped)
        self.metrics.gauge(f"log_queue_records{SEPARATOR}edge", lambda: self.outgoing.waiting)
        self._finished = self.metrics.finished.append
        self._overhead = self.metrics.histogram("overhead_seconds").observe
        self._first_byte: dict[str, Callable[[float], None]] = {}
        """By provider."""
        self._failures: dict[tuple[str, str], Sampled] = {}
        """By provider and cause."""
        self._link: EdgeLink | None = None
        self._flusher: asyncio.Task[None] | None = None

    def start(self, link: EdgeLink) -> None:
        self._link = link
        self._flusher = spawn(self._flush_for_ever(), "report-flush")

    async def close(self) -> None:
        await cancel_and_wait(self._flusher)
        self.flush(with_counters=True)

    def count(self, name: str) -> None:
        self.metrics.counts[name] += 1

    def upstream_failed(self, slug: str, cause: str) -> None:
        """Count it, and say so in the service's log, a few times a minute for each provider and cause."""
        provider = "custom" if slug.startswith("custom-") else slug
        self.count(SEPARATOR.join(("upstream_failures", provider, cause)))
        sampled = self._failures.get((provider, cause))
        if sampled is None:
            sampled = self._failures[provider, cause] = Sampled(_log, per_second=1, every_s=FAILURE_LINE_EVERY_S)
        sampled.warning(self.clock.monotonic(), f"provider {provider} failed: {cause}: {UPSTREAM_CAUSES[cause]}")

    def __call__(self, x: Exchange) -> None:
        """Guards the report: an error in it is counted, and the client's connection lives on."""
        try:
            self._report(x)
        except Exception as error:
            self.count("report_failed")
            _log.error("a request could not be reported: %s", type(error).__name__)

    def _report(self, x: Exchange) -> None:
        route = x.route
        if route is None or route.surface in OPEN_SURFACES:
            self._count_other(x)
            return
        plan, provider, permit = x.plan, x.provider, x.permit
        self._finished(
            (
                plan.gateway.id if plan is not None and plan.gateway is not None else "",
                provider.slug if provider is not None else "",
                x.status or 499,
                x.fault,
                x.outcome,
                None if permit is None else permit.token_id != "",
            )
        )
        if permit is None:
            if x.fault in REFUSALS and plan is not None and plan.gateway is not None:
                self.unauthenticated.refused(route.account_id, plan.gateway.id)
        elif not permit.authenticated:
            self.unauthenticated.passed(x)
        if x.asked_at is not None and provider is not None:
            if x.overhead_s is not None:
                self._overhead(x.overhead_s)
            if x.first_byte_at is not None:
                first_byte = self._first_byte.get(provider.slug) or self._first_byte_of(provider.slug)
                first_byte(x.first_byte_at - x.asked_at)
        if not x.logged:
            return
        usage = x.tap.close(x.outcome == "completed") if isinstance(x.tap, UsageTap) else UNKNOWN_USAGE
        row = self._row(x, usage)
        size = ROW_BYTES + len(row[_PATH]) + len(x.options.metadata or "")
        bodies = _bodies(x, self.body_bytes) if x.samples else None
        if bodies is not None:
            size += len(bodies[_REQUEST]) + len(bodies[_RESPONSE])
        if self.outgoing.put(row, size, bodies):
            self.flush(with_counters=False)

    def _first_byte_of(self, slug: str) -> Callable[[float], None]:
        observe = self._first_byte[slug] = self.metrics.histogram("upstream_first_byte_seconds", slug).observe
        return observe

    def _count_other(self, x: Exchange) -> None:
        surface = "none" if x.route is None else x.route.surface.name.lower()
        self.metrics.counts[f"other_requests{SEPARATOR}{surface}"] += 1
        if x.fault is not None:
            self.metrics.counts[refusal(x.fault)] += 1

    def flush(self, *, with_counters: bool) -> None:
        link = self._link
        if link is None or not link.connected:
            return
        self.outgoing.flush(link)
        if with_counters:
            deltas = self.metrics.take(link.generation)
            if deltas and not link.send(Counters(deltas)):
                self.metrics.give_back(deltas)
            told = self.unauthenticated.take()
            if told is not None and not link.send(told):
                self.unauthenticated.give_back(told)

    async def _flush_for_ever(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(FLUSH_S)
            turn += 1
            self.metrics.fold()
            self.flush(with_counters=turn % COUNTERS_EVERY == 0)

    def _row(self, x: Exchange, usage: Usage) -> Row:
        """The values of a LogRecord, in its order."""
        route, head, plan = x.route, x.head, x.plan
        assert route is not None
        assert head is not None
        assert plan is not None
        assert plan.gateway is not None
        started = x.started_at
        success = 200 <= x.status < 400 and x.outcome == "completed"
        error_code, error_message, error_cause = NO_ERROR if success else _error(x)
        model_type, method, path, content_type, user_agent = _described(route, head, x.request.method)
        return (
            x.id,
            route.account_id,
            plan.gateway.id,  # gateway_id
            x.started_wall,  # created_at
            x.provider.slug if x.provider is not None else bounds.text(route.provider, bounds.NAME),  # provider
            bounds.text(x.model or usage.model, bounds.NAME) or _asked_model(x, route, head),  # model
            model_type,
            method,
            path,
            x.status or 499,  # status_code
            success,
            x.outcome,
            x.cached,
            round((self.clock.monotonic() - started) * 1000),  # duration_ms
            None if x.first_byte_at is None else round((x.first_byte_at - started) * 1000),  # first_byte_ms
            usage.tokens_in,
            usage.tokens_out,
            usage.tokens_cached,
            usage.tokens_reasoning,
            usage.exactness,  # usage_exactness
            x.options.metadata,
            0,  # step
            "",  # request_type
            content_type,  # request_content_type
            x.response_type,  # response_content_type
            x.request_bytes,  # request_size
            x.response_bytes,  # response_size
            x.options.event_id or x.id,  # event_id
            user_agent,
            plan.authentication,
            x.permit.token_id if x.permit is not None else "",  # token_id
            x.streamed,
            usage.tokens_cache_write,
            x.events,
            None if x.overhead_s is None else round(x.overhead_s * 1_000_000),  # overhead_us
            x.auth_state if x.permit is not None and x.permit.authenticated else "",
            x.options.custom_cost,
            x.asked_at is not None,  # asked
            error_code,
            error_message,
            error_cause,
            None,  # cost: control's
        )


def _bodies(x: Exchange, limit_bytes: int) -> Row | None:
    """The values of LogBodies as the link carries them."""
    body, route, plan = x.body, x.route, x.plan
    if body is None or route is None or plan is None or plan.gateway is None:
        return None
    if body.sample is not None:
        request, whole = body.sample.close()
    else:
        request, whole = body.held[:limit_bytes], len(body.held) <= limit_bytes
    response, complete = x.response_sample.close() if x.response_sample is not None else (b"", True)
    return (
        x.id,
        route.account_id,
        plan.gateway.id,
        request.decode("latin-1"),
        response.decode("latin-1"),
        whole,
        complete and x.outcome == "completed",
        x.head.coding.decode("latin-1") if x.head is not None and not body.decoded else "",
        x.response_encoding,
    )


def _asked_model(x: Exchange, route: Route, head: RequestHead) -> str:
    """What a native request asked for, where the answer does not say: an error, an embedding, a dialect without names."""
    if route.surface is not Surface.PROVIDER_NATIVE:
        return ""
    named = model_in_path(x.provider.slug if x.provider is not None else "", route.tail)
    body = x.body
    if named or body is None:
        return named
    content_type = head.value(b"content-type")
    if body.ends is not None:
        return model_in_body(content_type, body.ends.head, body.ends.tail)
    return model_in_body(content_type, body.held)


NO_ERROR: Final[tuple[int | None, str, str]] = (None, "", "")


def _error(x: Exchange) -> tuple[int | None, str, str]:
    """Code, message and cause of a request that did not succeed."""
    fault, cause = x.fault, x.error_cause
    if fault is not None:
        message = UPSTREAM_CAUSES.get(cause) or bounds.text(x.error_message, bounds.ERROR) or fault.message
        return fault.code, message, cause or fault.name
    if cause:
        return UPSTREAM_BROKEN.code, UPSTREAM_CAUSES[cause], cause
    if x.outcome == "client_gone":
        return 499, "The client left before the end", CLIENT_GONE
    said = f"with status {x.status}" if x.status >= 400 else "and told of an error in its answer"
    return x.status, f"The provider answered {said}", PROVIDER_ERROR


def _described(route: Route, head: RequestHead, method: str) -> tuple[str, str, str, str, str]:
    """Model type, method, path, content type, user agent: the same for every request with this head."""
    described = head.memo.get("log")
    if described is None:
        path = route.path
        described = head.memo["log"] = (
            _model_type(route.endpoint, path),
            bounds.text(method, bounds.METHOD),
            bounds.path(path),
            bounds.text(readable(head.value(b"content-type")), bounds.NAME),
            bounds.text(readable(head.value(b"user-agent")), bounds.USER_AGENT),
        )
    return described  # type: ignore[return-value]


def _model_type(endpoint: Endpoint | None, path: str) -> str:
    if endpoint is not None:
        return _MODEL_TYPES.get(endpoint, "")
    if path.endswith(("chat/completions", "/messages", "responses", "enerateContent")):
        return "chat"
    return "embedding" if path.endswith(("embeddings", "mbedContent", "mbedContents")) else ""
