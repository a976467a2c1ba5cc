"""Sums over log records by minute, hour and day: what analytics answer from (specification section 14).

Times are kept as histograms that can be added up, so that percentiles of a year come out of those of its days: bucket `n`
counts the milliseconds from 1.05**n to 1.05**(n + 1), so a percentile is off by at most 2.5 %; bucket -1 counts 0.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, log
from typing import Final, NamedTuple

from gateway.model import bounds
from gateway.model.records import LogRecord

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
SPANS_S: Final = (MINUTE_S, HOUR_S, DAY_S)
OTHER: Final = "other"
"""The model of what is not told apart: beyond `bounds.ROLLUP_NAMES`."""

COUNTS: Final = (
    "requests", "cached", "refused", "rejected", "upstream_failed", "client_gone", "metered", "tokens_in", "tokens_out",
    "tokens_cached", "tokens_cache_write", "tokens_reasoning", "priced", "unauthenticated",
)  # fmt: skip
ERRORS: Final = ("refused", "rejected", "upstream_failed", "client_gone")

_WIDTH: Final = log(1.05)
_TABLE: Final = [-1, *(int(log(ms) / _WIDTH + 1e-9) for ms in range(1, 4096))]


def bucket_of(ms: int) -> int:
    return _TABLE[ms] if 0 <= ms < 4096 else int(log(ms) / _WIDTH + 1e-9) if ms > 0 else -1


class RollupKey(NamedTuple):
    account_id: str
    gateway_id: str
    span: int
    """Seconds that are summed up: one of SPANS_S."""
    start: int
    """Seconds since the epoch, a multiple of the span."""
    provider: str
    model: str


class Figures:
    """The sums of some records."""

    __slots__ = (*COUNTS, "cost", "durations", "first_bytes")

    def __init__(self) -> None:
        self.requests = self.cached = 0
        self.refused = self.rejected = self.upstream_failed = self.client_gone = 0
        """What did not succeed, by kind: refused here, answered with an error, no or half an answer, client left."""
        self.metered = self.tokens_in = self.tokens_out = 0
        """`metered`: records whose tokens are known, of which the others are the sums."""
        self.tokens_cached = self.tokens_cache_write = self.tokens_reasoning = 0
        self.priced = 0
        """Records whose cost is known."""
        self.unauthenticated = 0
        """Refused for want of a valid token: not among the requests, and never logged."""
        self.cost = 0.0
        """US dollars."""
        self.durations: dict[int, int] = {}
        """Bucket → records, of milliseconds from the request's start to the answer's end."""
        self.first_bytes: dict[int, int] = {}
        """The same to the answer's first byte, of those that had one."""

    @property
    def errors(self) -> int:
        return self.refused + self.rejected + self.upstream_failed + self.client_gone

    def count(self, record: LogRecord) -> None:
        self.requests += 1
        if record.cached:
            self.cached += 1
        if not record.success:
            self._failed(record.outcome)
        if record.tokens_in is not None or record.tokens_out is not None:
            self._tokens(record)
        if (cost := bounds.cost(record.cost)) is not None:
            self.priced += 1
            self.cost += cost
        bucket = bucket_of(record.duration_ms)
        durations = self.durations
        durations[bucket] = durations.get(bucket, 0) + 1
        if record.first_byte_ms is not None:
            bucket = bucket_of(record.first_byte_ms)
            self.first_bytes[bucket] = self.first_bytes.get(bucket, 0) + 1

    def _failed(self, outcome: str) -> None:
        if outcome == "refused":
            self.refused += 1
        elif outcome == "client_gone":
            self.client_gone += 1
        elif outcome == "completed":
            self.rejected += 1
        else:
            self.upstream_failed += 1

    def _tokens(self, record: LogRecord) -> None:
        self.metered += 1
        self.tokens_in += bounds.count(record.tokens_in) or 0
        self.tokens_out += bounds.count(record.tokens_out) or 0
        self.tokens_cached += bounds.count(record.tokens_cached) or 0
        self.tokens_cache_write += bounds.count(record.tokens_cache_write) or 0
        self.tokens_reasoning += bounds.count(record.tokens_reasoning) or 0

    def merge(self, other: "Figures") -> None:
        """Written out: a year of analytics does this thousands of times."""
        self.requests += other.requests
        self.cached += other.cached
        self.refused += other.refused
        self.rejected += other.rejected
        self.upstream_failed += other.upstream_failed
        self.client_gone += other.client_gone
        self.metered += other.metered
        self.tokens_in += other.tokens_in
        self.tokens_out += other.tokens_out
        self.tokens_cached += other.tokens_cached
        self.tokens_cache_write += other.tokens_cache_write
        self.tokens_reasoning += other.tokens_reasoning
        self.priced += other.priced
        self.unauthenticated += other.unauthenticated
        self.cost += other.cost
        _merge(self.durations, other.durations)
        _merge(self.first_bytes, other.first_bytes)


class Rollup(NamedTuple):
    start: int
    provider: str
    model: str
    figures: Figures


class GatewaySum(NamedTuple):
    """One gateway's sums over a span, without times: what a list of all gateways shows."""

    gateway_id: str
    start: int
    requests: int
    errors: int
    cached: int
    tokens_in: int
    tokens_out: int
    priced: int
    cost: float


def _merge(into: dict[int, int], other: Mapping[int, int]) -> None:
    if not into:
        into.update(other)
        return
    get = into.get
    for bucket, count in other.items():
        into[bucket] = get(bucket, 0) + count


def fold(records: Iterable[LogRecord]) -> dict[RollupKey, Figures]:
    """The records' sums by minute, hour and day."""
    minutes: dict[tuple[str, str, int, str, str], Figures] = {}
    for record in records:
        key = (record.account_id, record.gateway_id, int(record.created_at // MINUTE_S), record.provider, record.model)
        figures = minutes.get(key)
        if figures is None:
            figures = minutes[key] = Figures()
        figures.count(record)
    folded: dict[RollupKey, Figures] = {}
    for (account_id, gateway_id, minute, provider, model), figures in minutes.items():
        for span in SPANS_S:
            start = minute * MINUTE_S // span * span
            at = RollupKey(account_id, gateway_id, span, start, provider, model[: bounds.NAME])
            if at not in folded:
                folded[at] = Figures()
            folded[at].merge(figures)
    return folded


def fold_refused(refused: Mapping[tuple[str, str], int], moment: float) -> dict[RollupKey, Figures]:
    """Counts of requests that authentication refused, (account, gateway) → how many, as rollups of no provider and no model."""
    folded: dict[RollupKey, Figures] = {}
    for (account_id, gateway_id), requests in refused.items():
        for span in SPANS_S:
            figures = folded[RollupKey(account_id, gateway_id, span, int(moment // span * span), "", "")] = Figures()
            figures.unauthenticated = requests
    return folded


def percentiles(histogram: Mapping[int, int], *shares: float) -> Iterator[int | None]:
    """The milliseconds that this share of the records stayed below; None where there are no records."""
    total = sum(histogram.values())
    buckets = sorted(histogram.items())
    for share in shares:
        rank, seen = ceil(total * share), 0
        for bucket, count in buckets:
            seen += count
            if seen >= rank:
                yield 0 if bucket < 0 else round(1.05 ** (bucket + 0.5))
                break
        else:
            yield None
