"""How much the log takes in a day of callers that nobody vouches for: without it, strangers would fill the disk."""

from typing import Final

from gateway.kit.clock import Clock

_DAY_S: Final = 86_400


class DailyBudget:
    """So many bytes at once, and the same again over each day."""

    def __init__(self, clock: Clock, bytes_a_day: int) -> None:
        self._clock = clock
        self._most = bytes_a_day
        self._left = float(bytes_a_day)
        self._seen_at = clock.monotonic()

    def spend(self, size_bytes: int) -> bool:
        """Whether there is room for so many bytes, which are then taken off."""
        now = self._clock.monotonic()
        self._left = min(self._most, self._left + (now - self._seen_at) * self._most / _DAY_S)
        self._seen_at = now
        if size_bytes > self._left:
            return False
        self._left -= size_bytes
        return True
