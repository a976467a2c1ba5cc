"""Failed sign-ins, counted by address. Who fails often is told to wait; who has the right token is never shut out, not even
behind the address of somebody who guesses: tokens are too long to guess, so this guards the log and the store's time."""

from typing import Final

from cachetools import TTLCache

from gateway.kit.addresses import customer_of
from gateway.kit.clock import Clock

FAILURES: Final = 10
"""Within one window; further ones are refused as too many."""
WINDOW_S: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


class Throttle:
    def __init__(self, clock: Clock) -> None:
        self._failures: TTLCache[str, int] = TTLCache(_MOST_ADDRESSES, WINDOW_S, timer=clock.monotonic)

    def failed(self, address: str) -> bool:
        """Count one failure from there; whether there were too many of them lately."""
        source = customer_of(address)
        count = self._failures.get(source, 0) + 1
        self._failures[source] = count
        return count > FAILURES
