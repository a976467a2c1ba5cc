"""Failed sign-ins, counted by address. Who fails often is told to wait; who has the right token is never shut out, not even
behind the address of somebody who guesses: tokens are too long to guess, so this guards the log and the store's time."""

from ipaddress import IPv6Address
from typing import Final

from cachetools import TTLCache

from gateway.kit.addresses import parse_address
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
        source = _source(address)
        count = self._failures.get(source, 0) + 1
        self._failures[source] = count
        return count > FAILURES


def _source(address: str) -> str:
    """An IPv6 customer has a whole /64."""
    ip = parse_address(address)
    if ip is None:
        return ""
    return str(IPv6Address(int(ip) >> 64 << 64)) if isinstance(ip, IPv6Address) else str(ip)
