"""What a warm request may cost, counted: one write each way, no question to control, and so no read of the store (50); and no
timer that could hold a byte back (35).

The edge reaches the store through the link alone (tests/unit/test_floors.py), so what asks nothing reads nothing.
"""

import ast
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from fakes.edge import RunningEdge, gateway, key
from fakes.provider import FakeProvider
from fakes.service import ROOT

from gateway.edge.outgoing import BATCH_ROWS
from gateway.link.frames import Counters, Records

WARM = 2 * BATCH_ROWS
BODY = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'


class Writes:
    """Counts `transport.write` by the port of the edge's side or, upstream, of the provider's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_port: Counter[int] = Counter()
        write: Callable[[Any, bytes], None] = _SelectorSocketTransport.write

        def counted(transport: Any, data: bytes) -> None:
            self.by_port[transport.get_extra_info("sockname")[1]] += 1
            self.by_port[-transport.get_extra_info("peername")[1]] += 1
            write(transport, data)

        monkeypatch.setattr(_SelectorSocketTransport, "write", counted)


@pytest.mark.parametrize("surface", ["native", "compat", "rest"])
async def test_a_warm_small_request(surface: str, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    gateways = [gateway("g"), gateway("default", keys=[key("openai", "sk")])]
    async with RunningEdge(gateways=gateways, providers={"openai": provider.origin + "/v1"}) as edge:
        token, own_key = f"Bearer {edge.admit()}", {"Authorization": "Bearer sk"}
        target, headers, body = {
            "native": (edge.native("g", "openai/chat/completions"), {**own_key, "cf-aig-authorization": token}, BODY),
            "compat": (edge.native("g", "compat/chat/completions"), {**own_key, "cf-aig-authorization": token}, OPENAI),
            "rest": (edge.rest("v1/chat/completions"), {"Authorization": token}, OPENAI),
        }[surface]
        async with edge.client() as wire:
            assert (await wire.ask("POST", target, headers, body)).status == 200
            await edge.quiet()
            edge.edge.reporter.flush(with_counters=True)
            edge.link.sent.clear()
            asked, writes = len(edge.link.asked), Writes(monkeypatch)
            for _ in range(WARM):
                assert (await wire.ask("POST", target, headers, body)).status == 200
        assert writes.by_port[edge.port] == WARM, "one write to the client"
        assert writes.by_port[-provider.port] == WARM, "one write to the provider"
        assert len(edge.link.asked) == asked, "no question to control"
        await edge.quiet()
        edge.edge.reporter.flush(with_counters=True)
        frames = Counter(type(frame) for frame in edge.link.sent)
        assert frames.keys() <= {Records, Counters}
        # Full batches by themselves; the clock's flushes may have cut one or the other in two.
        assert frames[Records] <= WARM / BATCH_ROWS + frames[Counters] * 4 + 1
        assert sum(len(frame.rows) for frame in edge.link.sent if isinstance(frame, Records)) == WARM


OPENAI = BODY.replace(b'"m"', b'"openai/m"')


# --- nothing waits for a moment on the way of a byte ------------------------------------------------

ON_THE_WAY = (
    "edge/body.py",
    "edge/delivery.py",
    "edge/relay.py",
    "edge/taps/sample.py",
    "edge/taps/usage.py",
    "protocol/sse.py",
    "upstream/connection.py",
    "upstream/framing.py",
)
TIMERS = frozenset({"sleep", "call_later", "call_at"})


def test_no_timer_on_the_way_of_a_byte() -> None:
    """But for one that ends a request whose caller set a short time."""
    found = []
    for file in ON_THE_WAY:
        tree = ast.parse((ROOT / "gateway" / file).read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                used = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)} & TIMERS
                found += [(file, function.name, name) for name in used]
    assert found == [("upstream/connection.py", "restart_clock", "call_later")]
