"""The last phase, which every request reaches: one log record, counters, and their way to control.

Records wait in a queue bounded in bytes and leave in batches; a full queue drops and counts. Nothing here waits.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.edge.exchange import Exchange
from gateway.edge.taps.usage import UsageTap
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.bounded import BoundedQueue
from gateway.kit.clock import Clock
from gateway.link.frames import Counters, Records
from gateway.link.port import EdgeLink
from gateway.model.records import UNKNOWN_USAGE, LogRecord, Usage
from gateway.model.routes import Endpoint, Route, Surface
from gateway.protocol.headers import RequestHead

BATCH_ROWS: Final = 128
"""So many leave at once, without waiting for the clock: few enough to be still in the processor's cache."""
FLUSH_S: Final = 0.25
COUNTERS_EVERY: Final = 4
"""Counters go with every fourth flush: once a second."""
_ROW_BYTES: Final = 900
"""What a record takes in memory, apart from its texts."""

_record: Final[Callable[[tuple[object, ...]], LogRecord]] = partial(tuple.__new__, LogRecord)

_MODEL_TYPES: Final = {
    Endpoint.CHAT: "chat",
    Endpoint.RESPONSES: "chat",
    Endpoint.MESSAGES: "chat",
    Endpoint.EMBEDDINGS: "embedding",
}


class Reporter:
    def __init__(self, clock: Clock, queue_bytes: int) -> None:
        self.clock = clock
        self._queue: BoundedQueue[LogRecord] = BoundedQueue(queue_bytes)
        self._counters: Counter[str] = Counter()
        self._dropped_told = 0
        self._link: EdgeLink | None = None
        self._flusher: asyncio.Task[None] | None = None

    def start(self, link: EdgeLink) -> None:
        self._link = link
        self._flusher = spawn(self._flush_for_ever(), "report-flush")

    async def close(self) -> None:
        await cancel_and_wait(self._flusher)
        self.flush(with_counters=True)

    def count(self, name: str) -> None:
        self._counters[name] += 1

    def __call__(self, x: Exchange) -> None:
        route = x.route
        if route is None or route.surface in (Surface.CONTROL, Surface.DASHBOARD, Surface.OPS):
            self._counters["requests_other"] += 1
            return
        self._counters["requests"] += 1
        if x.fault is not None:
            self._counters[f"fault_{x.fault.name}"] += 1
        if not x.logged:
            return
        usage = x.tap.close(x.outcome == "completed") if isinstance(x.tap, UsageTap) else UNKNOWN_USAGE
        record = self._record(x, usage)
        size = _ROW_BYTES + len(record.path) + len(record.user_agent) + len(record.metadata or "")
        self._queue.put(record, size)
        if len(self._queue) >= BATCH_ROWS:
            self.flush(with_counters=False)

    def flush(self, *, with_counters: bool) -> None:
        link = self._link
        if link is None or not link.connected:
            return
        while batch := self._queue.take(BATCH_ROWS):
            if not link.send(Records(tuple(batch))):
                self._queue.dropped += len(batch)
                break
        if with_counters:
            self._counters["log_dropped"] += self._queue.dropped - self._dropped_told
            self._dropped_told = self._queue.dropped
            deltas = {name: count for name, count in self._counters.items() if count}
            if deltas and link.send(Counters(deltas)):
                self._counters.clear()

    async def _flush_for_ever(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(FLUSH_S)
            turn += 1
            self.flush(with_counters=turn % COUNTERS_EVERY == 0)

    def _record(self, x: Exchange, usage: Usage) -> LogRecord:
        route, head, plan = x.route, x.head, x.plan
        assert route is not None
        assert head is not None
        assert plan is not None
        assert plan.gateway is not None
        started = x.started_at
        model_type, path, content_type, user_agent = _described(route, head)
        # In the record's order, and past its keyword constructor: that alone costs more than all of the below.
        return _record(
            (
                x.id,
                route.account_id,
                plan.gateway.id,  # gateway_id
                x.started_wall,  # created_at
                x.provider.slug if x.provider is not None else route.provider,  # provider
                x.model or usage.model,  # model
                model_type,
                x.request.method,
                path,
                x.status or 499,  # status_code
                200 <= x.status < 400 and x.outcome == "completed",  # success
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
            )
        )


def _described(route: Route, head: RequestHead) -> tuple[str, str, str, str]:
    """Model type, path, content type, user agent: the same for every request with this head."""
    described = head.memo.get("log")
    if described is None:
        path = route.endpoint.value if route.endpoint is not None else route.tail.partition("?")[0]
        texts = (_text(head.value(b"content-type")), _text(head.value(b"user-agent")))
        described = head.memo["log"] = (_model_type(route.endpoint, path), path, *texts)
    return described  # type: ignore[return-value]


def _model_type(endpoint: Endpoint | None, path: str) -> str:
    if endpoint is not None:
        return _MODEL_TYPES.get(endpoint, "")
    if path.endswith(("chat/completions", "/messages", "responses", "enerateContent")):
        return "chat"
    return "embedding" if path.endswith(("embeddings", "mbedContent", "mbedContents")) else ""


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")[:512]
