"""From rounds to tables: interleaving, medians, ratios, Markdown."""

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Figures = dict[str, float]
Work = Callable[[], Figures]
YARDSTICK = "nginx"
FLOOR = "direct"

COLUMNS = {
    "rps": "req/s",
    "mb_s": "MB/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_us": "CPU µs",
    "cpu_us_mb": "CPU µs/MB",
    "control_us": "control's µs",
    "added_p50_ms": "added p50 ms",
    "added_p99_ms": "added p99 ms",
    "added_first_p50_ms": "added first p50 ms",
    "added_first_p99_ms": "added first p99 ms",
    "kb_each": "KB each",
    "grown_mb": "grown MB",
    "per_core_s": "req per edge CPU s",
    "proxy_core_pct": "proxy's core %",
    "load_core_pct": "load's core %",
    "failed": "failed",
}
"""Measure → heading, in the order of a table's columns; a table shows those it has."""


@dataclass
class Table:
    """One scenario's figures: medians by row, the rounds they come from, and what went wrong."""

    key: str
    title: str
    rows: dict[str, Figures]
    ratio_of: tuple[str, ...] = ()
    """Measures that are also shown as a multiple of the yardstick's row."""
    yardstick: str = YARDSTICK
    notes: dict[str, str] = field(default_factory=dict)
    """Row → why it has no figures."""
    rounds: dict[str, list[Figures]] = field(default_factory=dict)

    def ratio(self, name: str, measure: str, to: str = "") -> float | None:
        """A row's figure as a multiple of another's; None where one of them is missing or counts for nothing."""
        row, base = self.rows.get(name, {}), self.rows.get(to or self.yardstick, {})
        if not base.get(measure) or measure not in row or not (sound(row) and sound(base)):
            return None
        return row[measure] / base[measure]

    def markdown(self) -> str:
        columns = [name for name in COLUMNS if any(name in row for row in self.rows.values())]
        ratios = [name for name in self.ratio_of if name in columns]
        headings = [COLUMNS[name] for name in columns] + [f"{COLUMNS[name]} / {self.yardstick}" for name in ratios]
        lines = [f"### {self.title}", "", f"| | {' | '.join(headings)} |", "|---" + "|--:" * len(headings) + "|"]
        for name, row in self.rows.items():
            cells = [shown(row.get(column)) for column in columns]
            cells += [shown(self.ratio(name, measure)) for measure in ratios]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        if self.notes:
            lines += ["", *(f"- {name}: {note}" for name, note in self.notes.items())]
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sound(row: Mapping[str, float]) -> bool:
    """Whether a row's figures count: no failures, or next to none of many requests."""
    pieces = row.get("requests", 0.0)
    return row.get("failed", 0.0) <= pieces / 1000


def shown(value: float | None) -> str:
    """For readers: a dash for nothing, no decimals that mean nothing."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def medians(rounds: list[Figures]) -> Figures:
    names = {name: None for figures in rounds for name in figures}
    found = {name: round(statistics.median(figures[name] for figures in rounds if name in figures), 3) for name in names}
    if "failed" in found:  # a failure in any round counts
        found["failed"] = max(figures["failed"] for figures in rounds)
    return found


def interleaved(key: str, title: str, works: Mapping[str, Work], rounds: int, **more: Any) -> Table:
    """Every row once, then every row again, so that a noisy minute hits all of them. A row that raises is dropped."""
    seen: dict[str, list[Figures]] = {name: [] for name in works}
    notes: dict[str, str] = {}
    for number in range(rounds):
        for name, work in works.items():
            if name in notes:
                continue
            progress(f"{key}: round {number + 1}, {name}")
            try:
                seen[name].append(work())
            except Exception as error:  # one system's trouble is its own
                notes[name] = f"{type(error).__name__}: {error}"
    progress("")
    rows = {name: medians(figures) for name, figures in seen.items() if figures}
    table = Table(key, title, rows, notes=notes, rounds=seen, **more)
    _add_delays(table)
    return table


def progress(text: str) -> None:
    """What is being done, on one line that the next replaces; nothing where nobody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _add_delays(table: Table) -> None:
    """What a proxy adds: its delay less that of a run without one. The grain is the noise of both."""
    floor = table.rows.get(FLOOR, {})
    for name, row in table.rows.items():
        if name == FLOOR:
            continue
        for share in ("first_p50_ms", "first_p99_ms", "p50_ms", "p99_ms"):
            if "events" in row and share in row and share in floor:
                row[f"added_{share}"] = round(row[share] - floor[share], 3)
