"""The way to control: requests for the management API and the dashboard, which live in another process.

Control is reached before anybody has shown a token, so a stranger gets little of it: a short body, in good time, all of it here
before control hears of the request, and no more connections at once than leave most to those whose credential is known.
"""

import asyncio
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import Final

from gateway.edge.body import Body, open_body
from gateway.edge.clients import Clients
from gateway.edge.exchange import Exchange
from gateway.edge.identity import ABSENT, Identity, Reader
from gateway.edge.seats import Seats
from gateway.edge.targeting import Attempt
from gateway.model.faults import BODY_TIMEOUT, CONTROL_BUSY, Refusal
from gateway.model.routes import Surface
from gateway.model.service import EdgeConfig
from gateway.model.sessions import PLAIN_COOKIE, SECURE_COOKIE, genuine_session
from gateway.model.targets import BEARER, Dialect, Origin, Provider, Target
from gateway.model.tokens import ANONYMOUS, INVALID
from gateway.protocol.headers import RequestHead

BODY_BYTES: Final = 1024 * 1024
"""Largest body of a management request."""
STRANGERS_BODY_BYTES: Final = 4096
STRANGERS_BODY_S: Final = 5.0
"""For all of it."""
_STRANGERS: Final = 128
_STRANGERS_EACH: Final = 16
"""Of one worker's connections to control: a browser opens six at once."""
_AUTHORIZATION: Final = frozenset({b"authorization"})
_CONTROL: Final = Provider(slug="control", dialect=Dialect.NONE, keyless_ok=True)


class Management:
    def __init__(self, config: EdgeConfig, reader: Reader, identity: Identity) -> None:
        self._clients = Clients(config.trusted_proxies)
        self._reader = reader
        self._identity = identity
        self._peppers = (config.pepper, *config.older_peppers)
        self._control = Origin("unix", config.control_socket, 0)
        self._timeouts = config.timeouts
        self._limits = replace(config.limits, body_bytes=BODY_BYTES, replay_bytes=BODY_BYTES)
        self._strangers_limits = replace(config.limits, body_bytes=STRANGERS_BODY_BYTES, replay_bytes=0)
        # Apart: whoever takes the dashboard's files and does not read them keeps nobody from signing in.
        self._seats = {surface: Seats(_STRANGERS, _STRANGERS_EACH) for surface in (Surface.CONTROL, Surface.DASHBOARD)}

    async def choose(self, x: Exchange) -> Attempt:
        """What to ask of control. Raises Refusal."""
        head, route = x.head, x.route
        assert head is not None
        assert route is not None
        address = self._clients.address(x.request.downstream.address, head)
        if await self._known(head, address):
            x.body = await open_body(x.request, head, self._limits, self._timeouts)
            await _hold(x.body)
        else:
            x.body = await self._strangers_body(x, head)
            x.seat = self._seats[route.surface].take(address)
            if x.seat is None:
                raise Refusal(CONTROL_BUSY)
        lines = b"x-gateway-client: %b\r\nx-gateway-host: %b\r\n" % (address.encode(), head.value(b"host").removesuffix(b":"))
        if cookie := head.value(b"cookie"):
            lines += b"cookie: %b\r\n" % cookie
        if head.origin:
            lines += b"origin: %b\r\n" % head.origin
        # What crosses to providers never holds a token of ours; control is who it is for.
        for name, value in head.fields:
            if name.lower() == b"authorization":
                lines += b"authorization: %b\r\n" % value
        target = Target(provider=_CONTROL, origin=self._control, path=x.request.target, credential=BEARER)
        return Attempt(target, x.request.method, head, withheld=_AUTHORIZATION, added=lines, dialect=Dialect.NONE)

    async def _known(self, head: RequestHead, address: str) -> bool:
        """Whether it comes with a token that is valid, or with a session that was ours. What either may do, control decides."""
        credential = self._reader.bearer(head)
        if credential is ABSENT:
            return self._signed_in(head.value(b"cookie"))
        try:
            principal = self._identity.known(credential) or (await self._identity.learn(credential, address))[0]
        except Refusal:  # nobody can tell at the moment
            return False
        return principal is not ANONYMOUS and principal is not INVALID

    def _signed_in(self, cookies: bytes) -> bool:
        try:
            found = SimpleCookie(cookies.decode("latin-1"))
        except CookieError:
            return False
        return any(
            name in found and genuine_session(self._peppers, found[name].value) for name in (SECURE_COOKIE, PLAIN_COOKIE)
        )

    async def _strangers_body(self, x: Exchange, head: RequestHead) -> Body:
        try:
            async with asyncio.timeout(STRANGERS_BODY_S):
                body = await open_body(x.request, head, self._strangers_limits, self._timeouts)
                await _hold(body)
        except TimeoutError:
            raise Refusal(BODY_TIMEOUT) from None
        return body


async def _hold(body: Body) -> None:
    if not body.whole:
        await body.hold()
