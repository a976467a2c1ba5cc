"""Dashboard sessions: whoever signed in with a token stays signed in for a while, and this server can end it.

Rules of this file: a session names a token and holds none of its rights; those are read anew on each request, so a revoked
token ends its sessions. A session is good for requests of our own pages alone (security: CSRF). It lives in this process:
a restart of control signs everybody out.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.kit.clock import Clock
from gateway.model.faults import MANAGEMENT_FORBIDDEN, Refusal
from gateway.store.port import Token

IDLE_S: Final = 30 * 60.0
"""Without a request that a person made."""
LIFETIME_S: Final = 12 * 3600.0
HOST_FIELD: Final = "x-gateway-host"
"""Set by the edge alone: the Host the client asked for."""
BACKGROUND_FIELD: Final = "x-gateway-background"
"""Set by a page that refreshes by itself: such a request keeps no session alive."""

_SECURE_COOKIE: Final = "__Host-gateway-session"
_PLAIN_COOKIE: Final = "gateway-session"
"""Without TLS a browser takes no `__Host-` cookie; this one is for loopback."""
_MOST: Final = 10_000
_SAFE: Final = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Session:
    token_id: str
    rolls: int
    """Of the token at sign-in: a rolled token ends its sessions as a revoked one does."""
    secure: bool
    """Made over TLS: its cookie has the `__Host-` name, which no other site of the domain can set."""
    opened_at: float
    """Monotonic seconds, as `seen_at`."""
    seen_at: float


class Sessions:
    def __init__(self, clock: Clock, public_url: str) -> None:
        self._clock = clock
        self._public_origin = public_url.rstrip("/").lower()
        self._open: dict[bytes, Session] = {}
        """SHA-256 of the cookie's value → session, oldest first."""

    def __len__(self) -> int:
        return len(self._open)

    def open(self, request: web.Request, token: Token) -> tuple[str, Session]:
        """A new session and its cookie's value; the one this browser had ends."""
        self.close(request)
        self._drop_ended()
        if len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        now = self._clock.monotonic()
        session = Session(token.id, token.rolls, self._over_tls(request), now, now)
        value = secrets.token_urlsafe(32)
        self._open[_key(value)] = session
        return value, session

    def find(self, request: web.Request) -> Session | None:
        """The session of the request's cookie. Raises Refusal for a request that is not our own page's."""
        value, secure = _cookie(request)
        session = self._open.get(_key(value)) if value else None
        if session is None or session.secure != secure or self._ended(session):
            return None
        self.require_own_page(request)
        if BACKGROUND_FIELD not in request.headers:
            session.seen_at = self._clock.monotonic()
        return session

    def left_s(self, session: Session) -> float:
        """Until its absolute end."""
        return session.opened_at + LIFETIME_S - self._clock.monotonic()

    def close(self, request: web.Request) -> Session | None:
        """End the session of the request's cookie; the one that ended."""
        return self._open.pop(_key(_cookie(request)[0]), None)

    def require_own_page(self, request: web.Request) -> None:
        """Raises Refusal unless our own page sent it, as far as the browser tells; and changes must be JSON, which no form
        can send and no other site without asking first."""
        if not self._from_own_page(request):
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
        """The browser knows, also when TLS ends before us: it names its own origin."""
        return request.headers.get("Origin", self._public_origin).lower().startswith("https://")

    def _ended(self, session: Session) -> bool:
        return self._clock.monotonic() - session.seen_at >= IDLE_S or self.left_s(session) <= 0

    def _drop_ended(self) -> None:
        for key in [key for key, session in self._open.items() if self._ended(session)]:
            del self._open[key]


def set_cookie(response: web.Response, value: str, session: Session) -> None:
    """No Max-Age: it goes with the browser, and the server decides how long it is good."""
    name = _SECURE_COOKIE if session.secure else _PLAIN_COOKIE
    response.set_cookie(name, value, path="/", secure=session.secure, httponly=True, samesite="Strict")


def clear_cookies(response: web.Response) -> None:
    response.del_cookie(_SECURE_COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    response.del_cookie(_PLAIN_COOKIE, path="/", httponly=True, samesite="Strict")


def _cookie(request: web.Request) -> tuple[str, bool]:
    """(value, whether it is the secure one); an empty value for none."""
    secure = request.cookies.get(_SECURE_COOKIE)
    return (request.cookies.get(_PLAIN_COOKIE, ""), False) if secure is None else (secure, True)


def _key(value: str) -> bytes:
    """Looked up by digest, so that comparing takes the same time whatever a guess has right."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return "\0"
