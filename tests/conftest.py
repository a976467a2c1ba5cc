"""Fixtures for everyone: scripted providers, and the real service in front of them. See tests/README.md."""

import gc
import itertools
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# `from fakes.provider import ...` works in every test, wherever pytest is started.
sys.path.insert(0, str(Path(__file__).parent))

from fakes.authority import Authority
from fakes.provider import FakeProvider, provider_in_thread
from fakes.service import Service, Token

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

_names = itertools.count(1)


def pytest_collection_finish() -> None:
    """The clients' libraries alone are a gigabyte of objects that stay: no collection need go through them again."""
    gc.collect()
    gc.freeze()


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
