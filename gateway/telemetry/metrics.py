"""What a process counts: plain integers, cheap enough for the hot path; what grew is sent to control each second.

A request only leaves notes in lists, less than a microsecond's work; a few times a second they are counted, all at once.

On the wire (`link.frames.Counters`) a metric is a name and an integer: `family|label|label`, a histogram's bucket
`family|label|3`, its sum `family|label|sum` in microseconds. Control checks all of it against the catalogue.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from typing import Final

from gateway.model.faults import Fault, Source
from gateway.telemetry.catalogue import AUTH_OUTCOMES, BLAMED_NOBODY, BY_NAME, EVENTS, NONE, OTHER

SEPARATOR: Final = "|"
SUM: Final = "sum"
MICRO: Final = 1_000_000

Request = tuple[str, str, int, Fault | None, str, bool | None]
"""What a finished request is counted by: gateway, provider, status, fault, outcome, and whether a token let it in (None: it
never came so far)."""


class Histogram:
    """Counts of observations by bucket; all in one process, nothing shared."""

    __slots__ = ("_bounds", "_fresh", "counts", "observe", "total")

    def __init__(self, family: str) -> None:
        self._bounds = BY_NAME[family].bounds
        self._fresh: list[float] = []
        self.observe: Final = self._fresh.append
        """Note a value; `fold` counts it."""
        self.counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def fold(self) -> None:
        fresh = self._fresh
        if not fresh:
            return
        self.total += sum(fresh)
        fresh.sort()
        before = 0
        for number, bound in enumerate(self._bounds):
            until = bisect_right(fresh, bound, before)
            self.counts[number] += until - before
            before = until
        self.counts[-1] += len(fresh) - before
        fresh.clear()


class Metrics:
    """One process's numbers. `take` gives what happened since it was last called."""

    def __init__(self) -> None:
        self.finished: list[Request] = []
        """Append each request that ends; `fold` counts them."""
        self.counts: Counter[str] = Counter()
        """By name on the wire; a bare name of the catalogue's EVENTS is an event."""
        self._requests: Counter[Request] = Counter()
        self._histograms: dict[tuple[str, ...], Histogram] = {}
        self._totals: list[tuple[str, Callable[[], int]]] = []
        self._gauges: list[tuple[str, Callable[[], int]]] = []
        self._told: dict[str, int] = {}
        self._generation = 0

    def histogram(self, family: str, *labels: str) -> Histogram:
        key = (family, *labels)
        found = self._histograms.get(key)
        if found is None:
            found = self._histograms[key] = Histogram(family)
        return found

    def total(self, name: str, read: Callable[[], int]) -> None:
        """A number kept elsewhere that only grows: its growth is sent."""
        self._totals.append((name, read))

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """A number kept elsewhere that comes and goes: its change is sent."""
        self._gauges.append((name, read))

    def fold(self) -> None:
        """Count what was noted. Call it often enough for the notes to stay few."""
        self._requests.update(self.finished)
        self.finished.clear()
        for histogram in self._histograms.values():
            histogram.fold()

    def take(self, generation: int) -> dict[str, int]:
        """The differences since the last call. `generation` tells connections to control apart: a new one knows nothing of
        this edge's gauges, so it is told them whole."""
        self.fold()
        deltas: dict[str, int] = {}
        for name, count in self.counts.items():
            spelled = f"events{SEPARATOR}{name}" if name in EVENTS else name
            deltas[spelled] = deltas.get(spelled, 0) + count
        self.counts.clear()
        for request, count in self._requests.items():
            _spell(request, count, deltas)
        self._requests.clear()
        for key, histogram in self._histograms.items():
            self._take_histogram(SEPARATOR.join((key[0], *map(label, key[1:]))), histogram, deltas)
        for name, read in self._totals:
            self._take_change(name, read(), deltas)
        if generation != self._generation:
            self._generation = generation
            for name, _ in self._gauges:
                self._told.pop(name, None)
        for name, read in self._gauges:
            self._take_change(name, read(), deltas)
        return deltas

    def give_back(self, deltas: dict[str, int]) -> None:
        """What `take` gave could not be sent: it is part of the next."""
        gauges = {name for name, _ in self._gauges}
        for name, delta in deltas.items():
            if name in gauges:
                self._told[name] -= delta
            else:
                self.counts[name] += delta

    def _take_change(self, name: str, now: int, deltas: dict[str, int]) -> None:
        if change := now - self._told.get(name, 0):
            deltas[name] = deltas.get(name, 0) + change
            self._told[name] = now

    def _take_histogram(self, name: str, histogram: Histogram, deltas: dict[str, int]) -> None:
        if not any(histogram.counts):
            return
        for number, count in enumerate(histogram.counts):
            if count:
                key = f"{name}{SEPARATOR}{number}"
                deltas[key] = deltas.get(key, 0) + count
                histogram.counts[number] = 0
        key = f"{name}{SEPARATOR}{SUM}"
        deltas[key] = deltas.get(key, 0) + round(histogram.total * MICRO)
        histogram.total = 0.0


def _spell(request: Request, count: int, deltas: dict[str, int]) -> None:
    """The names under which finished requests are summed up."""
    gateway, provider, status, fault, outcome, by_token = request
    shown = (label(gateway), label(provider), f"{status // 100}xx", blamed(status, fault, outcome))
    names = [SEPARATOR.join(("requests", *shown))]
    if decided := _decided(fault, by_token):
        names.append(f"auth{SEPARATOR}{decided}")
    if fault is not None:
        names.append(refusal(fault))
    for name in names:
        deltas[name] = deltas.get(name, 0) + count


def refusal(fault: Fault) -> str:
    """The name an answer of our own is counted by."""
    return SEPARATOR.join(("refusals", fault.name, fault.source.value))


def blamed(status: int, fault: Fault | None, outcome: str) -> str:
    """Whose fault a request's end was; never that of somebody who did as asked."""
    if fault is not None:
        return fault.source.value
    if outcome == "client_gone":
        return Source.CLIENT.value
    if outcome in ("upstream_truncated", "upstream_error") or status >= 500:
        return Source.UPSTREAM.value
    return Source.CLIENT.value if status >= 400 else BLAMED_NOBODY


def _decided(fault: Fault | None, by_token: bool | None) -> str:
    """What authentication said; nothing of requests that ended before it."""
    if by_token is None:
        return AUTH_OUTCOMES.get(fault.name, "") if fault is not None else ""
    return "permitted" if by_token else "anonymous"


def label(value: str) -> str:
    """A value as a label: nothing is `none`, and what would break the names on the wire is `other`."""
    if not value:
        return NONE
    return OTHER if SEPARATOR in value or not value.isprintable() else value
