"""Rollups → what analytics show: which span answers a question, and the sums and percentiles of a period. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from gateway.model.rollups import COUNTS, DAY_S, ERRORS, HOUR_S, MINUTE_S, Figures, GatewaySum, Rollup, percentiles
from gateway.protocol.envelope import rfc3339

INTERVALS: Final = {"minute": MINUTE_S, "hour": HOUR_S, "day": DAY_S}
KEPT_S: Final = {MINUTE_S: 8 * DAY_S, HOUR_S: 400 * DAY_S}
"""How long rollups of a span are kept; those of days for ever."""
MOST_POINTS: Final = 1500
_BY_MINUTE_S: Final = 6 * HOUR_S
_BY_HOUR_S: Final = 14 * DAY_S
_MOST_GROUPS: Final = 50
_SHARES: Final = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Question:
    """A period, and the span of the points it is told in. Both ends are multiples of the span."""

    start: int
    end: int
    """The first moment behind it."""
    span: int

    @property
    def interval(self) -> str:
        return next(name for name, span in INTERVALS.items() if span == self.span)

    @property
    def points(self) -> int:
        return (self.end - self.start) // self.span


def asked(start: float, end: float, interval: str, now: float) -> Question:
    """`interval` is a name of INTERVALS or `auto`: the finest that is kept and tells the period in some hundred points."""
    span = INTERVALS.get(interval) or _fitting(start, end, now)
    return Question(int(start // span * span), int(-(-end // span) * span), span)


def _fitting(start: float, end: float, now: float) -> int:
    if end - start <= _BY_MINUTE_S and now - start <= KEPT_S[MINUTE_S]:
        return MINUTE_S
    return HOUR_S if end - start <= _BY_HOUR_S and now - start <= KEPT_S[HOUR_S] else DAY_S


def shown(figures: Figures) -> dict[str, Any]:
    """One object of figures. Tokens, cost and times are null where nothing is known of them."""
    counted: dict[str, Any] = {name: getattr(figures, name) for name in COUNTS if name not in ERRORS}
    if not figures.metered:
        counted |= {name: None for name in COUNTS if name.startswith("tokens_")}
    return counted | {
        "errors": figures.errors,
        "errors_by_kind": {name: getattr(figures, name) for name in ERRORS},
        "cost": figures.cost if figures.priced else None,
        "duration_ms": _times(figures.durations),
        "first_byte_ms": _times(figures.first_bytes),
    }


def _times(histogram: dict[int, int]) -> dict[str, int | None]:
    return dict(zip(("p50", "p95", "p99"), percentiles(histogram, *_SHARES), strict=True))


def answered(question: Question, rollups: Iterable[Rollup], group_by: str) -> dict[str, Any]:
    """Totals, a point for each span of the period, and the biggest groups by `provider` or `model` (`none`: no groups)."""
    name_of: Callable[[Rollup], tuple[str, ...]] = _GROUPINGS[group_by]
    totals = Figures()
    points = [Figures() for _ in range(question.points)]
    groups: dict[tuple[str, ...], Figures] = {}
    for rollup in rollups:
        points[(rollup.start - question.start) // question.span].merge(rollup.figures)
        if group_by != "none" and rollup.figures.requests:
            groups.setdefault(name_of(rollup), Figures()).merge(rollup.figures)
    for point in points:
        totals.merge(point)
    biggest = sorted(groups.items(), key=lambda group: (-group[1].requests, group[0]))[:_MOST_GROUPS]
    moments = range(question.start, question.end, question.span)
    return _head(question) | {
        "totals": shown(totals),
        "series": [{"start": rfc3339(at)} | shown(each) for at, each in zip(moments, points, strict=True)],
        "groups": [dict(zip(("provider", "model"), name, strict=False)) | shown(each) for name, each in biggest],
    }


_GROUPINGS: Final[dict[str, Callable[[Rollup], tuple[str, ...]]]] = {
    "none": lambda _: (),
    "provider": lambda rollup: (rollup.provider,),
    "model": lambda rollup: (rollup.provider, rollup.model),
}
GROUPINGS: Final = tuple(_GROUPINGS)


def compared(question: Question, sums: Iterable[GatewaySum]) -> dict[str, Any]:
    """All gateways side by side: totals, and for a sparkline the requests of each span. Who had none is not there."""
    gateways: dict[str, dict[str, Any]] = {}
    summed = ("requests", "errors", "cached", "tokens_in", "tokens_out", "priced")
    for each in sums:
        if each.gateway_id not in gateways:
            zeros: dict[str, Any] = dict.fromkeys(summed, 0)
            gateways[each.gateway_id] = {"gateway_id": each.gateway_id, **zeros, "cost": 0.0}
            gateways[each.gateway_id] |= {"series": {"requests": [0] * question.points, "errors": [0] * question.points}}
        gateway, at = gateways[each.gateway_id], (each.start - question.start) // question.span
        for name in (*summed, "cost"):
            gateway[name] += getattr(each, name)
        gateway["series"]["requests"][at] = each.requests
        gateway["series"]["errors"][at] = each.errors
    for gateway in gateways.values():
        if not gateway["priced"]:
            gateway["cost"] = None
    return _head(question) | {"gateways": list(gateways.values())}


def _head(question: Question) -> dict[str, Any]:
    return {"start": rfc3339(question.start), "end": rfc3339(question.end), "interval": question.interval}
