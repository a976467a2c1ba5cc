"""Time as a value that can be replaced: tests move a fake clock instead of sleeping."""

import time
from typing import Protocol


class Clock(Protocol):
    def wall(self) -> float:
        """Seconds since the epoch. Compares with expiry dates; may jump."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start. Measures durations and lifetimes; never jumps."""


class SystemClock:
    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
