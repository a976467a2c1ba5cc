"""Bodies on their way into the log: unpacked, so that they can be read, and rid of anything that looks like a token of ours.

The edge relays compressed bodies as they are, and its sample cannot see into them.
"""

import zlib
from collections.abc import Callable
from typing import Final

from gateway.model.records import LogBodies
from gateway.model.tokens import hide_tokens

INFLATED_BYTES: Final = 1024 * 1024
"""No body grows beyond this: a bomb costs as much as any long answer."""
_AUTO: Final = 32 + zlib.MAX_WBITS
"""zlib: gzip or zlib by its header."""


def kept(bodies: LogBodies) -> LogBodies:
    """As it is stored. What cannot be unpacked here (br, zstd, damaged) stays packed."""
    request, request_complete = _plain(bodies.request, bodies.request_complete, bodies.request_encoding)
    response, response_complete = _plain(bodies.response, bodies.response_complete, bodies.response_encoding)
    return LogBodies(bodies.id, bodies.account_id, bodies.gateway_id, request, response, request_complete, response_complete)


def _plain(raw: bytes, complete: bool, encoding: str) -> tuple[bytes, bool]:
    inflate = _INFLATERS.get(encoding.strip().lower())
    if raw and inflate is not None:
        raw, whole = inflate(raw)
        complete = complete and whole
    return hide_tokens(raw), complete


def _inflate(raw: bytes, wbits: int) -> tuple[bytes, bool]:
    """The beginning, and whether the end of the stream was reached. Raises zlib.error."""
    unpacking = zlib.decompressobj(wbits)
    plain = unpacking.decompress(raw, INFLATED_BYTES)
    return plain, unpacking.eof and not unpacking.unused_data


def _gzip(raw: bytes) -> tuple[bytes, bool]:
    try:
        return _inflate(raw, _AUTO)
    except zlib.error:
        return raw, True


def _deflate(raw: bytes) -> tuple[bytes, bool]:
    """RFC 9110 section 8.4.1.2 wants the zlib format; some servers send bare deflate."""
    try:
        return _inflate(raw, _AUTO)
    except zlib.error:
        try:
            return _inflate(raw, -zlib.MAX_WBITS)
        except zlib.error:
            return raw, True


_INFLATERS: Final[dict[str, Callable[[bytes], tuple[bytes, bool]]]] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
