"""The dashboard's session cookie: what its value looks like, so that an edge can tell one of ours without asking anybody.

Genuine says nothing of whether the session still lives: control alone knows that, by the value's digest.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

SECURE_COOKIE: Final = "__Host-gateway-session"
PLAIN_COOKIE: Final = "gateway-session"
"""Without TLS a browser takes no `__Host-` cookie; this one is for loopback."""

_PURPOSE: Final = b"dashboard session\0"
_RANDOM_BYTES: Final = 32
_MAC_BYTES: Final = 16


def mint_session(pepper: bytes) -> str:
    """A new value: random bytes, and a tag that shows whose they are."""
    random = secrets.token_bytes(_RANDOM_BYTES)
    return base64.urlsafe_b64encode(random + _tag(pepper, random)).decode()


def genuine_session(peppers: Iterable[bytes], value: str) -> bool:
    """Whether this was minted with one of these peppers, whenever."""
    try:
        raw = base64.urlsafe_b64decode(value.encode("ascii"))
    except (ValueError, binascii.Error):
        return False
    random, tag = raw[:_RANDOM_BYTES], raw[_RANDOM_BYTES:]
    return len(tag) == _MAC_BYTES and any(hmac.compare_digest(tag, _tag(pepper, random)) for pepper in peppers)


def session_key(value: str) -> bytes:
    """What the store keeps of a value: looked up by it, so comparing takes the same time whatever a guess has right."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def _tag(pepper: bytes, random: bytes) -> bytes:
    return hmac.digest(pepper, _PURPOSE + random, hashlib.sha256)[:_MAC_BYTES]
