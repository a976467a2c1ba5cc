"""The list of metrics keeps its own rules, and code counts nothing that is not on it."""

import ast
from pathlib import Path

from gateway.model.routes import Surface
from gateway.telemetry.catalogue import (
    BY_NAME,
    CLOSED,
    EVENTS,
    FAMILIES,
    OPEN_LABELS,
    PREFIX,
    SURFACES,
    Kind,
)

ROOT = Path(__file__).resolve().parents[3]


def test_names_are_unique_and_shown_by_the_conventions() -> None:
    assert len(BY_NAME) == len(FAMILIES)
    for family in FAMILIES:
        assert family.shown.startswith(PREFIX)
        assert not family.name.endswith("_total")
        assert family.shown.endswith("_total") == (family.kind in (Kind.COUNTER, Kind.HIGHEST))
        assert family.help.endswith(".")


def test_histograms_are_in_seconds_with_growing_bounds() -> None:
    for family in FAMILIES:
        assert (family.kind is Kind.HISTOGRAM) == bool(family.bounds)
        assert list(family.bounds) == sorted(set(family.bounds))
        assert not family.bounds or family.name.endswith("_seconds")


def test_every_label_is_open_and_capped_or_closed() -> None:
    wanted = {(family.name, label) for family in FAMILIES for label in family.labels}
    closed = {pair for pair in wanted if pair[1] not in OPEN_LABELS and pair != ("build_info", "version")}
    assert set(CLOSED) == closed | {("upstream_failures", "provider")}  # any custom one is `custom` there


def test_no_label_names_a_person_a_secret_or_a_path() -> None:
    forbidden = {"token", "token_id", "user", "account", "path", "url", "address", "key"}
    assert {label for family in FAMILIES for label in family.labels} & forbidden == set()


def test_the_surfaces_are_those_of_the_routes() -> None:
    assert {name for name in SURFACES if name != "none"} <= {surface.name.lower() for surface in Surface}


def test_everything_counted_by_name_is_known() -> None:
    counted = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        names = ("_count", "_reporter.count", *(["self.count"] if path.parent.name == "edge" else []))
        for node in ast.walk(ast.parse(path.read_text())) if "dashboard" not in path.parts else ():
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith(names)
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                counted.add(str(node.args[0].value))
    families = {name.partition("|")[0] for name in counted if "|" in name}
    assert families <= set(BY_NAME)
    assert {name for name in counted if "|" not in name} == set(EVENTS)
