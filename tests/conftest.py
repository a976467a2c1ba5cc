"""Fixtures for everyone: scripted providers, and the real service in front of them; and the lanes. See tests/README.md."""

import gc
import itertools
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# `from fakes.provider import ...` works in every test, wherever pytest is started.
sys.path.insert(0, str(Path(__file__).parent))

from fakes.authority import Authority
from fakes.provider import FakeProvider, provider_in_thread
from fakes.service import Service, Token

# Some machines forbid it, and then each of the many services started here compiles a thousand modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# CI tries the same examples each time, so that a red run can be repeated; at a desk each run tries new ones.
settings.register_profile("ci", derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

PROVIDERS = {
    "openai": "/v1",
    "anthropic": "",
    "google-ai-studio": "",
    "groq": "/openai/v1",
    "mistral": "",
    "deepseek": "",
    "openrouter": "/api",
    "workers-ai": "/ai",
}
"""Slug → path of the base URL its real counterpart has."""

HERE = Path(__file__).parent
OWN_LANES = [HERE / "agents", HERE / "sdk_resources"]
"""They fetch other people's programs (agents: 1.1 GB of them), and run only where they are named."""
SLOW = [
    *(HERE / name for name in ("browser", "e2e", "fault")),
    *(HERE / "contract" / name for name in ("cloudflare/management", "sdk", "store", "test_imports.py")),
    *(HERE / "fuzz").glob("test_*.py"),
    HERE / "fuzz" / "malformed" / "test_mutants.py",
]
"""Not even collected in the quick lane: the imports alone of some take seconds."""
MOST_PROCESSES = 4

_names = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", dest="everything", help="the whole lane, not the quick one")


def _names_paths(config: pytest.Config) -> bool:
    """What is named runs, whatever its lane."""
    return config.args_source is pytest.Config.ArgsSource.ARGS


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    left_out = OWN_LANES if config.option.everything else OWN_LANES + SLOW
    return True if collection_path in left_out and not _names_paths(config) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.everything and not _names_paths(config):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("slow")])
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process a core for lanes and folders; files by name run in this one, which starts sooner."""
    cores = len(os.sched_getaffinity(0))
    return min(cores, MOST_PROCESSES) if any(Path(argument).is_dir() for argument in config.args) else 0


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """Reports pass between processes in UTF-8, and what a test made us log may have none."""
    report = yield
    for part in ("sections", "longrepr"):
        report[part] = _in_utf8(report.get(part))
    return report


def _in_utf8(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case list() | tuple():
            return [_in_utf8(each) for each in value]
        case dict():
            return {key: _in_utf8(each) for key, each in value.items()}
        case _:
            return value


def pytest_collection_finish() -> None:
    """The clients' libraries alone are a gigabyte of objects that stay: no collection need go through them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def own_logging() -> Iterator[None]:
    """For tests of what configures logging, which is the whole process's: afterwards it is as it was."""
    root = logging.getLogger()
    handlers, raising, levels = root.handlers[:], logging.raiseExceptions, {each: each.level for each in _loggers()}
    yield
    logging.captureWarnings(False)
    root.handlers[:], logging.raiseExceptions = handlers, raising
    for each in _loggers():
        each.setLevel(levels.get(each, logging.NOTSET))


def _loggers() -> list[logging.Logger]:
    root = logging.getLogger()
    return [root, *(each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger))]


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    """A scripted provider in the test's own loop."""
    async with FakeProvider() as fake:
        yield fake


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A certificate authority for providers over TLS."""
    return Authority()


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[FakeProvider]:
    """The provider behind the shared service; runs in a thread. Tests take `upstream`, which resets it."""
    with provider_in_thread() as fake:
        yield fake


@pytest.fixture
def upstream(shared_provider: FakeProvider) -> FakeProvider:
    """The shared service's provider, with no scripts and no requests in it."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, shared_provider: FakeProvider) -> Iterator[Service]:
    """The real service in one subprocess, shared by all tests of the session: leave it as you found it."""
    providers = {slug: shared_provider.origin + path for slug, path in PROVIDERS.items()}
    with Service(tmp_path_factory.mktemp("service") / "data", providers=providers) as running:
        yield running


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services of the test's own: `start_service(providers={...}, workers=2, environment={...})`."""
    running: list[Service] = []

    def start(**how: object) -> Service:
        one = Service(tmp_path / f"data{len(running)}", **how)  # type: ignore[arg-type]
        running.append(one)
        return one.start()

    yield start
    for one in running:
        one.kill()


@pytest.fixture
def gateway_id(service: Service) -> Iterator[str]:
    """A fresh gateway with authentication on, deleted afterwards."""
    name = service.management.create_gateway(f"gw-{next(_names)}")
    yield name
    service.management.delete_gateway(name)


@pytest.fixture
def open_gateway_id(service: Service) -> Iterator[str]:
    """A fresh gateway with authentication off."""
    name = service.management.create_gateway(f"gw-{next(_names)}", authentication=False)
    yield name
    service.management.delete_gateway(name)


@pytest.fixture(scope="session")
def run_token(service: Service) -> Token:
    """A token with AI Gateway Run, for the whole session: do not revoke it."""
    return service.management.create_token("session")
