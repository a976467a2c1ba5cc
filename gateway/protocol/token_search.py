"""Whether bytes hold one of our tokens, also encoded, as a provider or whoever reads its logs could decode it.

A client may put a token where it does not belong: in quotes, behind a tab, into Basic credentials, into a query. It must not
leave for the provider in any of these forms.
"""

import re
from base64 import b64decode
from typing import Final
from urllib.parse import unquote_to_bytes

_TOKEN: Final = re.compile(rb"agw_[0-9A-Za-z]{8}")
"""The beginning of one is enough."""
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_NESTED: Final = re.compile(rb"%(?:25)+")
_DEPTH: Final = 3
"""Encodings within one another that are looked through."""
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def holds_token(raw: bytes) -> bool:
    """Nearly everything is told by its not holding any of these: what `agw_` becomes in Base64 at each of three places, and
    what begins an escape."""
    if (
        b"agw_" not in raw
        and b"%" not in raw
        and b"\\" not in raw
        and b"YWd3X" not in raw
        and b"Fnd1" not in raw
        and b"hZ3df" not in raw
    ):
        return False
    return _found(raw, _DEPTH)


def _found(raw: bytes, depth: int) -> bool:
    if _TOKEN.search(raw):
        return True
    if not depth:
        return False
    plain = unquote_to_bytes(_NESTED.sub(b"%", raw.replace(b"\\", b"")))
    if plain != raw and _found(plain, depth - 1):
        return True
    return any(_found(decoded, depth - 1) for run in _BASE64.findall(raw) for decoded in _decoded(run))


def _decoded(run: bytes) -> list[bytes]:
    """A run of Base64's characters may begin before the encoded text does."""
    run = run.translate(_URL_SAFE)
    return [b64decode(piece + b"=" * (-len(piece) % 4)) for at in range(4) if len(piece := run[at:]) % 4 != 1]
