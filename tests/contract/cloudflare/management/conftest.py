"""Control over its unix socket, on a real SQLite store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.answer_shapes import assert_as_the_sdk_has_it
from fakes.control import Reply, Rig, running_control

from gateway.store.store import open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


def _as_the_sdk_has_it(method: str, path: str, reply: Reply) -> None:
    """Whatever a test is about: each JSON answer it gets is of the types that the official SDK gives it."""
    if reply.body and reply.headers.get("Content-Type") == "application/json":
        assert_as_the_sdk_has_it(method, path, reply.status, reply.json)


@pytest.fixture
async def rig(database: Path) -> AsyncIterator[Rig]:
    async with running_control(open_store(f"sqlite:///{database}"), public_url="https://gw.example/") as running:
        running.check = _as_the_sdk_has_it
        yield running
