"""The public sockets. The supervisor holds them, so that no connection is lost while workers come and go."""

import socket
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.run.config import local_origin
from gateway.run.layers import ConfigError
from gateway.run.values import split_address

BACKLOG: Final = 4096
UNSENT_BYTES: Final = 65_536
"""What the kernel takes for a client beyond what is on its way to it. Without a limit that grows to megabytes for each client
that reads slowly; what is on its way may still fill any distance."""


class Listeners:
    """Listening sockets by the address they were configured with; inherited ones replace all of them."""

    def __init__(self, inherited: Sequence[socket.socket] = (), admin: Sequence[socket.socket] = ()) -> None:
        self._inherited = list(inherited)
        self._inherited_admin = list(admin)
        self._admin: frozenset[str] = frozenset()
        """The addresses of the management API and the dashboard, where they have their own."""
        for listener in (*self._inherited, *self._inherited_admin):
            limit_unsent(listener)
        self._bound: dict[str, list[socket.socket]] = {}

    @property
    def sockets(self) -> list[socket.socket]:
        return self._inherited or [one for address, bound in self._bound.items() if address not in self._admin for one in bound]

    @property
    def admin(self) -> list[socket.socket]:
        """Those of the management API and the dashboard."""
        return self._inherited_admin or [
            one for address in self._bound if address in self._admin for one in self._bound[address]
        ]

    def origin(self) -> str:
        """What a client on this machine calls the first socket by."""
        name = self.sockets[0].getsockname()
        return local_origin(name[0], name[1]) if isinstance(name, tuple) else f"unix:{name}"

    def open(self, addresses: Iterable[str], admin: Iterable[str] = ()) -> None:
        """Bind the addresses that are not bound yet, all of them or none. Raises ConfigError."""
        self._admin = frozenset(admin)
        if self._inherited_admin and not self._admin:
            raise ConfigError("a socket named admin was handed over, but admin.listen is not set")
        wanted = [*([] if self._inherited else addresses), *([] if self._inherited_admin else self._admin)]
        fresh: dict[str, list[socket.socket]] = {}
        try:
            for address in wanted:
                if address not in self._bound and address not in fresh:
                    fresh[address] = _bind(address)
        except ConfigError:
            _close(fresh)
            raise
        self._bound |= fresh

    def retire(self, addresses: Iterable[str], admin: Iterable[str] = ()) -> None:
        """Close those that are not among the addresses."""
        self._admin = frozenset(admin)
        kept = {*addresses, *self._admin}
        gone = {address: bound for address, bound in self._bound.items() if address not in kept}
        for address in gone:
            del self._bound[address]
        _close(gone)

    def close(self) -> None:
        self.retire(())
        for listener in (*self._inherited, *self._inherited_admin):
            listener.close()


def _bind(address: str) -> list[socket.socket]:
    host, port = split_address(address)
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, target in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            listener = socket.socket(family, kind, protocol)
            bound.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.setblocking(False)
            limit_unsent(listener)
            listener.bind(target)
            listener.listen(BACKLOG)
    except OSError as error:
        _close({address: bound})
        raise ConfigError(f"cannot listen on {address}: {(error.strerror or 'unknown error').lower()}") from None
    return bound


def limit_unsent(listener: socket.socket) -> None:
    """Accepted connections inherit it: no call for each of them. Of TCP only."""
    if listener.family in (socket.AF_INET, socket.AF_INET6):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def _close(sockets: dict[str, list[socket.socket]]) -> None:
    for bound in sockets.values():
        for listener in bound:
            listener.close()
