"""An edge in front of a recording upstream, shared by all vectors of a file; `from corpus_requests import ...` works here."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from corpus_requests import TOKEN
from fakes import edge as fake_edge
from fakes.edge import RunningEdge, gateway, key
from recorder import Recorder

from gateway.edge import listener
from gateway.model.service import Limits


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with Recorder() as running:
        yield running


@pytest.fixture
async def edge(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningEdge]:
    """`open` asks nobody, `g1` asks for the token and has a stored key. Bodies up to 1 MiB."""
    monkeypatch.setattr(listener, "LINGER_S", 0.05)
    monkeypatch.setattr(fake_edge, "PATIENCE_S", 2.0)
    async with RunningEdge(
        gateways=[gateway("open", authentication=False), gateway("g1", keys=[key("openai", "sk-stored")])],
        providers={"openai": recorder.origin + "/v1"},
        limits=Limits(body_bytes=1 << 20),
    ) as running:
        running.admit(token=TOKEN)
        yield running
