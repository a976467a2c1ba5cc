"""What this product promises of its speed, as ratios in one run, and whether a run kept it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from figures import Table, sound

OURS = "gateway"
Tables = Mapping[str, Table]
Measured = Callable[[Tables], float | None]


@dataclass(frozen=True)
class Goal:
    text: str
    measured: Measured
    must: float
    goal: float
    at_most: bool = False
    unit: str = "×"

    def kept(self, figure: float, bound: float) -> bool:
        return figure <= bound if self.at_most else figure >= bound


def _ratio(key: str, measure: str, to: str, row: str = OURS) -> Measured:
    def measured(tables: Tables) -> float | None:
        table = tables.get(key)
        return table.ratio(row, measure, to) if table else None

    return measured


def _figure(key: str, measure: str, less: str = "") -> Measured:
    """Ours, less another system's where one is named."""

    def measured(tables: Tables) -> float | None:
        rows = tables[key].rows if key in tables else {}
        ours, other = rows.get(OURS, {}), rows.get(less, {})
        if measure not in ours or not sound(ours) or (less and measure not in other):
            return None
        return ours[measure] - other.get(measure, 0.0)

    return measured


GOALS = (
    Goal("CPU per request against Envoy, mix, shared", _ratio("mix-shared", "cpu_us", "envoy"), 1.0, 0.75, at_most=True),
    Goal("CPU per request against Envoy, mix, own", _ratio("mix-own", "cpu_us", "envoy"), 0.75, 0.6, at_most=True),
    Goal("small completions/s against Envoy", _ratio("small-64", "rps", "envoy"), 1.3, 2.0),
    Goal("small completions/s against nginx", _ratio("small-64", "rps", "nginx"), 0.31, 0.5),
    Goal("small completions/s against vllm-router", _ratio("small-64", "rps", "vllm-router"), 1.7, 2.5),
    Goal("CPU per event against Envoy, 1,000 streams", _ratio("streams-1000", "cpu_us", "envoy"), 1.0, 0.8, at_most=True),
    Goal(
        "delay p99 over nginx's, 1,000 streams", _figure("streams-1000", "p99_ms", "nginx"), 5.0, 1.0, at_most=True, unit="ms"
    ),
    Goal("memory per open stream", _figure("streams-1000", "kb_each"), 25.0, 15.0, at_most=True, unit="KB"),
    Goal("memory per idle connection", _figure("idle", "kb_each"), 8.0, 5.0, at_most=True, unit="KB"),
    Goal("100 MB up against nginx", _ratio("up-100mb", "mb_s", "nginx"), 0.6, 0.9),
    Goal("100 MB down against nginx", _ratio("down-100mb", "mb_s", "nginx"), 0.6, 0.9),
    Goal("401 for a wrong-shape token against nginx's", _ratio("refused", "rps", "nginx"), 0.3, 0.5),
    Goal("authenticated hit against gateway off", _ratio("auth", "rps", "off", "hit"), 0.97, 0.99),
    Goal("two workers against one", _ratio("workers", "rps", "1 worker", "2 workers"), 1.8, 1.8),
    Goal("the same, per second of edge CPU", _ratio("workers", "per_core_s", "1 worker", "2 workers"), 0.9, 0.9),
)


def verdicts(tables: Tables) -> str:
    """A Markdown table of what could be measured."""
    lines = ["### Promised and measured", "", "| | must | goal | measured | |", "|---|--:|--:|--:|---|"]
    for goal in GOALS:
        figure = goal.measured(tables)
        if figure is None:
            continue
        sign = "≤" if goal.at_most else "≥"
        verdict = "goal" if goal.kept(figure, goal.goal) else "must" if goal.kept(figure, goal.must) else "**missed**"
        bounds = f"{sign} {goal.must:g} {goal.unit} | {sign} {goal.goal:g} {goal.unit}"
        lines.append(f"| {goal.text} | {bounds} | {figure:.3g} {goal.unit} | {verdict} |")
    return "\n".join(lines) + "\n" if len(lines) > 4 else ""
