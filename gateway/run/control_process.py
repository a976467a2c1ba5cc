"""The control process: the one that runs, what it runs with, and what it goes back to."""

from collections.abc import Callable
from typing import Final

from gateway.model.service import ControlConfig
from gateway.run.children import Child

_KILL_MARGIN_S: Final = 2.0
"""Control, which ends last, holds its own time: the service is gone 10 s after the last request at most."""


class ControlProcess:
    def __init__(self, config: ControlConfig, start: Callable[[ControlConfig], Child]) -> None:
        self.config = config
        self.child: Child | None = None
        self._start = start
        self._before: ControlConfig | None = None
        """What it ran with before a reload, until the new one is ready."""

    def start(self) -> None:
        self.child = self._start(self.config)

    @property
    def ready(self) -> bool:
        return self.child is not None and self.child.ready

    def replace(self, config: ControlConfig) -> None:
        """Edges serve on with what they know in the meantime; the new one starts as soon as the old one is gone."""
        self.config, self._before = config, self.config
        self.drain()

    def settle(self) -> None:
        """There is no way back any more."""
        self._before = None

    def lost(self) -> bool:
        """It is gone. Whether it goes back to what it ran with before a reload, because it never got ready with the new."""
        child, self.child = self.child, None
        if self._before is None or child is None or child.ready:
            return False
        self.config, self._before = self._before, None
        return True

    def drain(self) -> None:
        if self.child is not None:
            self.child.drain(self.config.shutdown_s + _KILL_MARGIN_S)

    def end(self) -> None:
        """Drain it, unless it is told to end already."""
        if self.child is not None and self.child.kill_at is None:
            self.drain()
