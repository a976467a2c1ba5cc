"""Whether this process holds more memory than it should: one look a second, no request's business.

What counts is memory of its own: pages mapped from files come and go with the page cache.
"""

import asyncio
import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

EVERY_S: Final = 1.0
_SOON_S: Final = 0.1
"""How long what was ended takes to be gone."""
_RESUME_AT: Final = 0.9
"""Share of the limit below which all is well again: a limit that is just met would flicker."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")


def own_bytes() -> int:
    """Resident memory that belongs to this process alone (proc(5): resident less shared)."""
    _, resident, shared, *_ = _STATM.read_bytes().split()
    return (int(resident) - int(shared)) * _PAGE_BYTES


def give_back() -> None:
    """Return to the system what the C library's allocator holds free; without glibc there is no such call."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class MemoryWatch:
    """`over` says whether the limit is passed; it stays so until a tenth of the limit is free again."""

    def __init__(
        self,
        limit_bytes: int,
        on_change: Callable[[bool], None],
        *,
        read: Callable[[], int] = own_bytes,
        trim: Callable[[], None] = give_back,
        relieve: Callable[[], None] = lambda: None,
        every_s: float = EVERY_S,
    ) -> None:
        """`limit_bytes`: 0 for none. `on_change` learns of each change of `over`. `relieve` ends what can be ended: it is
        called before the limit counts as passed, and again as long as it is."""
        self.over = False
        self._limit_bytes = limit_bytes
        self._on_change = on_change
        self._read = read
        self._trim = trim
        self._relieve = relieve
        self._relieved = False
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._limit_bytes:
            self._look_after(self._every_s)

    def _look_after(self, pause_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        bound = self._limit_bytes * _RESUME_AT if self.over else self._limit_bytes
        over = self._read() > bound
        if over:  # what ended streams left is free in the allocator, not in the system
            self._trim()
            over = self._read() > bound
        if over and not self._relieved:
            self._relieved = True
            self._relieve()
            self._look_after(min(_SOON_S, self._every_s))
            return
        self._relieved = False
        self._look_after(self._every_s)
        if over is not self.over:
            self.over = over
            self._on_change(over)
