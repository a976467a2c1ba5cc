"""Identifiers: UUIDv7 for requests and logs (they sort by time), 32 hex characters for accounts and tokens."""

import secrets
import time
from os import urandom
from uuid import uuid4

_POOL_BYTES = 4096
_DIGITS = 19
"""Random hexadecimal digits taken for one id: 76 bits, of which two give way to the variant."""
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_ends: list[str] = []
_moment = ""
_moment_ms = -1


def _refill() -> None:
    """Random ends of ids: one system call serves some 400 requests.

    Good for ids, which are not secrets; tokens and keys come from `secrets`.
    """
    noise = urandom(_POOL_BYTES).hex()
    for start in range(0, len(noise) - _DIGITS, _DIGITS):
        digits = noise[start : start + _DIGITS]
        _ends.append(f"{digits[:3]}-{_VARIANT[digits[3]]}{digits[4:7]}-{digits[7:]}")


def uuid7(wall_s: float | None = None) -> str:
    """A UUIDv7 (RFC 9562 section 5.7), lowercase with hyphens; `wall_s` in seconds since the epoch."""
    global _moment, _moment_ms
    ms = int((time.time() if wall_s is None else wall_s) * 1000) & 0xFFFF_FFFF_FFFF
    if ms != _moment_ms:  # many requests share a millisecond
        digits = f"{ms:012x}"
        _moment, _moment_ms = f"{digits[:8]}-{digits[8:]}-7", ms
    if not _ends:
        _refill()
    return _moment + _ends.pop()


def uuid4_text() -> str:
    return str(uuid4())


def hex32() -> str:
    """32 hex characters, 128 random bits: the shape of Cloudflare's account and token ids."""
    return secrets.token_hex(16)
