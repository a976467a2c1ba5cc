"""The supervisor's decisions, with stand-ins for the children; real ones are in tests/e2e and tests/fault."""

import dataclasses
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gateway.model.service import ControlConfig, EdgeConfig
from gateway.run import supervisor as module
from gateway.run.config import ServiceConfig
from gateway.run.findings import bad
from gateway.run.layers import ConfigError
from gateway.run.listening import Listeners
from gateway.run.orders import Orders
from gateway.run.supervisor import State, Supervisor
from gateway.run.systemd import Notifier

CONFIG = ServiceConfig(
    edge=EdgeConfig(listen=("127.0.0.1:0",)),
    control=ControlConfig(control_socket="/x"),
    workers=2,
    log_level="info",
    data_dir=Path("/data"),
    public_url="",
)


class StandIn:
    """A child that does what the test says."""

    def __init__(self, orders: Orders, sockets: Sequence[socket.socket] = ()) -> None:
        self.name = orders.name
        self.config = orders.config
        self.pid = 1
        self.ready = self.bootstrapped = self.gone = self.killed = False
        self.refusal = ""
        self.in_flight = 0
        self.started_at = time.monotonic()
        self.kill_at: float | None = None
        self.drained: list[float] = []
        self.is_overdue = False
        self.hopeless = False
        self.heard = 0
        self.closed = False
        self.is_lively = True
        self.channel, self._theirs = socket.socketpair()

    def hear(self) -> bool:
        self.heard += 1
        return not self.closed

    def overdue(self, now: float) -> bool:
        return self.is_overdue

    def lively(self, now: float) -> bool:
        return self.is_lively

    def drain(self, grace_s: float) -> None:
        self.kill_at = time.monotonic() + grace_s
        self.drained.append(grace_s)

    def kill(self) -> None:
        self.killed = self.gone = True


class Heard(Notifier):
    """A service manager that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("")
        self.words: list[str] = []

    def _send(self, *lines: str) -> None:
        self.words.extend(lines)

    def take(self) -> list[str]:
        taken, self.words = self.words, []
        return taken


class Stage:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.children: list[StandIn] = []
        self.said: list[str] = []
        self.next_config: ServiceConfig | ConfigError = CONFIG
        self.notifier = Heard()
        self.listeners = Listeners()
        self.listeners.open(CONFIG.edge.listen)
        monkeypatch.setattr(module, "Child", self._child)
        self.supervisor = Supervisor(
            CONFIG, reload=self._reload, listeners=self.listeners, notifier=self.notifier, say=self.said.append
        )
        self.supervisor._begin()

    def _child(self, orders: Orders, sockets: Sequence[socket.socket] = (), admin: Sequence[socket.socket] = ()) -> StandIn:
        assert list(admin) == []
        self.children.append(StandIn(orders, sockets))
        return self.children[-1]

    def _reload(self) -> ServiceConfig:
        if isinstance(self.next_config, ConfigError):
            raise self.next_config
        return self.next_config

    def tick(self, later_s: float = 0.0) -> None:
        self.supervisor._tick(time.monotonic() + later_s)

    def living(self, name: str = "") -> list[StandIn]:
        return [child for child in self.children if not child.gone and child.name.startswith(name)]

    def all_ready(self) -> None:
        for child in self.living():
            child.ready = True
        self.tick()

    def reload(self) -> None:
        self.supervisor._on_reload()
        self.tick()


@pytest.fixture
def stage(own_logging: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(monkeypatch)
    yield stage
    close(stage)


def close(stage: Stage) -> None:
    stage.listeners.close()
    for child in stage.children:
        child.channel.close()
        child._theirs.close()
    stage.supervisor._selector.close()


@pytest.fixture
def running(stage: Stage) -> Stage:
    stage.all_ready()
    return stage


def names(children: Sequence[StandIn]) -> list[str]:
    return sorted(child.name for child in children)


def test_too_few_open_files_are_told_at_the_start(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "open_files", lambda: bad("only 64 open files are allowed"))
    stage = Stage(monkeypatch)
    assert "only 64 open files" in caplog.text
    close(stage)


def test_ready_is_said_once_and_only_when_all_are(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.children[0].ready = stage.children[1].ready = True
    stage.tick()
    assert capsys.readouterr().out == ""
    stage.children[0].bootstrapped = stage.children[2].ready = True
    stage.tick()
    stage.tick()
    assert capsys.readouterr().out.splitlines() == [
        f"gateway ready on {stage.listeners.origin()} (2 workers)",
        f"dashboard: {CONFIG.dashboard_url}/dashboard",
        "first API token: /data/bootstrap-token",
    ]


@pytest.mark.parametrize("name", ["edge-0", "edge-1", "control"])
def test_a_dead_child_is_replaced_in_the_same_tick(running: Stage, name: str) -> None:
    (victim,) = running.living(name)
    victim.gone = True
    running.tick()
    assert names(running.living()) == ["control", "edge-0", "edge-1"]
    assert running.living(name) != [victim]


def test_a_child_that_does_not_answer_is_killed_and_replaced(running: Stage) -> None:
    (frozen,) = running.living("edge-1")
    frozen.is_overdue = True
    running.tick()
    assert frozen.killed
    running.tick()
    assert names(running.living()) == ["control", "edge-0", "edge-1"]


@pytest.mark.parametrize(("hopeless", "status"), [(False, 1), (True, 2)])
def test_a_refusal_at_the_start_ends_the_service_with_its_reason(stage: Stage, hopeless: bool, status: int) -> None:
    stage.children[0].refusal = "ops port is taken"
    stage.children[0].hopeless = hopeless
    stage.children[0].gone = True
    stage.tick()
    assert stage.said == ["cannot start: ops port is taken"]
    stage.tick()
    assert stage.living() == []
    assert stage.supervisor._exit_code == status
    assert stage.listeners.sockets == []


def test_children_that_end_at_once_at_the_start_end_the_service(stage: Stage) -> None:
    for _ in range(3):
        stage.living("edge-0")[0].gone = True
        stage.tick(later_s=0.1)
    assert stage.said == ["cannot start: edge-0 ends as soon as it starts"]


def test_a_refusal_later_only_waits_longer_each_time(running: Stage) -> None:
    for _ in range(5):
        for child in running.living("control"):
            child.refusal, child.gone = "the store is newer", True
        running.tick()
    assert running.said == []
    assert running.living("control") == []
    running.tick(later_s=10)
    assert len(running.living("control")) == 1


def test_stopping_drains_the_edges_and_control_last(running: Stage) -> None:
    control, *edges = running.living()
    running.supervisor._on_stop()
    running.tick()
    assert [len(edge.drained) for edge in edges] == [1, 1]
    assert control.drained == []
    assert running.listeners.sockets == []
    edges[0].gone = True
    running.tick()
    assert control.drained == []
    edges[1].gone = True
    running.tick()
    assert len(control.drained) == 1
    control.gone = True
    running.tick()
    assert not running.supervisor._children()
    assert running.supervisor._exit_code == 0
    assert len(running.children) == 3


def test_control_is_replaced_while_edges_drain(running: Stage) -> None:
    running.supervisor._on_stop()
    running.living("control")[0].gone = True
    running.tick()
    assert len(running.living("control")) == 1


def test_a_second_signal_cuts(running: Stage) -> None:
    running.supervisor._on_stop()
    running.supervisor._on_stop()
    assert [edge.drained for edge in running.living("edge")] == [[605.0, 2.0]] * 2


def test_reload_waits_for_the_new_generation_before_it_drains_the_old(running: Stage) -> None:
    control, *old = running.living()
    running.next_config = dataclasses.replace(CONFIG, workers=3, edge=dataclasses.replace(CONFIG.edge, ca_bundle="/ca"))
    running.reload()
    new = [edge for edge in running.living("edge") if edge not in old]
    assert [edge.config.ca_bundle for edge in new] == ["/ca"] * 3
    new[0].ready = new[1].ready = True
    running.tick()
    assert [edge.drained for edge in old] == [[], []]
    new[2].ready = True
    running.tick()
    assert [len(edge.drained) for edge in old] == [1, 1]
    assert control.drained == []
    for edge in old:
        edge.gone = True
    running.tick()
    assert names(running.living()) == ["control", "edge-0", "edge-1", "edge-2"]
    new[0].gone = True
    running.tick()
    assert names(running.living()) == ["control", "edge-0", "edge-1", "edge-2"]


def test_a_bad_configuration_changes_nothing(running: Stage) -> None:
    running.next_config = ConfigError("gateway.toml: nonsense")
    running.reload()
    assert running.said == ["reload refused, the old configuration stays: gateway.toml: nonsense"]
    assert len(running.children) == 3


@pytest.mark.parametrize("how", ["dies", "is too slow"])
def test_a_generation_that_does_not_get_ready_leaves_the_old_one(running: Stage, how: str) -> None:
    old = running.living("edge")
    running.reload()
    new = [edge for edge in running.living("edge") if edge not in old]
    if how == "dies":
        new[0].gone = True
        running.tick()
    else:
        running.tick(later_s=100)
    running.tick()
    assert running.living("edge") == old
    assert [edge.drained for edge in old] == [[], []]
    assert running.said[0].startswith("reload failed, the old configuration stays: ")


def test_control_is_replaced_when_its_configuration_changed_and_reverted_when_it_refuses(running: Stage) -> None:
    (control,) = running.living("control")
    changed = dataclasses.replace(CONFIG.control, ops_listen="127.0.0.1:1")
    running.next_config = dataclasses.replace(CONFIG, control=changed)
    running.reload()
    assert len(control.drained) == 1
    control.gone = True
    running.tick()
    (fresh,) = running.living("control")
    assert fresh.config == changed
    fresh.refusal, fresh.gone = "ops port is taken", True
    running.tick()
    assert running.said == ["reload failed, the old configuration stays: ops port is taken"]
    assert [child.config for child in running.living("control")] == [CONFIG.control]
    running.tick()
    assert names(running.living()) == ["control", "edge-0", "edge-1"]


@pytest.mark.parametrize("when", ["starting", "reloading"])
def test_a_reload_asked_for_too_early_is_done_later(stage: Stage, when: str) -> None:
    if when == "reloading":
        stage.all_ready()
        stage.reload()
    count = len(stage.children)
    stage.reload()
    assert len(stage.children) == count
    stage.all_ready()
    stage.tick()
    assert len(stage.children) == count + 2


def test_the_pause_ends_with_the_next_moment_that_matters(running: Stage) -> None:
    pause: Callable[[], float] = running.supervisor._pause_s
    assert pause() == 1.0
    running.living("edge")[0].drain(0.3)
    assert 0.02 <= pause() <= 0.3


def test_the_watchdog_is_fed_while_one_worker_turns(running: Stage) -> None:
    first, second = running.living("edge")
    turns = [((True, True), True), ((False, True), True), ((False, False), False), ((True, False), True)]
    for turn, (lively, fed) in enumerate(turns, 1):
        first.is_lively, second.is_lively = lively
        running.notifier.take()
        running.tick(later_s=turn)
        assert ("WATCHDOG=1" in running.notifier.take()) is fed, lively


def test_the_watchdog_is_fed_until_the_end_of_a_stop(running: Stage) -> None:
    for edge in running.living("edge"):
        edge.is_lively = False
    running.supervisor._on_stop()
    running.notifier.take()
    running.tick(later_s=1)
    assert "WATCHDOG=1" in running.notifier.take()


def test_however_often_it_turns_the_watchdog_is_fed_once_a_second(running: Stage) -> None:
    running.notifier.take()
    for hundredths in range(300):
        running.tick(later_s=1 + hundredths / 100)
    assert running.notifier.take().count("WATCHDOG=1") == 3


def test_a_child_that_has_closed_its_channel_is_not_listened_to(running: Stage) -> None:
    """Else its end of file would turn the loop until the process is gone."""
    child = running.living("edge-0")[0]
    selector = running.supervisor._selector
    selector.get_map()[child.channel].data()
    assert (child.heard, child.channel in selector.get_map()) == (1, True)
    child.closed = True
    selector.get_map()[child.channel].data()
    assert child.channel not in selector.get_map()
    child.gone = True
    running.tick()
    assert child.heard == 3


def test_the_status_tells_of_workers_that_serve_drain_and_of_failed_reloads(running: Stage) -> None:
    def told() -> list[str]:
        return [word for word in running.notifier.take() if word.startswith("STATUS=")][-1:]

    assert told() == ["STATUS=2 workers, 0 streams open"]
    running.tick()
    assert told() == []
    running.reload()
    running.all_ready()
    assert told() == ["STATUS=2 workers, 0 streams open, 2 draining 0 streams"]
    for edge in running.children:
        edge.gone = bool(edge.drained)
    running.tick()
    assert told() == ["STATUS=2 workers, 0 streams open"]
    running.next_config = ConfigError("x")
    running.reload()
    assert told() == ["STATUS=2 workers, 0 streams open; reload refused, the old configuration stays"]
    running.next_config = CONFIG
    running.reload()
    running.all_ready()
    running.supervisor._on_stop()
    assert told() == ["STATUS=stopping: 4 workers draining 0 streams"]


def test_the_states_of_a_life(stage: Stage) -> None:
    seen = [stage.supervisor._state]

    def note() -> None:
        seen.append(stage.supervisor._state)

    stage.reload()
    note()
    stage.all_ready()
    note()
    stage.tick()
    note()
    stage.all_ready()
    note()
    for _ in range(2):
        stage.supervisor._on_stop()
        note()
    assert [state.name for state in seen] == [
        "STARTING", "STARTING", "SERVING", "ROLLING", "SERVING", "STOPPING", "CUTTING",
    ]  # fmt: skip


@pytest.mark.parametrize("state", [State.STOPPING, State.CUTTING])
def test_no_reload_begins_or_ends_while_it_stops(running: Stage, state: State) -> None:
    running.reload()
    new = running.living("edge")[2:]
    for _ in range(1 + (state is State.CUTTING)):
        running.supervisor._on_stop()
    assert running.supervisor._state is state
    running.reload()
    new[0].gone = True
    running.all_ready()
    running.tick(later_s=100)
    assert (running.said, running.supervisor._state) == ([], state)
    assert [len(edge.drained) for edge in running.living("edge")] == [1 + (state is State.CUTTING)] * 3


def test_a_reload_that_waited_is_not_kept_waiting(running: Stage) -> None:
    running.supervisor._on_reload()
    assert running.supervisor._pause_s() == 0.02
