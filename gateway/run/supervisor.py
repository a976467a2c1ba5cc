"""The parent process: holds the public sockets, starts and replaces workers, forwards signals, speaks to systemd.

It serves no traffic and runs no event loop. Its whole life is `run`: wait, note what happened, tick.
"""

import dataclasses
import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import Final

from gateway.model.service import ControlConfig
from gateway.run import status
from gateway.run.children import HOPELESS, Child
from gateway.run.config import ServiceConfig
from gateway.run.findings import Verdict
from gateway.run.hot_path import log_unless_compiled
from gateway.run.layers import ConfigError
from gateway.run.listening import Listeners
from gateway.run.open_files import open_files
from gateway.run.orders import Orders
from gateway.run.restarts import Restarts
from gateway.run.signals import handled
from gateway.run.systemd import Notifier

_TICK_S: Final = 1.0
_START_DEATHS: Final = 3
"""So many deaths before the service was ready once, and it gives up."""
_ROLL_LIMIT_S: Final = 60.0
_KILL_MARGIN_S: Final = 5.0
_CONTROL_KILL_MARGIN_S: Final = 2.0
"""Control, which ends last, holds its own time: the service is gone 10 s after the last request at most."""
_CUT_S: Final = 2.0

_log = logging.getLogger("gateway.run")


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
        self._config = config
        self._reload_config = reload
        self._listeners = listeners
        self._notifier = notifier
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._control: Child | None = None
        self._edges: list[Child] = []
        self._incoming: list[Child] = []
        """The next generation, until all of it is ready."""
        self._outgoing: list[Child] = []
        """Edges of an earlier generation that finish their requests."""
        self._next_config: ServiceConfig | None = None
        self._roll_until = 0.0
        self._fallback: ControlConfig | None = None
        """What control ran with before a reload, until the new one is ready."""
        self._restarts = Restarts()
        self._announced = False
        self._told = ""
        self._trouble = ""
        """How the last reload went, unless it went well."""
        self._reload_wanted = False
        self._beat_due = 0.0
        """When the service manager wants to hear next that we live."""
        self._stop_signals = 0
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
        self._control = self._start_control()
        self._edges = [self._start_edge(slot, self._config) for slot in range(self._config.workers)]

    # --- what happens

    def _on_stop(self) -> None:
        self._stop_signals += 1
        if self._stop_signals == 1:
            self._stop()
        else:
            for edge in self._all_edges():
                edge.drain(_CUT_S)

    def _stop(self) -> None:
        _log.info("stopping: requests under way may finish within %g s", self._config.edge.timeouts.drain_s)
        self._notifier.stopping(self._status())
        self._listeners.close()
        self._restarts.drop()
        for edge in (*self._edges, *self._incoming):
            edge.drain(self._config.edge.timeouts.drain_s + _KILL_MARGIN_S)

    def _on_reload(self) -> None:
        """Done at the next tick that finds no start and no other reload under way."""
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
        self._next_config = config
        self._roll_until = time.monotonic() + _ROLL_LIMIT_S
        if config.control != self._config.control:
            self._replace_control(config.control)
        self._incoming = [self._start_edge(slot, config) for slot in range(config.workers)]

    def _replace_control(self, config: ControlConfig) -> None:
        """Edges serve on with what they know in the meantime; the new control starts as soon as the old one is gone."""
        self._fallback = self._config.control
        self._config = dataclasses.replace(self._config, control=config)
        if self._control is not None:
            self._control.drain(config.shutdown_s + _CONTROL_KILL_MARGIN_S)

    def _tick(self, now: float) -> None:
        for child in self._children():
            if child.gone:
                self._on_gone(child, now)
            elif child.overdue(now):
                _log.error("%s is killed: its time is over or it does not answer", child.name)
                child.kill()
        self._start_due(now)
        self._follow_roll(now)
        self._announce()
        if self._reload_wanted and self._announced and not self._incoming and not self._stop_signals:
            self._reload()
        if self._stop_signals and self._control is not None and not self._all_edges() and self._control.kill_at is None:
            self._control.drain(self._config.control.shutdown_s + _CONTROL_KILL_MARGIN_S)
        self._tell_manager(now)

    def _tell_manager(self, now: float) -> None:
        """The watchdog is fed for the workers, not for this process: one that turns keeps the service alive."""
        if now >= self._beat_due and (self._stop_signals or any(edge.lively(now) for edge in self._all_edges())):
            self._beat_due = now + _TICK_S
            self._notifier.beat()
        if self._announced and (line := self._status()) != self._told:
            self._told = line
            self._notifier.status(line)

    def _status(self) -> str:
        if self._stop_signals:
            return status.stopping(self._all_edges())
        return status.serving(self._edges, self._outgoing, self._trouble)

    def _on_gone(self, child: Child, now: float) -> None:
        child.hear()
        self._unwatch(child)
        child.channel.close()
        if child in self._incoming:
            self._incoming.remove(child)
            self._abandon_roll(child.refusal or f"{child.name} ended before it was ready")
        elif child in self._outgoing:
            self._outgoing.remove(child)
        elif child is self._control:
            self._control = None
            if not child.ready and self._fallback is not None:
                self._revert_control(child.refusal)
            if not self._stop_signals or (self._all_edges() and not self._exit_code):
                self._on_lost(child, now)
        else:
            self._edges.remove(child)
            if not self._stop_signals:
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
        if not self._stop_signals:
            self._say(f"cannot start: {reason}")
        self._stop_signals = 2
        self._listeners.close()
        self._restarts.drop()
        for child in self._children():
            child.kill()

    # --- generations

    def _follow_roll(self, now: float) -> None:
        if not self._incoming or self._next_config is None or self._stop_signals:
            return
        if all(edge.ready for edge in self._incoming) and self._control is not None and self._control.ready:
            self._finish_roll(self._next_config)
        elif now > self._roll_until:
            self._abandon_roll("the new workers did not get ready in time")

    def _finish_roll(self, config: ServiceConfig) -> None:
        old, self._edges, self._incoming = self._edges, self._incoming, []
        for edge in old:
            edge.drain(self._config.edge.timeouts.drain_s + _KILL_MARGIN_S)
        self._outgoing += old
        self._config, self._next_config, self._fallback = config, None, None
        self._restarts.drop(lambda name: name != "control")
        self._listeners.retire(config.edge.listen, config.edge.admin_listen)
        logging.getLogger().setLevel(config.log_level.upper())
        _log.info("reloaded: %d workers", len(self._edges))
        self._trouble = ""
        self._notifier.ready(self._status())

    def _abandon_roll(self, reason: str) -> None:
        if self._next_config is None or self._stop_signals:
            return
        self._say(f"reload failed, the old configuration stays: {reason}")
        self._next_config = None
        for edge in self._incoming:
            edge.kill()
        self._outgoing += self._incoming
        self._incoming = []
        self._listeners.retire(self._config.edge.listen, self._config.edge.admin_listen)
        self._trouble = "; reload failed, the old configuration stays"
        self._notifier.ready(self._status())

    def _revert_control(self, reason: str) -> None:
        assert self._fallback is not None
        self._config = dataclasses.replace(self._config, control=self._fallback)
        self._fallback = None
        self._abandon_roll(reason or "control ended before it was ready")

    # --- children

    def _start_control(self) -> Child:
        orders = Orders(
            name="control", log_level=self._config.log_level, restarts=self._restarts.total, config=self._config.control
        )
        return self._watch(Child(orders))

    def _start_edge(self, slot: int, config: ServiceConfig) -> Child:
        orders = Orders(name=f"edge-{slot}", log_level=config.log_level, restarts=self._restarts.total, config=config.edge)
        return self._watch(Child(orders, self._listeners.sockets, self._listeners.admin))

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

    def _start_due(self, now: float) -> None:
        for name in self._restarts.take_due(now):
            if name == "control":
                self._control = self._start_control()
            else:
                self._edges.append(self._start_edge(int(name.removeprefix("edge-")), self._config))

    def _announce(self) -> None:
        if self._announced or self._stop_signals or self._control is None or not self._control.ready:
            return
        if len(self._edges) < self._config.workers or not all(edge.ready for edge in self._edges):
            return
        self._announced = True
        log_unless_compiled()
        print(f"gateway ready on {self._listeners.origin()} ({status.workers(len(self._edges))})", flush=True)
        print(f"dashboard: {self._config.dashboard_url}/dashboard", flush=True)
        if self._control.bootstrapped:
            print(f"first API token: {os.path.join(self._config.data_dir, 'bootstrap-token')}", flush=True)
        self._notifier.ready(self._status())

    def _all_edges(self) -> list[Child]:
        return [*self._edges, *self._incoming, *self._outgoing]

    def _children(self) -> list[Child]:
        return [*self._all_edges(), *([self._control] if self._control is not None else [])]

    def _pause_s(self) -> float:
        now = time.monotonic()
        moments = [*self._restarts.moments(), *(child.kill_at for child in self._children() if child.kill_at is not None)]
        return max(0.02, min([_TICK_S, *(at - now for at in moments)]))


def _nothing() -> None:
    """SIGCHLD only ends the waiting: every tick looks for children that are gone."""
