"""Secrets in memory: a value that does not print itself, and the keyed digest that the store may keep."""

import hashlib
import hmac
from typing import Final, final


@final
class Secret:
    """Text that shows as `***` in logs, tracebacks and reprs; `reveal()` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: Final = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)


def key_id(key: bytes) -> str:
    """Names a key and tells nothing of it: eight hexadecimal digits, the same wherever the key is."""
    return hmac.digest(key, b"gateway key id", hashlib.sha256)[:4].hex()


def keyed_digest(pepper: bytes, token: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes: what the store, the link and the caches know of a token.

    No slow hash: a token has 256 random bits, so there is nothing to stretch, and a slow hash
    would hand attackers a lever on our CPU.
    """
    return hmac.digest(pepper, token, hashlib.sha256)
