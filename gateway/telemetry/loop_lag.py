"""How late the event loop is: one coarse timer, and the distance between when it was due and when it came."""

import asyncio
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 1.0


class LoopLag:
    def __init__(self, observe: Callable[[float], None], every_s: float = EVERY_S) -> None:
        self._observe = observe
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin in the running loop; its own time is the measure."""
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + self._every_s
        self._timer = loop.call_at(due, self._came, loop, due)

    def _came(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._observe(max(0.0, loop.time() - due))
        self._arm(loop)
