"""Control goes back to what it ran with before a reload only if it never got ready with the new."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.model.service import ControlConfig
from gateway.run.control_process import ControlProcess

OLD = ControlConfig(control_socket="/x", shutdown_s=3)
NEW = dataclasses.replace(OLD, ops_listen="127.0.0.1:1", shutdown_s=4)


class Process(SimpleNamespace):
    def drain(self, grace_s: float) -> None:
        self.drained.append(grace_s)
        self.kill_at = grace_s


def control() -> tuple[ControlProcess, list[Any]]:
    started: list[Any] = []

    def start(config: ControlConfig) -> Any:
        started.append(Process(config=config, ready=False, kill_at=None, drained=[]))
        return started[-1]

    made = ControlProcess(OLD, start)
    made.start()
    return made, started


@pytest.mark.parametrize(
    ("ready", "settled", "back"), [(False, False, True), (True, False, False), (False, True, False), (True, True, False)]
)
def test_the_way_back(ready: bool, settled: bool, back: bool) -> None:
    made, started = control()
    made.replace(NEW)
    assert (started[0].drained, made.config) == ([6], NEW)
    started[0].ready = True
    assert made.lost() is False, "the one that was told to end"
    made.start()
    started[1].ready = ready
    if settled:
        made.settle()
    assert made.lost() is back
    assert made.config == (OLD if back else NEW)
    assert made.lost() is False, "once"


def test_it_is_told_to_end_once() -> None:
    made, started = control()
    made.end()
    made.end()
    assert started[0].drained == [5]
    made.lost()
    made.end()
    assert (made.child, made.ready) == (None, False)
