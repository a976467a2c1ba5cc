"""Where control listens: a unix socket for the API, the pages and the link, and the ops pages on an address of their own."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.control.answers import Handler, bare_heads, enveloped, refused
from gateway.kit.hosts import Hosts
from gateway.model.faults import MISDIRECTED, STORE_DOWN

_MOST_FIELDS: Final = 160
"""The 128 that an edge takes, and its own."""
_BODY_BYTES: Final = 1024 * 1024
"""Largest body of a management request."""
_ANY_HOST: Final = Hosts(())


class Listeners:
    def __init__(self, is_open: Callable[[], bool], shutdown_s: float, header_bytes: int) -> None:
        """`is_open`: whether the store is; until then the API answers 503."""
        self._is_open = is_open
        self._shutdown_s = shutdown_s
        self._header_bytes = header_bytes
        self.runners: list[web.AppRunner] = []

    @property
    def addresses(self) -> list[object]:
        """The sockets' paths, and (host, port) of the ops listener."""
        return [address for runner in self.runners for address in runner.addresses]

    async def listen_unix(self, path: str, routes: Sequence[web.RouteDef]) -> None:
        runner = await self._runner(self._application(routes))
        await web.UnixSite(runner, path).start()
        await asyncio.to_thread(Path(path).chmod, 0o600)

    async def listen_tcp(self, address: str, routes: Sequence[web.RouteDef], hosts: Hosts) -> None:
        """Raises OSError when the address is taken."""
        host, _, port = address.rpartition(":")
        runner = await self._runner(self._application(routes, hosts))
        await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()

    def _application(self, routes: Sequence[web.RouteDef], hosts: Hosts = _ANY_HOST) -> web.Application:
        app = web.Application(client_max_size=_BODY_BYTES, middlewares=[enveloped, _named(hosts), self._gate])
        app.add_routes(routes)
        app.on_response_prepare.append(bare_heads)
        return app

    @property
    def _gate(self) -> Middleware:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._is_open() and request.path.startswith("/client/"):
                return refused(STORE_DOWN)
            return await handler(request)

        return gate

    async def _runner(self, app: web.Application) -> web.AppRunner:
        # Bodies are not inflated: a compressed one is refused as no JSON, and no bomb can go off. The edge has bounded
        # the heads, and adds some fields.
        runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=self._shutdown_s,
            max_line_size=self._header_bytes,
            max_field_size=self._header_bytes,
            max_headers=_MOST_FIELDS,
        )
        await runner.setup()
        self.runners.append(runner)
        return runner


def _named(hosts: Hosts) -> Middleware:
    """Refuses requests for other host names: a page whose name was made to lead here is told nothing."""

    @web.middleware
    async def named(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hosts.accept(request.headers.get("Host", "")):
            return refused(MISDIRECTED)
        return await handler(request)

    return named
