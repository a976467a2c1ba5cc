"""Counters of all edges, added up: right with any number of workers, and across their restarts."""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,99}(\{[^\n{}]{0,400}\})?")
_MOST_SERIES: Final = 5_000
"""Names beyond this are not kept: memory stays bounded whatever an edge sends."""
_PREFIX: Final = "aig_"


class CounterSums:
    def __init__(self) -> None:
        self.sums: dict[str, int] = {}
        """Name, with its labels in braces if it has any → sum."""

    def add(self, deltas: dict[str, int]) -> None:
        for name, delta in deltas.items():
            if name in self.sums:
                self.sums[name] += delta
            elif len(self.sums) < _MOST_SERIES and _NAME.fullmatch(name):
                self.sums[name] = delta


def render_metrics(counters: dict[str, int], gauges: dict[str, int]) -> str:
    """Prometheus text format 0.0.4; families in order, prefix `aig_`."""
    lines: list[str] = []
    for kind, values in (("counter", counters), ("gauge", gauges)):
        family = ""
        for name in sorted(values, key=lambda name: (name.partition("{")[0], name)):
            bare, brace, labels = name.partition("{")
            if (named := _family(bare, kind)) != family:
                family = named
                lines.append(f"# TYPE {family} {kind}")
            lines.append(f"{family}{brace}{labels} {values[name]}")
    return "\n".join(lines) + "\n"


def _family(bare: str, kind: str) -> str:
    """Prometheus wants counters to end in `_total`; the edges' short names need not."""
    ending = "_total" if kind == "counter" and not bare.endswith("_total") else ""
    return f"{'' if bare.startswith(_PREFIX) else _PREFIX}{bare}{ending}"
