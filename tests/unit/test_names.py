"""House rules that a machine can check: twins, sizes, names, who may create tasks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.run.config import vocabulary

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests" / "unit"

MODULE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 6
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}

WITHOUT_TWIN = {
    "gateway/__main__.py": "hands over to run.cli",
    "gateway/kit/clock.py": "two names for the standard library's clocks",
    "gateway/model/routes.py": "enumerations and one plain value",
    "gateway/model/causes.py": "plain values; upstream/test_causes.py says each",
    "gateway/model/records.py": "plain values",
    "gateway/model/audit.py": "plain values",
    "gateway/model/unauthenticated.py": "plain values",
    "gateway/model/stored.py": "plain values",
    "gateway/model/service.py": "plain values; run/test_config.py checks them",
    "gateway/run/findings.py": "plain values",
    "gateway/link/port.py": "protocols only",
    "gateway/store/errors.py": "exceptions only",
    "gateway/store/reads.py": "protocols only",
    "gateway/upstream/port.py": "protocols only",
}
"""Modules without behaviour of their own, each with its reason."""

WITHOUT_MODULE = {"test_floors.py", "test_names.py", "test_seams.py"}
"""Tests of the whole tree."""


def _sources() -> list[Path]:
    skipped = {"dashboard", "node_modules", "packaging"}
    return sorted(path for path in (ROOT / "gateway").rglob("*.py") if not skipped & set(path.parts))


SOURCES = _sources()
TREES = {source: ast.parse(source.read_text(), str(source)) for source in SOURCES}


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def twin_of(source: Path) -> Path:
    """`gateway/x/y.py` → `tests/unit/x/test_y.py`."""
    inside = source.relative_to(ROOT / "gateway")
    return UNIT / inside.parent / f"test_{inside.name}"


def module_of(test: Path) -> Path:
    inside = test.relative_to(UNIT)
    return ROOT / "gateway" / inside.parent / inside.name.removeprefix("test_")


def _nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, Any]]:
    """Every node of these kinds, with `file:line`."""
    for source in SOURCES:
        for node in ast.walk(TREES[source]):
            if isinstance(node, kinds):
                yield f"{_shown(source)}:{node.lineno}", node


def _functions() -> Iterator[tuple[str, Any]]:
    for where, node in _nodes(ast.FunctionDef, ast.AsyncFunctionDef):
        yield f"{where} {node.name}", node


def test_each_module_has_its_test() -> None:
    missing = {
        _shown(twin_of(source))
        for source in SOURCES
        if source.name != "__init__.py" and _shown(source) not in WITHOUT_TWIN and not twin_of(source).exists()
    }
    assert missing == set()


def test_each_unit_test_has_its_module() -> None:
    orphans = {
        _shown(test)
        for test in UNIT.rglob("test_*.py")
        if test.relative_to(UNIT).as_posix() not in WITHOUT_MODULE and not module_of(test).exists()
    }
    assert orphans == set()


def test_exceptions_exist_and_have_no_twin() -> None:
    assert {name for name in WITHOUT_TWIN if twin_of(ROOT / name).exists()} == set(), "take these off the list"
    assert {name for name in WITHOUT_TWIN if not (ROOT / name).exists()} == set()


def test_modules_are_short() -> None:
    lengths = {_shown(source): len(source.read_text().splitlines()) for source in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_functions_are_short() -> None:
    lengths = {where: node.end_lineno - node.lineno + 1 for where, node in _functions()}
    assert {where: lines for where, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_functions_take_few_parameters() -> None:
    counts = {}
    for where, node in _functions():
        named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        counts[where] = sum(argument.arg not in ("self", "cls") for argument in named)
    assert {where: count for where, count in counts.items() if count > PARAMETERS} == {}


def test_names_say_something() -> None:
    parts = {_shown(source): {*source.with_suffix("").relative_to(ROOT).parts} & VAGUE_NAMES for source in SOURCES}
    assert {name for name, vague in parts.items() if vague} == set()


def test_modules_say_what_they_are_for() -> None:
    assert {_shown(source) for source in SOURCES if not ast.get_docstring(TREES[source])} == set()


def test_only_aio_creates_tasks() -> None:
    makers = ("create_task", "ensure_future", "TaskGroup")
    made = {where for where, node in _nodes(ast.Attribute) if node.attr in makers}
    assert {where for where in made if not where.startswith("gateway/kit/aio.py:")} == set()


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Atomic groups and `(?:…)*+` answer wrongly or never before Python 3.11.5 (CPython gh-106052); one byte's are right."""
    atomic = re.compile(r"\(\?>|(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")
    found = {}
    for where, node in _nodes(ast.Constant):
        text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        if isinstance(text, str) and (hit := atomic.search(text)):
            found[where] = hit[0]
    assert found == {}


def test_no_error_is_swallowed() -> None:
    """`except Exception: pass` hides what nobody expected; naming the error shows that somebody did."""
    silent = {
        where
        for where, node in _nodes(ast.ExceptHandler)
        if len(node.body) == 1
        and isinstance(node.body[0], ast.Pass)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    }
    assert silent == set()


def test_no_global_is_rebound_in_functions() -> None:
    """Module-level mutable state has no owner. The pool of random bytes is not state, only speed."""
    rebound = {where for where, _ in _nodes(ast.Global)}
    assert {where for where in rebound if not where.startswith("gateway/kit/ids.py:")} == set()


def test_tests_are_no_packages() -> None:
    assert sorted(map(_shown, (ROOT / "tests").rglob("__init__.py"))) == []


def test_every_setting_is_in_the_readme() -> None:
    table = [line.split("|")[1:4] for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("|")]
    documented, section = set(), ""
    for first, second, *_ in (cells for cells in table if len(cells) == 3):
        section = first.strip().strip("`") or section
        documented.add((section, second.strip().strip("`")))
    words = vocabulary()
    wanted = {(section, key) for section, keys in words.sections.items() for key in keys}
    wanted |= {("providers.{slug}", key) for key in words.provider_keys}
    assert wanted - documented == set(), "missing in README.md"
    assert {pair for pair in documented if pair[0] in {*words.sections, "providers.{slug}"}} - wanted == set(), "not a setting"


def test_each_decision_has_a_number_of_its_own_and_what_is_cited_exists() -> None:
    records = sorted((ROOT / "gateway" / "decisions").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers)
    assert [path.read_text()[:8] for path in records] == [f"# {number}: " for number in numbers]
    pages = [path for place in ("gateway", "tests", "bench", "deploy", ".github") for path in (ROOT / place).rglob("*")]
    texts = [path.read_text() for path in pages if path.suffix in (".py", ".md", ".toml") and "node_modules" not in path.parts]
    assert {number for text in texts for number in re.findall(r"\bdecisions? \[?(\d{4})", text)} <= set(numbers)
