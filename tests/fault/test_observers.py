"""Promise: whatever fails in what only looks on, the client's bytes are the provider's, and the next one is served (38)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.edge import RunningEdge, gateway
from fakes.provider import FakeProvider, stream

from gateway.edge.taps.sample import Sample

EVENTS = [b'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n', b"data: [DONE]\n\n"]
KEY = {"Authorization": "Bearer sk-x"}


def fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError("an observer's trouble")


class Broken:
    """Reads the events for their token counts."""

    feed = finish = fail


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    provider.always = stream(EVENTS)
    gateways = [gateway("open", authentication=False, collect_log_payloads=True)]
    async with RunningEdge(gateways=gateways, providers={"openai": provider.origin}) as running:
        yield running


def ask(edge: RunningEdge) -> tuple[str, str, dict[str, str], bytes]:
    return "POST", edge.native("open", "openai/v1/chat/completions"), KEY, b"{}"


@pytest.mark.parametrize("observer", ["usage", "bodies"])
async def test_trouble_while_bytes_pass(edge: RunningEdge, monkeypatch: pytest.MonkeyPatch, observer: str) -> None:
    if observer == "usage":
        monkeypatch.setattr("gateway.edge.taps.usage.usage_reader", lambda *_, **__: Broken())
    else:
        monkeypatch.setattr(Sample, "_feed", fail)
    async with edge.client() as wire:
        for _ in range(3):
            answer = await wire.ask(*ask(edge))
            assert (answer.status, answer.body) == (200, b"".join(EVENTS))
    assert len(edge.records) == 3
    assert edge.counters["events|tap_failed"] == (3 if observer == "usage" else 0)


@pytest.mark.parametrize("part", ["_row", "_first_byte_of", "_finished"])
async def test_trouble_of_the_report(edge: RunningEdge, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """The answer is whole, its connection and others' serve on, and the loss is counted."""
    async with edge.client() as other:
        assert (await other.ask("GET", "/livez")).status == 200
        monkeypatch.setattr(edge.edge.reporter, part, fail)
        async with edge.client() as wire:
            for _ in range(3):
                answer = await wire.ask(*ask(edge))
                assert (answer.status, answer.body) == (200, b"".join(EVENTS))
        assert edge.counters["events|report_failed"] == 3
        assert (await other.ask("GET", "/livez")).status == 200
    monkeypatch.undo()
    assert (await edge.ask(*ask(edge))).status == 200
