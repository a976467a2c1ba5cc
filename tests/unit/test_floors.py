"""The floors of the architecture: imports go down only, I/O stays at the rim, few modules may do what few should."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = {
    "kit": 0,
    "model": 1,
    "protocol": 2,
    "providers": 3,
    "upstream": 4,
    "link": 4,
    "store": 4,
    "shared": 4,
    "telemetry": 4,
    "edge": 5,
    "control": 5,
    "run": 6,
}

FORBIDDEN = {("control", "upstream"), ("edge", "store")}
"""Downward, yet not allowed: control makes no provider requests, the edge opens no store."""

SETTINGS = ("accounts", "gateways", "keys", "custom_providers", "tokens")
"""Tables whose changes edges must hear of."""

IO_FROM_FLOOR = 4
IO_MODULES = {
    "aiohttp", "uvloop", "socket", "ssl", "subprocess", "signal", "selectors", "http", "urllib.request",
    "sqlalchemy", "aiosqlite", "asyncpg", "redis",
}  # fmt: skip

EDGE_NEVER = {"sqlalchemy", "aiosqlite", "asyncpg", "alembic", "pydantic", "pydantic_settings", "cryptography", "redis"}
"""What an edge worker must not load, directly: weight and drivers."""
EDGE_PACKAGES = {"kit", "model", "protocol", "providers", "upstream", "link", "telemetry", "edge"}

READS_OUTSIDE = {"os.environ", "os.getenv", "sys.argv", "argparse"}
DRIVERS = {"sqlalchemy", "aiosqlite", "asyncpg", "alembic"}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        if {"node_modules", "dashboard", "packaging"} & set(path.parts):
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = {name: ast.parse(path.read_text(), str(path)) for name, path in _modules()}


def package_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module named by an import, relative ones refused by a rule of their own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _within(module: str, roots: set[str]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


def _offending(packages: Callable[[str], bool], wrong: Callable[[str], bool]) -> dict[str, list[str]]:
    """Module → imports that are wrong, over the modules of these packages."""
    found = {
        name: [wanted for wanted in imports(tree) if wrong(wanted)]
        for name, tree in MODULES.items()
        if packages(package_of(name))
    }
    return {name: wanted for name, wanted in found.items() if wanted}


def test_every_package_stands_on_a_floor() -> None:
    assert {package_of(name) for name in MODULES} - {"", "__main__", *FLOORS} == set()


@pytest.mark.parametrize("package", FLOORS)
def test_imports_go_down_only(package: str) -> None:
    def wrong(wanted: str) -> bool:
        other = package_of(wanted) if wanted.startswith("gateway.") else ""
        if other not in FLOORS or other == package:
            return False
        return FLOORS[other] >= FLOORS[package] or (package, other) in FORBIDDEN

    assert _offending(lambda name: name == package, wrong) == {}


def test_io_stays_at_the_rim() -> None:
    def wrong(wanted: str) -> bool:
        # `http.HTTPStatus` and friends are words, not I/O.
        return _within(wanted, IO_MODULES) and wanted != "http" and not wanted.startswith("http.HTTP")

    assert _offending(lambda name: FLOORS.get(name, IO_FROM_FLOOR) < IO_FROM_FLOOR, wrong) == {}


def test_the_edge_stays_light() -> None:
    assert _offending(EDGE_PACKAGES.__contains__, lambda wanted: _within(wanted, EDGE_NEVER)) == {}


def test_only_the_store_knows_drivers() -> None:
    assert _offending(lambda name: name != "store", lambda wanted: _within(wanted, DRIVERS)) == {}


def test_handlers_of_the_api_change_settings_by_commands_alone() -> None:
    """They see reads; the tables, whose writes nobody would publish, are for `control.changes`."""
    tables = {f"gateway.store.{name}" for name in (*SETTINGS, "facts", "store", "pools")}
    found = {
        name: [wanted for wanted in imports(tree) if _within(wanted, tables)]
        for name, tree in MODULES.items()
        if name.startswith("gateway.control.api.")
    }
    assert {name: wanted for name, wanted in found.items() if wanted} == {}


def test_only_run_reads_environment_and_arguments() -> None:
    assert _offending(lambda name: name not in ("run", "__main__"), lambda wanted: wanted in READS_OUTSIDE) == {}
    reads = {
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        if package_of(name) not in ("run", "__main__")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in READS_OUTSIDE
    }
    assert reads == set()


def test_imports_are_absolute_and_explicit() -> None:
    wrong = {
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or any(one.name == "*" for one in node.names))
    }
    assert wrong == set()
