"""A name becomes a connection: resolve, check the addresses, connect (RFC 8305), TLS. Deadlines on all of it.

Proxy variables of the environment are not read. Answers of the resolver are kept ten seconds, and ten minutes longer
while the resolver fails: a provider we reached a moment ago does not go away with the name server.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohappyeyeballs

from gateway.kit.addresses import is_public
from gateway.kit.aio import SingleFlight
from gateway.kit.clock import Clock
from gateway.model.targets import Origin
from gateway.upstream.port import Cause, Stage, UpstreamFailure

_FRESH_S: Final = 10.0
_STALE_S: Final = 600.0
_NAMES_KEPT: Final = 1000
_PATIENCE_S: Final = 1.0
"""How long a resolver that does not answer is waited for when an older answer is at hand."""
_HAPPY_EYEBALLS_S: Final = 0.25

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
ProtocolFactory = Callable[[], asyncio.Protocol]


def tls_context(ca_bundle: str = "") -> ssl.SSLContext:
    """Verified TLS 1.2 or newer; `ca_bundle` (a PEM file) replaces the system's authorities."""
    context = ssl.create_default_context(cafile=ca_bundle or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    def __init__(self, clock: Clock, tls: Callable[[], ssl.SSLContext], connect_s: float) -> None:
        self._clock = clock
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._connect_s = connect_s
        self._names: dict[tuple[str, int], tuple[float, list[AddressInfo]]] = {}
        self._lookups: SingleFlight[tuple[str, int], list[AddressInfo]] = SingleFlight()

    async def dial(self, origin: Origin, factory: ProtocolFactory, *, guarded: bool) -> asyncio.Protocol:
        """A connected protocol. Fails with UpstreamFailure at stage DIAL."""
        try:
            async with asyncio.timeout(self._connect_s):
                return await self._connect(origin, factory, guarded)
        except TimeoutError as error:
            raise UpstreamFailure(Stage.DIAL, Cause.TIMEOUT) from error
        except (OSError, UnicodeError, RuntimeError) as error:
            # UnicodeError: no host name by IDNA's rules. RuntimeError: uvloop's word for some refused sockets.
            raise UpstreamFailure(Stage.DIAL, Cause.UNREACHABLE) from error

    async def _connect(self, origin: Origin, factory: ProtocolFactory, guarded: bool) -> asyncio.Protocol:
        loop = asyncio.get_running_loop()
        if origin.scheme == "unix":
            _, protocol = await loop.create_unix_connection(factory, origin.host)
            return protocol
        addresses = await self._resolve(origin.host, origin.port)
        if guarded and not all(is_public(str(info[4][0])) for info in addresses):
            raise UpstreamFailure(Stage.DIAL, Cause.FORBIDDEN)
        context = self._context_for(origin)
        name = origin.host if context is not None else None
        if len(addresses) == 1:
            # Nothing to race: the loop connects for a third of the cost. (Both ways set TCP_NODELAY.)
            host, port = addresses[0][4][:2]
            _, protocol = await loop.create_connection(factory, host, port, ssl=context, server_hostname=name)
            return protocol
        sock = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_HAPPY_EYEBALLS_S, interleave=1)
        try:
            _, protocol = await loop.create_connection(factory, sock=sock, ssl=context, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        return protocol

    def _context_for(self, origin: Origin) -> ssl.SSLContext | None:
        if origin.scheme != "https":
            return None
        if self._context is None:
            self._context = self._tls()
        return self._context

    async def _resolve(self, host: str, port: int) -> list[AddressInfo]:
        known = self._names.get((host, port))
        now = self._clock.monotonic()
        if known is not None and now - known[0] < _FRESH_S:
            return known[1]
        try:
            async with asyncio.timeout(None if known is None else _PATIENCE_S):
                return await self._lookups.run((host, port), lambda: self._look_up(host, port))
        except OSError:  # TimeoutError is one
            if known is not None and now - known[0] < _FRESH_S + _STALE_S:
                return known[1]
            raise

    async def _look_up(self, host: str, port: int) -> list[AddressInfo]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        if not found:
            raise OSError("no address")
        if len(self._names) >= _NAMES_KEPT:
            self._names.clear()
        self._names[(host, port)] = (self._clock.monotonic(), list(found))
        return list(found)
