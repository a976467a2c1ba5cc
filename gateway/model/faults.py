"""The error table: everything the gateway itself may refuse or fail with. Rendered per surface by `protocol.errors`.

Statuses, codes and messages follow specification section 19; rows it leaves open are decided here.
Codes from 2900 are our own. Messages never repeat input.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Source(Enum):
    """Whose doing it is: decides who is blamed in logs and metrics."""

    CLIENT = "client"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One row. Compared by identity: each fault is there once, and a refusal looks its rendering up by it."""

    name: str
    status: int
    code: int
    """On the gateway tree."""
    message: str
    source: Source
    rest_code: int | None = None
    """On REST and management, where it differs."""
    rest_message: str | None = None
    retry_after_s: int | None = None
    """Sent as Retry-After; None where trying again cannot help, which clients are told by `x-should-retry: false`."""
    upgrade: str = ""
    """The protocol that the client shall speak instead (RFC 9110 section 15.5.22)."""
    location: str = ""
    """Where to instead (RFC 9110 section 15.4)."""
    closes: bool = False
    """The connection's framing is in doubt, so it ends with the answer."""
    logged: bool = True
    """Whether an admitted request that ends so has a row in the request log."""


def _client(name: str, status: int, code: int, message: str, **more: object) -> Fault:
    return Fault(name, status, code, message, Source.CLIENT, **more)  # type: ignore[arg-type]


def _gateway(name: str, status: int, code: int, message: str, **more: object) -> Fault:
    return Fault(name, status, code, message, Source.GATEWAY, **more)  # type: ignore[arg-type]


def _upstream(name: str, status: int, code: int, message: str, **more: object) -> Fault:
    return Fault(name, status, code, message, Source.UPSTREAM, **more)  # type: ignore[arg-type]


_AUTH = {"rest_code": 10000, "rest_message": "Authentication error", "logged": False}

# --- who is calling (sections 2.2, 2.3): the three are byte for byte the same, so nobody learns which it was
MISSING_TOKEN: Final = _client("missing_token", 401, 2009, "Unauthorized", **_AUTH)
INVALID_TOKEN: Final = _client("invalid_token", 401, 2009, "Unauthorized", **_AUTH)
FORBIDDEN: Final = _client("forbidden", 401, 2009, "Unauthorized", **_AUTH)
CONTROL_DOWN: Final = _gateway(
    "control_down", 503, 2901, "Tokens cannot be verified at the moment", retry_after_s=2, logged=False
)

# --- where to
UNKNOWN_ROUTE: Final = _client("unknown_route", 404, 7003, "No route for that URI", logged=False)
TO_DASHBOARD: Final = _client("to_dashboard", 302, 2943, "The dashboard is at /dashboard", location="/dashboard", logged=False)
METHOD_NOT_ALLOWED: Final = _client("method_not_allowed", 405, 7001, "Method not allowed", logged=False)
UNKNOWN_GATEWAY: Final = _client(
    "unknown_gateway",
    400,
    2001,
    "No gateway of this id in this account: create it in the dashboard, or check account and gateway in the base URL",
    logged=False,
)
UNKNOWN_PROVIDER: Final = _client(
    "unknown_provider",
    400,
    2008,
    "Invalid provider: name one in the base URL, or before the first slash of the model, as in openai/gpt-4.1-mini",
)
PROVIDER_NEEDS_SIGNING: Final = _client(
    "provider_needs_signing", 501, 2902, "This provider needs request signing, which is not available yet"
)
UNKNOWN_MODEL: Final = _client("unknown_model", 404, 7003, "model not found")
SURFACE_NOT_SERVED: Final = _client("surface_not_served", 400, 2903, "The provider of this model does not serve this endpoint")
NOT_IMPLEMENTED: Final = _gateway("not_implemented", 501, 2904, "Not available in this version")
BAD_PATH: Final = _client("bad_path", 400, 2905, "The path is not acceptable", logged=False)
PAGE_LOAD: Final = _client(
    "page_load",
    403,
    2940,
    "This is an API: a browser may fetch it, but not open it as a page, a frame, a script or a style",
    logged=False,
)

# --- with what
MISSING_PROVIDER_KEY: Final = _client("missing_provider_key", 400, 2906, "Provider credentials required")
KEY_NOT_FOR_HOST: Final = _client("key_not_for_host", 400, 2951, "The stored key is not for the host that this request names")
LOOP: Final = _client("loop", 508, 2952, "Loop detected: this provider's address leads back to this gateway", logged=False)
UNKNOWN_KEY_ALIAS: Final = _client("unknown_key_alias", 400, 2040, "Unknown BYOK credential")
PROVIDER_KEY_REJECTED: Final = _upstream("provider_key_rejected", 401, 2009, "Unauthorized")
"""Only on `/ai/run` (section 1.1); elsewhere the provider's own 401 passes."""
BAD_BODY: Final = _client("bad_body", 400, 2907, "The request body is not a JSON object with a model")
MISSING_MODEL: Final = _client("missing_model", 400, 2908, "The request body names no model")
UNSUPPORTED_INPUT: Final = _client("unsupported_input", 400, 2909, "This input is not supported for this model")

# --- HTTP itself
MISDIRECTED: Final = _client(
    "misdirected",
    421,
    2944,
    "This gateway does not answer to that host name (settings server.hosts, admin.hosts, ops.hosts)",
    closes=True,
    logged=False,
)
MALFORMED: Final = _client("malformed_request", 400, 2910, "Malformed request", closes=True, logged=False)
HEADERS_TOO_LARGE: Final = _client("headers_too_large", 431, 2911, "Request header fields too large", closes=True, logged=False)
BODY_TOO_LARGE: Final = _client("body_too_large", 413, 2912, "Request body too large", closes=True)
UNKNOWN_CODING: Final = _client("unknown_coding", 415, 2963, "The request body's content coding is not known here")
URI_TOO_LONG: Final = _client("uri_too_long", 414, 2960, "Request target too long", closes=True, logged=False)
UPGRADE_REQUIRED: Final = _client(
    "upgrade_required",
    426,
    2962,
    "WebSockets are not available: send the same as a plain HTTP request",
    upgrade="HTTP/1.1",
    closes=True,
    logged=False,
)
EXPECTATION_FAILED: Final = _client("expectation_failed", 417, 2913, "Expectation failed", closes=True, logged=False)
BODY_TIMEOUT: Final = _client("body_timeout", 408, 2914, "The request body stopped arriving", closes=True)

# --- the provider. 502 and 504 serve clients better than the 400 that was observed: they are retried.
_NO_ANSWER = "Failed to get response from provider"
UPSTREAM_UNREACHABLE: Final = _upstream("upstream_unreachable", 502, 2005, _NO_ANSWER, retry_after_s=1)
UPSTREAM_BROKEN: Final = _upstream("upstream_broken", 502, 2005, _NO_ANSWER, retry_after_s=1)
UPSTREAM_TIMEOUT: Final = _upstream("upstream_timeout", 504, 2005, _NO_ANSWER, retry_after_s=1)
UPSTREAM_BUSY: Final = _gateway("upstream_busy", 503, 2915, "Too many requests wait for this provider", retry_after_s=1)

# --- ourselves
DRAINING: Final = _gateway("draining", 503, 2916, "Shutting down", retry_after_s=1, closes=True, logged=False)
CONTROL_UNREACHABLE: Final = _gateway(
    "control_unreachable", 503, 2917, "The management API is not available at the moment", retry_after_s=2, logged=False
)
CONTROL_BUSY: Final = _gateway(
    "control_busy", 503, 2942, "Too many requests without a valid token are under way", retry_after_s=1, logged=False
)
OVERLOADED: Final = _gateway("overloaded", 503, 2920, "Out of memory for new requests", retry_after_s=2, logged=False)
TOO_MANY_CONNECTIONS: Final = _gateway(
    "too_many_connections", 503, 2961, "Too many connections", retry_after_s=2, closes=True, logged=False
)
NO_WORKER: Final = _gateway("no_worker", 503, 2964, "No worker answers at the moment", retry_after_s=2, logged=False)
INTERNAL: Final = _gateway("internal_error", 500, 2918, "Internal error", retry_after_s=1)

# --- the management API (sections 1.3, 4.4, 5)
INVALID_BODY: Final = _client("invalid_body", 400, 7001, "Invalid request")
NOT_FOUND: Final = _client("not_found", 404, 7002, "Not Found")
CONFLICT: Final = _client("conflict", 409, 7009, "Already exists")
MANAGEMENT_UNAUTHENTICATED: Final = _client("management_unauthenticated", 401, 10000, "Authentication error")
MANAGEMENT_FORBIDDEN: Final = _client("management_forbidden", 403, 10000, "Authentication error")
INVALID_API_TOKEN: Final = _client("invalid_api_token", 401, 1000, "Invalid API Token")
SIGN_IN_THROTTLED: Final = _client("sign_in_throttled", 429, 2930, "Too many failed attempts to sign in", retry_after_s=60)
TOO_MANY_QUERIES: Final = _client("too_many_queries", 429, 2931, "Too many queries of this account at a time", retry_after_s=2)
QUERY_TOO_LONG: Final = _gateway(
    "query_too_long",
    503,
    2932,
    "The query takes too long: ask for a shorter period, or with fewer and simpler filters",
    retry_after_s=30,
)
STORE_DOWN: Final = _gateway("store_down", 503, 2919, "The store is not available at the moment", retry_after_s=2)

FAULTS: Final[tuple[Fault, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Fault))
"""The whole table, in the order of this file."""


class Refusal(Exception):
    """A request ends here with this fault. Raised by any phase, answered in one place."""

    def __init__(self, fault: Fault, message: str | None = None, *, allow: str = "") -> None:
        super().__init__(fault.name)
        self.fault = fault
        self.allow = allow
        """Of 405: the methods that are allowed (RFC 9110 section 15.5.6)."""
        self.message = message
        """Replaces the fault's message where the specification asks for names in it (code 2040)."""
