"""The clients' connections of a worker: how many there are and what they hold, in all and from one address, and who goes first
when it is too much: whoever showed no valid token and waits, or has not yet said what it wants (decision 0015).
"""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address
from time import monotonic
from typing import Final, Protocol

from gateway.edge.clients import Clients
from gateway.kit.addresses import parse_address
from gateway.model.service import Limits

_LEFT: Final = 0.75
"""Share of a bound in bytes that is left when connections were ended, so that not each further byte ends one."""
_BATCH: Final = 16
"""Of a bound in number, one in so many is ended at once: looking at all of them is dear."""
_BARREN_S: Final = 1.0
"""How long nobody is looked for again where nobody could be ended."""


class Source:
    """What one address has."""

    __slots__ = ("barren_until", "bytes_limit", "connections", "connections_limit", "held_bytes", "name")

    def __init__(self, name: str, connections_limit: int, bytes_limit: int) -> None:
        self.name = name
        self.connections_limit = connections_limit
        self.bytes_limit = bytes_limit
        self.connections = 0
        self.held_bytes = 0
        self.barren_until = 0.0


class Client(Protocol):
    """What is asked of a connection."""

    source: Source
    held_bytes: int
    known: bool
    """A valid token was seen on it."""

    def waits_since(self) -> float | None:
        """Since when it has been idle or unfinished; None while it is being served."""

    def end(self) -> None:
        """Close it now."""


class Connections:
    def __init__(self, limits: Limits, clients: Clients, now: Callable[[], float] = monotonic) -> None:
        self._clients = clients
        self._now = now
        self._limits = limits
        self._everyone: dict[Client, None] = {}
        self._sources: dict[str, Source] = {}
        self.all = Source("", limits.client_connections, limits.client_bytes)
        self.ended: Counter[str] = Counter()
        """Connections ended, or refused at once, by the reason."""

    def enter(self, client: Client, address: str) -> bool:
        """Count a new connection; False where there is no room for it."""
        source = self._source(address)
        for group in (self.all, source):
            if group.connections >= group.connections_limit and not self._make_room(group):
                self.ended["refused"] += 1
                return False
        client.source = self._sources.setdefault(source.name, source)
        self._everyone[client] = None
        client.source.connections += 1
        self.all.connections += 1
        return True

    def leave(self, client: Client) -> None:
        """It is gone, or about to go; a second time nothing happens."""
        if client not in self._everyone:
            return
        del self._everyone[client]
        source = client.source
        for group in (self.all, source):
            group.connections -= 1
            group.held_bytes -= client.held_bytes
        if not source.connections:
            del self._sources[source.name]

    def holds(self, client: Client, size_bytes: int) -> None:
        """What this connection holds now: a head or body that arrives, and what is left of the last one."""
        if client not in self._everyone:
            return
        more = size_bytes - client.held_bytes
        client.held_bytes = size_bytes
        for group in (self.all, client.source):
            group.held_bytes += more
            if more > 0 and group.held_bytes > group.bytes_limit:
                self._free(group)

    def shed(self) -> None:
        """Memory is short: end every stranger that waits."""
        for client in self._strangers(self.all):
            self._end(client, "memory")

    def _source(self, address: str) -> Source:
        """Proxies of ours and unix sockets have no bound of their own: whom they speak for, the address does not tell."""
        name = _source_name(address)
        known = self._sources.get(name)
        if known is not None:
            return known
        limits = self._limits
        if not address or self._clients.trusts(address):
            return Source(name, limits.client_connections, limits.client_bytes)
        return Source(name, limits.connections_per_source, limits.client_bytes // 2)

    def _make_room(self, group: Source) -> bool:
        """End those of the group that have waited longest, strangers before others; whether there were any."""
        if self._now() < group.barren_until:
            return False
        candidates = self._strangers(group) or self._waiting(group)
        candidates.sort(key=_waits_since)
        for client in candidates[: max(1, group.connections_limit // _BATCH)]:
            self._end(client, "connections")
        return self._found(group, candidates)

    def _free(self, group: Source) -> None:
        """End strangers of the group, those that hold most first, until it is well below its bound."""
        if self._now() < group.barren_until:
            return
        candidates = [client for client in self._strangers(group) if client.held_bytes]
        candidates.sort(key=_held_bytes, reverse=True)
        for client in candidates:
            if group.held_bytes <= group.bytes_limit * _LEFT:
                break
            self._end(client, "bytes")
        self._found(group, candidates)

    def _found(self, group: Source, candidates: list[Client]) -> bool:
        if not candidates:
            group.barren_until = self._now() + _BARREN_S
        return bool(candidates)

    def _strangers(self, group: Source) -> list[Client]:
        return [client for client in self._waiting(group) if not client.known]

    def _waiting(self, group: Source) -> list[Client]:
        return [
            client
            for client in self._everyone
            if (group is self.all or client.source is group) and client.waits_since() is not None
        ]

    def _end(self, client: Client, reason: str) -> None:
        self.ended[reason] += 1
        self.leave(client)
        client.end()


def _waits_since(client: Client) -> float:
    return client.waits_since() or 0.0


def _held_bytes(client: Client) -> int:
    return client.held_bytes


def _source_name(address: str) -> str:
    """The address, or the network of 64 bits that an IPv6 host has for itself (RFC 4291 section 2.5.4)."""
    parsed = parse_address(address)
    return f"{int(parsed) >> 64:x}/64" if isinstance(parsed, IPv6Address) else address
