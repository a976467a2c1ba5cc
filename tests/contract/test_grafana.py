"""Dashboard and alerts ask for metrics that exist, with labels these have; every metric is shown somewhere and documented."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from fakes.service import ROOT

from gateway.telemetry.catalogue import CLOSED, EVENTS, FAMILIES, Family, Kind

FOLDER = ROOT / "deploy" / "grafana"
SHOWN = {family.shown: family for family in FAMILIES}
SERIES = SHOWN | {
    f"{family.shown}_{part}": family
    for family in FAMILIES
    if family.kind is Kind.HISTOGRAM
    for part in ("bucket", "sum", "count")
}
OF_EVERY_JOB = {"up"}


def panels() -> list[dict[str, Any]]:
    return list(json.loads((FOLDER / "dashboard.json").read_text())["panels"])


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (alert["expr"] for alert in alerts())


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(metric, label → matcher's value) of each selector."""
    for name, labels in re.findall(r"\b((?:aig_|up\b)\w*)(?:\{([^}]*)\})?", expression):
        yield name, dict(re.findall(r'(\w+)\s*(?:=~|!=|=)\s*"([^"]*)"', labels))


def test_every_expression_asks_for_what_is_there() -> None:
    for expression in expressions():
        assert expression.count("(") == expression.count(")"), expression
        found = list(selectors(expression))
        assert found, expression
        for name, labels in found:
            if name in OF_EVERY_JOB:
                continue
            family: Family = SERIES[name]
            assert set(labels) <= set(family.labels), expression
            for label, value in labels.items():
                closed = CLOSED.get((family.name, label))
                assert closed is None or value in closed or value.startswith("$"), expression


def test_groupings_are_labels_of_what_they_group() -> None:
    for expression in expressions():
        known = {"le"} | {label for name, _ in selectors(expression) if name in SERIES for label in SERIES[name].labels}
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in grouped.split(",")} <= known, expression


def test_every_metric_is_on_the_dashboard() -> None:
    asked = {SERIES[name].shown for panel in panels() for t in panel.get("targets", ()) for name, _ in selectors(t["expr"])}
    assert asked == set(SHOWN)


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels()]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels())


def test_every_alert_says_what_it_means_and_how_urgent_it_is() -> None:
    assert len({alert["alert"] for alert in alerts()}) == len(alerts())
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket", "info")
        assert alert["annotations"].keys() == {"summary", "description"}


def test_every_metric_is_documented_as_it_is() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (FOLDER / "README.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    documented = {cells[0].strip("`"): cells[1:] for cells in rows}
    kinds = {kind: "counter" if kind is Kind.HIGHEST else kind.value for kind in Kind}
    wanted = {
        family.shown: [kinds[family.kind], ", ".join(f"`{label}`" for label in family.labels), family.help]
        for family in FAMILIES
    }
    assert documented == wanted | {name: [meaning] for name, meaning in EVENTS.items()}
