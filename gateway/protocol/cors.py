"""What pages of other origins may do here, as fields of answers (Fetch standard section 3.2).

Never with credentials: a page must present its own token, and no cookie counts on these paths.
"""

from collections.abc import Sequence
from typing import Final

EXPOSED: Final = (
    "cf-aig-cache-status",
    "cf-aig-event-id",
    "cf-aig-log-id",
    "cf-aig-model",
    "cf-aig-provider",
    "cf-aig-request-id",
    "cf-aig-step",
    "retry-after",
    "retry-after-ms",
    "request-id",
    "x-request-id",
    "x-should-retry",
    "www-authenticate",
    "*",
)
"""By name for browsers that do not know the wildcard."""
_ASKED: Final = (
    "authorization",  # the wildcard does not cover it
    "content-type",
    "cf-aig-authorization",
    "cf-aig-gateway-id",
    "cf-aig-metadata",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "api-key",
    "x-api-key",
    "x-goog-api-client",
    "x-goog-api-key",
    "xi-api-key",
    "*",
)
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_KEPT_S: Final = 7200
"""How long a browser remembers an answer to a preflight; none keeps it longer."""
_ANY: Final = b"access-control-allow-origin: *\r\n"
_EXPOSED_LINE: Final = f"access-control-expose-headers: {', '.join(EXPOSED)}\r\n".encode()
_PREFLIGHT_LINES: Final = (
    f"access-control-allow-methods: {_METHODS}\r\naccess-control-allow-headers: {', '.join(_ASKED)}\r\n"
    f"access-control-max-age: {_KEPT_S}\r\n"
).encode()
_VARY: Final = b"vary: Origin\r\n"


class Cors:
    """`origins` are serialised as browsers do; `*` stands for all."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._listed = frozenset(origin.encode() for origin in origins)

    def answer(self, origin: bytes) -> bytes:
        """Lines of an answer to a page of this origin."""
        return self._allowed(origin, _EXPOSED_LINE)

    def preflight(self, origin: bytes) -> bytes:
        """Lines of the answer to its question. None of what was asked is repeated."""
        return self._allowed(origin, _PREFLIGHT_LINES)

    def _allowed(self, origin: bytes, lines: bytes) -> bytes:
        if self._any:
            return _ANY + lines
        if origin in self._listed:
            return b"access-control-allow-origin: %b\r\n%b%b" % (origin, lines, _VARY)
        return _VARY if self._listed else b""
