"""When a generation is ready, and how it ends."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.model.service import ControlConfig, EdgeConfig
from gateway.run.config import ServiceConfig
from gateway.run.generation import Generation

CONFIG = ServiceConfig(
    edge=EdgeConfig(),
    control=ControlConfig(control_socket="/x"),
    workers=2,
    log_level="info",
    data_dir=Path("/data"),
    public_url="",
)


class Edge(SimpleNamespace):
    def drain(self, grace_s: float) -> None:
        self.ended = grace_s

    def kill(self) -> None:
        self.ended = "killed"


def generation(*ready: bool) -> tuple[Generation, list[Any]]:
    edges: list[Any] = [Edge(ready=each) for each in ready]
    return Generation(CONFIG, edges), edges


@pytest.mark.parametrize(("edges", "ready"), [((True, True), True), ((True, False), False), ((True,), False), ((), False)])
def test_it_is_ready_when_all_its_edges_are(edges: tuple[bool, ...], ready: bool) -> None:
    made, _ = generation(*edges)
    assert made.ready is ready


def test_requests_get_the_time_of_its_own_configuration() -> None:
    made, edges = generation(True, True)
    made.drain()
    assert {edge.ended for edge in edges} == {CONFIG.edge.timeouts.drain_s + 5}
    made.kill()
    assert {edge.ended for edge in edges} == {"killed"}
