"""Dashboard sessions: whoever signed in with a token stays signed in for a while, and this server can end it.

Rules of this file: a session names a token and holds none of its rights; those are read anew on each request, so a revoked
token ends its sessions. A session is good for requests of our own pages alone (security: CSRF). The store knows it by a digest
of the cookie's value, so sessions outlive a restart, and a stolen store signs nobody in.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.kit.clock import Clock
from gateway.model.faults import MANAGEMENT_FORBIDDEN, Refusal
from gateway.model.sessions import PLAIN_COOKIE, SECURE_COOKIE, genuine_session, mint_session, session_key
from gateway.model.stored import StoredSession
from gateway.model.tokens import Token
from gateway.store.sessions import SessionTable

IDLE_S: Final = 30 * 60.0
"""Without a request that a person made."""
LIFETIME_S: Final = 12 * 3600.0
MOST_PER_TOKEN: Final = 20
"""Signing in once more ends the oldest session of the same token, never another's."""
HOST_FIELD: Final = "x-gateway-host"
"""Set by the edge alone: the Host the client asked for."""
PAGE_FIELD: Final = "x-gateway-dashboard"
"""Set by our own page on each request, with its scheme: a form or a link cannot send it, nor may another origin's script."""
BACKGROUND_FIELD: Final = "x-gateway-background"
"""Set by a page that refreshes by itself: such a request keeps no session alive."""

_SCHEMES: Final = frozenset({"http", "https"})
_SAFE: Final = frozenset({"GET", "HEAD"})


class Sessions:
    def __init__(self, table: SessionTable, clock: Clock, peppers: Sequence[bytes], public_url: str) -> None:
        self._table = table
        self._clock = clock
        self._peppers = peppers
        """The first makes, each is believed."""
        self._public_origin = public_url.rstrip("/").lower()
        self.seen: dict[bytes, float] = {}
        """key → last use, until the janitor writes it down."""

    async def open(self, request: web.Request, token: Token) -> tuple[str, StoredSession]:
        """A new session and its cookie's value; the one this browser had ends."""
        await self.close(request)
        now = self._clock.wall()
        value = mint_session(self._peppers[0])
        session = StoredSession(
            key=session_key(value),
            token_id=token.id,
            rolls=token.rolls,
            secure=self._over_tls(request),
            opened_at=now,
            seen_at=now,
        )
        await self._table.insert(session, MOST_PER_TOKEN)
        return value, session

    async def find(self, request: web.Request) -> StoredSession | None:
        """The session of the request's cookie. Raises Refusal for a request that is not our own page's."""
        key = self._key(request)
        session = await self._table.get(key) if key else None
        if session is None or session.secure != self._over_tls(request) or self._ended(session):
            return None
        self.require_own_page(request)
        if BACKGROUND_FIELD not in request.headers:
            self.seen[key] = self._clock.wall()
        return session

    def left_s(self, session: StoredSession) -> float:
        """Until its absolute end."""
        return session.opened_at + LIFETIME_S - self._clock.wall()

    async def close(self, request: web.Request) -> StoredSession | None:
        """End the session of the request's cookie; the one that ended."""
        key = self._key(request)
        session = await self._table.get(key) if key else None
        if session is not None:
            await self._table.delete(key)
            self.seen.pop(key, None)
        return session

    async def write(self) -> None:
        """Write down when sessions were used last; kept for the next time if the store is down."""
        seen, self.seen = self.seen, {}
        if not seen:
            return
        try:
            await self._table.touch(seen)
        except BaseException:
            self.seen = seen | self.seen
            raise

    async def expire(self) -> None:
        await self.write()
        now = self._clock.wall()
        await self._table.expire(now - LIFETIME_S, now - IDLE_S)

    def require_own_page(self, request: web.Request) -> None:
        """Raises Refusal unless our own page sent it, as far as the browser tells; and changes must be JSON, which no form
        can send and no other site without asking first."""
        if request.headers.get(PAGE_FIELD, "") not in _SCHEMES or not self._from_own_page(request):
            raise Refusal(MANAGEMENT_FORBIDDEN, "This request does not come from the dashboard's own page")
        if request.method not in _SAFE and request.content_type != "application/json":
            raise Refusal(MANAGEMENT_FORBIDDEN, "Changes made with a session must be JSON")

    def _from_own_page(self, request: web.Request) -> bool:
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        # Browsers leave Sec-Fetch-Site out on plain http beyond loopback; Origin comes with every change all the same.
        origin = request.headers.get("Origin")
        if origin is None:
            return request.method in _SAFE
        return origin.lower() == self._public_origin or _host_of(origin) == request.headers.get(HOST_FIELD, "").lower()

    def _over_tls(self, request: web.Request) -> bool:
        """The browser knows, also when TLS ends before us: the page says its scheme, and a change its origin."""
        host = request.headers.get(HOST_FIELD, "").lower()
        origin = request.headers.get("Origin", self._public_origin if host == _host_of(self._public_origin) else "")
        return request.headers.get(PAGE_FIELD) == "https" or origin.lower().startswith("https://")

    def _key(self, request: web.Request) -> bytes:
        """Of the one cookie that counts: over TLS, where another site of the domain can set a plain one, its `__Host-` name.
        What we never minted asks nothing of the store."""
        value = request.cookies.get(SECURE_COOKIE if self._over_tls(request) else PLAIN_COOKIE, "")
        return session_key(value) if genuine_session(self._peppers, value) else b""

    def _ended(self, session: StoredSession) -> bool:
        seen_at = max(session.seen_at, self.seen.get(session.key, 0.0))
        return self._clock.wall() - seen_at >= IDLE_S or self.left_s(session) <= 0


def set_cookie(response: web.Response, value: str, session: StoredSession) -> None:
    """No Max-Age: it goes with the browser, and the server decides how long it is good."""
    name = SECURE_COOKIE if session.secure else PLAIN_COOKIE
    response.set_cookie(name, value, path="/", secure=session.secure, httponly=True, samesite="Strict")


def clear_cookies(response: web.Response) -> None:
    response.del_cookie(SECURE_COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    response.del_cookie(PLAIN_COOKIE, path="/", httponly=True, samesite="Strict")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return "\0"
