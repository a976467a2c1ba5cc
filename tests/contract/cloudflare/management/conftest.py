"""Control over its unix socket, on a real SQLite store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.control import Rig, running_control

from gateway.store.engine import open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
async def rig(database: Path) -> AsyncIterator[Rig]:
    async with running_control(open_store(f"sqlite:///{database}"), public_url="https://gw.example/") as running:
        yield running
