"""What all edges counted, added up: right with any number of workers, and across their restarts.

Edges send differences, so a worker that dies takes nothing back of what it has told. Gauges are kept for each connection
and leave with it. Whatever the catalogue does not know is dropped: nothing an edge sends can make the page large or break it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.model.records import LogRecord
from gateway.telemetry.catalogue import BY_NAME, CLOSED, NONE, OPEN_LABELS, OTHER, Family, Kind
from gateway.telemetry.metrics import MICRO, SEPARATOR, SUM, label

Labels = tuple[str, ...]

_MODEL_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+-")
_MODEL_LENGTH: Final = 100
_TOKEN_KINDS: Final = ("in", "out", "cached", "reasoning")


@dataclass(slots=True)
class Buckets:
    counts: list[int]
    total_us: int = 0


@dataclass(slots=True)
class CounterSums:
    sums: defaultdict[str, dict[Labels, int]] = field(default_factory=lambda: defaultdict(dict))
    """Family → label values → count."""
    histograms: defaultdict[str, dict[Labels, Buckets]] = field(default_factory=lambda: defaultdict(dict))
    _gauges: dict[str, dict[tuple[str, Labels], int]] = field(default_factory=dict)
    """Edge → (family, label values) → its value."""
    _seen: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Open label → the values it took so far."""

    # --- in

    def add(self, edge_id: str, deltas: dict[str, int]) -> None:
        """Take an edge's differences; the edge is that of one connection."""
        for name, delta in deltas.items():
            family_name, *rest = name.split(SEPARATOR)
            family = BY_NAME.get(family_name)
            if family is None or not isinstance(delta, int):
                continue
            if family.kind is Kind.HISTOGRAM:
                self._add_to_histogram(family, rest, delta)
            elif (labels := self._labels(family, rest)) is not None:
                self._add_number(family, labels, delta, edge_id)

    def forget(self, edge_id: str) -> None:
        """The edge's connection ended, and with it what it holds."""
        self._gauges.pop(edge_id, None)

    def count(self, family: str, *labels: str, by: int = 1) -> None:
        """Control's own counts, of values the catalogue knows."""
        series = self.sums[family]
        series[labels] = series.get(labels, 0) + by

    def observe(self, family: str, seconds: float, *labels: str) -> None:
        found = self._buckets(BY_NAME[family], labels)
        found.counts[bisect_left(BY_NAME[family].bounds, seconds)] += 1
        found.total_us += round(seconds * MICRO)

    def take(self, batch: Iterable[LogRecord]) -> None:
        """What the request log's rows say beyond what the edges count: summed first, because rows come by the hundred."""
        asked = response = 0
        said: dict[tuple[str, str], list[int]] = {}
        for record in batch:
            provider = self._capped("provider", label(record.provider) if record.asked else NONE)
            self.observe("request_duration_seconds", record.duration_ms / 1000, provider)
            asked += record.request_size
            response += record.response_size
            if record.success:  # a model's name is what a client wrote: only a provider that knows it makes it a label
                sums = said.get((provider, record.model)) or said.setdefault((provider, record.model), [0, 0, 0, 0, 0])
                sums[0] += 1
                sums[1] += record.tokens_in or 0
                sums[2] += record.tokens_out or 0
                sums[3] += record.tokens_cached or 0
                sums[4] += record.tokens_reasoning or 0
        self.count("body_bytes", "request", by=asked)
        self.count("body_bytes", "response", by=response)
        for (provider, name), (requests, *tokens) in said.items():
            model = self._capped("model", _model(name))
            self.count("model_requests", provider, model, by=requests)
            for kind, count in zip(_TOKEN_KINDS, tokens, strict=True):
                if count:
                    self.count("tokens", provider, model, kind, by=count)

    # --- out

    def gauges(self, family: str) -> dict[Labels, int]:
        """Label values → the edges' values added up; never less than nothing."""
        found: dict[Labels, int] = {}
        for held in self._gauges.values():
            for (name, labels), value in held.items():
                if name == family:
                    found[labels] = found.get(labels, 0) + value
        return {labels: max(0, value) for labels, value in found.items()}

    # --- within

    def _add_number(self, family: Family, labels: Labels, delta: int, edge_id: str) -> None:
        series = self.sums[family.name]
        if family.kind is Kind.COUNTER:
            if delta > 0:
                series[labels] = series.get(labels, 0) + delta
            return
        held = self._gauges.setdefault(edge_id, {})
        value = held[family.name, labels] = held.get((family.name, labels), 0) + delta
        if family.kind is Kind.HIGHEST:
            series[labels] = max(series.get(labels, 0), value)

    def _add_to_histogram(self, family: Family, rest: list[str], delta: int) -> None:
        labels = self._labels(family, rest[:-1]) if rest else None
        if labels is None or delta < 0:
            return
        place = rest[-1]
        if place == SUM:
            self._buckets(family, labels).total_us += delta
        elif place.isascii() and place.isdigit() and int(place) <= len(family.bounds):
            self._buckets(family, labels).counts[int(place)] += delta

    def _buckets(self, family: Family, labels: Labels) -> Buckets:
        series = self.histograms[family.name]
        if labels not in series:
            series[labels] = Buckets([0] * (len(family.bounds) + 1))
        return series[labels]

    def _labels(self, family: Family, values: list[str]) -> Labels | None:
        """The values as they may be shown; None if they are not this family's."""
        if len(values) != len(family.labels):
            return None
        shown = []
        for name, value in zip(family.labels, values, strict=True):
            closed = CLOSED.get((family.name, name))
            if closed is not None and value not in closed:
                return None
            shown.append(self._capped(name, value) if closed is None else value)
        return tuple(shown)

    def _capped(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value in seen or value in (NONE, OTHER):
            return value
        if len(seen) >= OPEN_LABELS[name]:
            return OTHER
        seen.add(value)
        return value


def _model(name: str) -> str:
    if not name:
        return NONE
    return name if len(name) <= _MODEL_LENGTH and _MODEL_CHARACTERS.issuperset(name) else OTHER
