"""What makes a provider's answer harmless in a browser (decision 0007).

It arrives under our origin, where the dashboard and its session live. So no field crosses by which a server steers a browser,
and each answer carries a policy of ours under which a browser shows it, if at all, as a document without scripts and without
an origin.
"""

import re
from typing import Final

INERT_FIELDS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
INERT: Final = "".join(f"{name.lower()}: {value}\r\n" for name, value in INERT_FIELDS.items()).encode()
"""The same as lines, made once."""

_STEERING: Final = frozenset(
    {
        # what is kept for our origin, or taken from it
        b"set-cookie",
        b"set-cookie2",
        b"clear-site-data",
        b"set-login",
        b"shared-storage-write",
        b"activate-storage-access",
        b"observe-browsing-topics",
        b"use-as-dictionary",
        b"accept-ch",
        b"accept-ch-lifetime",
        b"critical-ch",
        b"no-vary-search",
        # how our origin is reached
        b"alt-svc",
        b"strict-transport-security",
        b"expect-ct",
        b"nel",
        b"report-to",
        b"reporting-endpoints",
        # where a document leads, and what it loads or runs
        b"refresh",
        b"link",
        b"sourcemap",
        b"x-sourcemap",
        b"service-worker-allowed",
        b"speculation-rules",
        b"supports-loading-mode",
        b"origin-trial",
        b"origin-agent-cluster",
        b"x-dns-prefetch-control",
        b"window-target",
        b"default-style",
        b"content-style-type",
        b"content-script-type",
        b"large-allocation",
        # policies of documents: ours stands in their place
        b"x-content-type-options",
        b"x-content-security-policy",
        b"x-webkit-csp",
        b"x-frame-options",
        b"x-xss-protection",
        b"x-ua-compatible",
        b"x-permitted-cross-domain-policies",
        b"x-download-options",
        b"allow-csp-from",
        b"feature-policy",
        b"referrer-policy",
        b"require-document-policy",
        b"timing-allow-origin",
        b"optional-www-authenticate",
    }
)
_STEERING_PREFIXES: Final = (
    b"access-control-",
    b"ad-auction-",
    b"attribution-reporting-",
    b"content-security-policy",
    b"cross-origin-",
    b"document-isolation-policy",
    b"document-policy",
    b"integrity-policy",
    b"permissions-policy",
    b"private-network-access-",
    b"public-key-pins",
    b"sec-session-",
    b"secure-session-",
)
_PASSWORD_SCHEMES: Final = re.compile(rb"\b(?:basic|digest|hoba|mutual|negotiate|ntlm)\b", re.IGNORECASE)


def steers_browser(key: bytes) -> bool:
    """Whether a browser that reads this field, named in lowercase, changes its state or acts, for the origin that sent it."""
    return key in _STEERING or key.startswith(_STEERING_PREFIXES)


def asks_for_password(challenge: bytes) -> bool:
    """Whether a browser may answer this WWW-Authenticate by asking its user for a password, in our name; or by sending one."""
    return _PASSWORD_SCHEMES.search(challenge) is not None
