"""When a dead child is replaced: at once, unless it dies young again and again."""

from collections.abc import Callable
from typing import Final

QUICK_DEATH_S: Final = 5.0
"""A child that dies younger than this counts towards the backoff."""
FREE_RESTARTS: Final = 2
_FIRST_DELAY_S: Final = 0.5
_LAST_DELAY_S: Final = 5.0


class Restarts:
    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self.total = 0
        """Children that died by themselves."""

    def __bool__(self) -> bool:
        return bool(self._due)

    def lost(self, name: str, lived_s: float, now: float) -> int:
        """Plan the replacement of a child that died by itself; how many quick deaths in a row that makes."""
        deaths = self._deaths.get(name, 0) + 1 if lived_s < QUICK_DEATH_S else 0
        self._deaths[name] = deaths
        self.total += 1
        excess = deaths - FREE_RESTARTS
        self._due[name] = now if excess <= 0 else now + min(_FIRST_DELAY_S * 2.0 ** (excess - 1), _LAST_DELAY_S)
        return deaths

    def ended(self, name: str, now: float) -> None:
        """Plan the replacement of a child that was told to end."""
        self._deaths.pop(name, None)
        self._due[name] = now

    def take_due(self, now: float) -> list[str]:
        names = [name for name, at in self._due.items() if at <= now]
        for name in names:
            del self._due[name]
        return names

    def moments(self) -> list[float]:
        return list(self._due.values())

    def drop(self, unwanted: Callable[[str], bool] = lambda name: True) -> None:
        """Replace these no more."""
        self._due = {name: at for name, at in self._due.items() if not unwanted(name)}
