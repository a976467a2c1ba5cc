"""Bars as SVG, from tables: one panel for each measure worth seeing. Nothing but text, so that results can be compared."""

from collections.abc import Mapping
from html import escape

from figures import Table, shown, sound

PANELS = (
    ("small-64", "rps", "Small completions/s, 64 clients"),
    ("small-varied", "rps", "The same, each head different"),
    ("small-512", "rps", "Small completions/s, 512 clients"),
    ("small-64", "cpu_us", "CPU per small completion, µs"),
    ("streams-1000", "cpu_us", "CPU per event, 1,000 streams, µs"),
    ("streams-1000", "p99_ms", "Delay of events p99, 1,000 streams, ms"),
    ("streams-1000", "kb_each", "Memory per stream, 1,000 open, KB"),
    ("streams-5000", "kb_each", "Memory per stream, 5,000 open, KB"),
    ("idle", "kb_each", "Memory per idle connection, KB"),
    ("new", "rps", "A connection for each request, requests/s"),
    ("up-100mb", "mb_s", "Body of 100 MB up, MB/s"),
    ("down-100mb", "mb_s", "Body of 100 MB down, MB/s"),
    ("refused", "rps", "Refusals of a wrong token/s"),
    ("auth", "rps", "By what is known of the token, requests/s"),
)
"""Table, measure, title."""
OURS = "gateway"
_WIDTH, _LABEL, _BAR, _ROW, _TITLE, _GAP = 460, 180, 200, 20, 34, 18
_NAME = 26
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:13px}"
    ".b{fill:#9db4c8}.o{fill:#e8722c}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#56708a}}"
)


def chart(tables: Mapping[str, Table]) -> str:
    """Two columns of panels; empty if there is nothing to draw."""
    panels = [(title, values) for key, measure, title in PANELS if key in tables and (values := _values(tables[key], measure))]
    if not panels:
        return ""
    parts, heights = [], [0, 0]
    for title, values in panels:
        column = heights.index(min(heights))
        parts.append(_panel(title, values, column * (_WIDTH + _GAP) + _GAP, heights[column] + _GAP))
        heights[column] += _TITLE + _ROW * len(values) + _GAP
    width, height = 2 * (_WIDTH + _GAP) + _GAP, max(heights) + 2 * _GAP
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([opening, f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n"


def _values(table: Table, measure: str) -> dict[str, float]:
    """Rows whose figures count."""
    return {name: row[measure] for name, row in table.rows.items() if measure in row and sound(row)}


def _panel(title: str, values: Mapping[str, float], left: int, top: int) -> str:
    most = max(values.values()) or 1.0
    lines = [f'<text class="t" x="{left}" y="{top + 16}">{escape(title)}</text>']
    for number, (name, value) in enumerate(values.items()):
        y = top + _TITLE + number * _ROW
        length = max(1.0, _BAR * value / most)
        kind = "o" if name == OURS else "b"
        lines += [
            f'<text x="{left + _LABEL - 8}" y="{y + 2}" text-anchor="end">{escape(_short(name))}</text>',
            f'<rect class="{kind}" x="{left + _LABEL}" y="{y - 10}" width="{length:.1f}" height="14" rx="2"/>',
            f'<text x="{left + _LABEL + length + 6:.1f}" y="{y + 2}">{shown(value)}</text>',
        ]
    return "\n".join(lines)


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"
