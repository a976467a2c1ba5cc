"""The `/metrics` page: everything counted, rendered by prometheus-client in the order of the catalogue."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.control.counters import CounterSums, Labels
from gateway.telemetry.catalogue import FAMILIES, PREFIX, Family, Kind
from gateway.telemetry.metrics import MICRO

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Own = Callable[[], Mapping[str, Mapping[Labels, int]]]
"""What control knows by itself: family → label values → value."""


class Page(Collector):
    def __init__(self, counters: CounterSums, own: Own) -> None:
        self._counters = counters
        self._own = own
        # Its multiprocess mode and its global registry are for others: the edges' numbers come over the link.
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self) -> bytes:
        """Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        own = self._own()
        for family in FAMILIES:
            yield self._histogram(family) if family.kind is Kind.HISTOGRAM else self._numbers(family, own.get(family.name, {}))

    def _numbers(self, family: Family, own: Mapping[Labels, int]) -> Metric:
        gauge = family.kind is Kind.GAUGE
        kind = GaugeMetricFamily if gauge else CounterMetricFamily
        metric = kind(f"{PREFIX}{family.name}", family.help, labels=family.labels)
        known = self._counters.gauges(family.name) if gauge else self._counters.sums.get(family.name, {})
        values = {**known, **own}
        if not family.labels:
            values.setdefault((), 0)
        for labels in sorted(values):
            metric.add_metric(labels, values[labels])
        return metric

    def _histogram(self, family: Family) -> Metric:
        metric = HistogramMetricFamily(f"{PREFIX}{family.name}", family.help, labels=family.labels)
        for labels, buckets in sorted(self._counters.histograms.get(family.name, {}).items()):
            counted, shown = 0, []
            for bound, count in zip((*map(str, family.bounds), "+Inf"), buckets.counts, strict=True):
                counted += count
                shown.append((bound, counted))
            metric.add_metric(labels, shown, sum_value=buckets.total_us / MICRO)
        return metric
