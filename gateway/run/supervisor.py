"""The parent process: holds the public sockets, starts and replaces workers, forwards signals, speaks to systemd.

It serves no traffic and runs no event loop. Its whole life is `run`: wait, note what happened, tick.
"""

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from gateway.model.service import ControlConfig
from gateway.run import status
from gateway.run.children import HOPELESS, Child
from gateway.run.config import ServiceConfig
from gateway.run.control_process import ControlProcess
from gateway.run.findings import Verdict
from gateway.run.generation import Generation, Rollout
from gateway.run.hot_path import log_unless_compiled
from gateway.run.layers import ConfigError
from gateway.run.listening import Listeners
from gateway.run.open_files import open_files
from gateway.run.orders import Orders
from gateway.run.restarts import Restarts
from gateway.run.signals import handled
from gateway.run.systemd import Notifier

_TICK_S: Final = 1.0
_SHORTEST_PAUSE_S: Final = 0.02
_START_DEATHS: Final = 3
"""So many deaths before the service was ready once, and it gives up."""
_ROLL_LIMIT_S: Final = 60.0
_CUT_S: Final = 2.0

_log = logging.getLogger("gateway.run")


class State(Enum):
    """```
    STARTING ──all ready──▶ SERVING ◀──the new generation serves, or is given up──┐
        │                      └──────reload──────▶ ROLLING ───────────────────────┘
        │                        (a reload asked for in any other state waits)
        └──── SIGTERM, in each of the three ────▶ STOPPING ──second signal──▶ CUTTING
    ```
    A start that fails is CUTTING at once. Dead children are replaced in the first three; while stopping only control is, and
    only for as long as edges finish requests. The process ends when no child is left.
    """

    STARTING = auto()
    SERVING = auto()
    ROLLING = auto()
    STOPPING = auto()
    """Requests under way may finish."""
    CUTTING = auto()
    """They may not."""


class Supervisor:
    def __init__(
        self,
        config: ServiceConfig,
        *,
        reload: Callable[[], ServiceConfig],
        listeners: Listeners,
        notifier: Notifier,
        say: Callable[[str], None],
    ) -> None:
        self._reload_config = reload
        self._listeners = listeners
        self._notifier = notifier
        self._told = status.Told(notifier)
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._state = State.STARTING
        self._control = ControlProcess(config.control, self._start_control)
        self._serving = Generation(config, [])
        self._rollout: Rollout | None = None
        self._outgoing: list[Child] = []
        """Edges of other generations, that finish their requests."""
        self._restarts = Restarts()
        self._announced = False
        """Whether all was ready once."""
        self._trouble = ""
        """How the last reload went, unless it went well."""
        self._reload_wanted = False
        self._exit_code = 0

    def run(self) -> int:
        """Until told to stop; the exit code."""
        handlers: dict[int, Callable[[], None]] = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self._on_reload,
            signal.SIGCHLD: _nothing,
        }
        with handled(handlers, self._selector):
            self._begin()
            while self._children() or self._restarts:
                for key, _ in self._selector.select(self._pause_s()):
                    key.data()
                self._tick(time.monotonic())
        self._selector.close()
        return self._exit_code

    def _begin(self) -> None:
        if (files := open_files()).verdict is not Verdict.GOOD:
            _log.warning("%s", files.text)
        self._control.start()
        self._serving.edges += self._start_edges(self._serving.config)

    def _tick(self, now: float) -> None:
        for child in self._children():
            if child.gone:
                self._on_gone(child, now)
            elif child.overdue(now):
                _log.error("%s is killed: its time is over or it does not answer", child.name)
                child.kill()
        self._start_due(now)
        match self._state:
            case State.STARTING if self._control.ready and self._serving.ready:
                self._announce()
            case State.SERVING if self._reload_wanted:
                self._reload()
            case State.ROLLING:
                self._follow_rollout(now)
            case State.STOPPING | State.CUTTING if not self._all_edges():
                self._control.end()
        self._tell_manager(now)

    @property
    def _ending(self) -> bool:
        return self._state in (State.STOPPING, State.CUTTING)

    # --- what the operator asks for

    def _on_stop(self) -> None:
        if self._ending:
            self._state = State.CUTTING
            for edge in self._all_edges():
                edge.drain(_CUT_S)
            return
        self._state = State.STOPPING
        _log.info("stopping: requests under way may finish within %g s", self._serving.config.edge.timeouts.drain_s)
        self._notifier.stopping(self._status())
        self._listeners.close()
        self._restarts.drop()
        self._serving.drain()
        if self._rollout is not None:
            self._rollout.new.drain()

    def _on_reload(self) -> None:
        """Done when it serves."""
        self._reload_wanted = True

    def _reload(self) -> None:
        self._reload_wanted = False
        self._notifier.reloading()
        try:
            config = self._reload_config()
            self._listeners.open(config.edge.listen, config.edge.admin_listen)
        except ConfigError as error:
            self._say(f"reload refused, the old configuration stays: {error}")
            self._trouble = "; reload refused, the old configuration stays"
            self._notifier.ready(self._status())
            return
        if config.control != self._control.config:
            self._control.replace(config.control)
        self._rollout = Rollout(Generation(config, self._start_edges(config)), time.monotonic() + _ROLL_LIMIT_S)
        self._state = State.ROLLING

    def _follow_rollout(self, now: float) -> None:
        if self._rollout is None:
            return
        if self._rollout.new.ready and self._control.ready:
            self._finish_rollout(self._rollout.new)
        elif now > self._rollout.until:
            self._abandon_rollout("the new workers did not get ready in time")

    def _finish_rollout(self, new: Generation) -> None:
        old, self._serving, self._rollout = self._serving, new, None
        old.drain()
        self._outgoing += old.edges
        self._control.settle()
        self._restarts.drop(lambda name: name != "control")
        self._listeners.retire(new.config.edge.listen, new.config.edge.admin_listen)
        logging.getLogger().setLevel(new.config.log_level.upper())
        _log.info("reloaded: %d workers", len(new.edges))
        self._serve_again("")

    def _abandon_rollout(self, reason: str) -> None:
        """Nothing, unless there is one: what ends while the service stops was not meant to stay."""
        if self._rollout is None or self._ending:
            return
        self._say(f"reload failed, the old configuration stays: {reason}")
        new, self._rollout = self._rollout.new, None
        new.kill()
        self._outgoing += new.edges
        self._listeners.retire(self._serving.config.edge.listen, self._serving.config.edge.admin_listen)
        self._serve_again("; reload failed, the old configuration stays")

    def _serve_again(self, trouble: str) -> None:
        self._state = State.SERVING
        self._trouble = trouble
        self._notifier.ready(self._status())

    # --- children that end

    def _on_gone(self, child: Child, now: float) -> None:
        child.hear()
        self._unwatch(child)
        child.channel.close()
        if child is self._control.child:
            if self._control.lost():
                self._abandon_rollout(child.refusal or "control ended before it was ready")
            if not self._ending or (self._all_edges() and not self._exit_code):
                self._on_lost(child, now)
        elif self._rollout is not None and child in self._rollout.new.edges:
            self._rollout.new.edges.remove(child)
            self._abandon_rollout(child.refusal or f"{child.name} ended before it was ready")
        elif child in self._outgoing:
            self._outgoing.remove(child)
        else:
            self._serving.edges.remove(child)
            if not self._ending:
                self._on_lost(child, now)

    def _on_lost(self, child: Child, now: float) -> None:
        if child.kill_at is not None:
            self._restarts.ended(child.name, now)
            return
        deaths = self._restarts.lost(child.name, now - child.started_at, now)
        if not self._announced and (child.refusal or deaths >= _START_DEATHS):
            self._give_up(child.refusal or f"{child.name} ends as soon as it starts", hopeless=child.hopeless)
        else:
            _log.warning("%s (pid %d) ended and is replaced: %s", child.name, child.pid, child.refusal or "unexpectedly")

    def _give_up(self, reason: str, *, hopeless: bool) -> None:
        self._exit_code = HOPELESS if hopeless else 1
        if not self._ending:
            self._say(f"cannot start: {reason}")
        self._state = State.CUTTING
        self._listeners.close()
        self._restarts.drop()
        for child in self._children():
            child.kill()

    # --- children that start

    def _start_control(self, config: ControlConfig) -> Child:
        log_level = self._serving.config.log_level
        return self._watch(Child(Orders(name="control", log_level=log_level, restarts=self._restarts.total, config=config)))

    def _start_edges(self, config: ServiceConfig) -> list[Child]:
        return [self._start_edge(f"edge-{slot}", config) for slot in range(config.workers)]

    def _start_edge(self, name: str, config: ServiceConfig) -> Child:
        orders = Orders(name=name, log_level=config.log_level, restarts=self._restarts.total, config=config.edge)
        return self._watch(Child(orders, self._listeners.sockets, self._listeners.admin))

    def _start_due(self, now: float) -> None:
        for name in self._restarts.take_due(now):
            if name == "control":
                self._control.start()
            else:
                self._serving.edges.append(self._start_edge(name, self._serving.config))

    def _watch(self, child: Child) -> Child:
        self._selector.register(child.channel, selectors.EVENT_READ, lambda: self._hear(child))
        return child

    def _hear(self, child: Child) -> None:
        """A child that ends closes its channel first: listening on would turn this loop until it is gone."""
        if not child.hear():
            self._unwatch(child)

    def _unwatch(self, child: Child) -> None:
        if child.channel in self._selector.get_map():
            self._selector.unregister(child.channel)

    # --- what is told

    def _announce(self) -> None:
        self._state = State.SERVING
        self._announced = True
        config, control = self._serving.config, self._control.child
        log_unless_compiled()
        print(f"gateway ready on {self._listeners.origin()} ({status.workers(len(self._serving.edges))})", flush=True)
        print(f"dashboard: {config.dashboard_url}/dashboard", flush=True)
        if control is not None and control.bootstrapped:
            print(f"first API token: {os.path.join(config.data_dir, 'bootstrap-token')}", flush=True)
        self._notifier.ready(self._status())

    def _tell_manager(self, now: float) -> None:
        """The watchdog is fed for the workers, not for this process: one that turns keeps the service alive."""
        if self._ending or any(edge.lively(now) for edge in self._all_edges()):
            self._told.beat(now)
        if self._announced:
            self._told.line(self._status())

    def _status(self) -> str:
        if self._ending:
            return status.stopping(self._all_edges())
        return status.serving(self._serving.edges, self._outgoing, self._trouble)

    def _all_edges(self) -> list[Child]:
        new = self._rollout.new.edges if self._rollout is not None else ()
        return [*self._serving.edges, *new, *self._outgoing]

    def _children(self) -> list[Child]:
        return [*self._all_edges(), *([self._control.child] if self._control.child is not None else [])]

    def _pause_s(self) -> float:
        if self._reload_wanted and self._state is State.SERVING:
            return _SHORTEST_PAUSE_S
        now = time.monotonic()
        moments = [*self._restarts.moments(), *(child.kill_at for child in self._children() if child.kill_at is not None)]
        return max(_SHORTEST_PAUSE_S, min([_TICK_S, *(at - now for at in moments)]))


def _nothing() -> None:
    """SIGCHLD only ends the waiting: every tick looks for children that are gone."""
