"""Forms of requests that are rare and legal: what RFC 9112 asks of a server beyond what every client sends.

Nothing of this is on the way of a usual request.
"""

import re
from typing import Final

from gateway.model.faults import MALFORMED, Refusal

Fields = tuple[tuple[bytes, bytes], ...]

_ABSOLUTE: Final = re.compile(r"https?://([^/?#@\\]{1,300})(/[!-~]*|\?[!-~]*|)\Z", re.IGNORECASE)
_LATER: Final = re.compile(rb"[A-Z]{1,20} [!-~]+ HTTP/1\.([2-9])\r\n")
_BARE_CR: Final = re.compile(rb"(?:\r?\n)*\r[^\n]")
_HEAD_END: Final = b"\r\n\r\n"
_MOST_PIECES: Final = 64
_COUNT: Final = re.compile(rb"[0-9]{1,9}\Z")


def origin_form(target: str) -> tuple[str, bytes]:
    """Path and authority of an absolute URI (RFC 9112 section 3.2.2). Raises Refusal for anything else."""
    found = _ABSOLUTE.match(target)
    if found is None or not found[1].isascii():
        raise Refusal(MALFORMED)
    path = found[2]
    return path if path.startswith("/") else "/" + path, found[1].encode()


def with_host(fields: Fields, authority: bytes) -> Fields:
    """The target's authority stands for whatever Host says (RFC 9112 section 3.2.2); two of them stay two."""
    return tuple((name, authority if name.lower() == b"host" else value) for name, value in fields)


def forwards(fields: Fields) -> tuple[Fields, bool]:
    """Fields of an OPTIONS request with one hop less, and whether it may go further (RFC 9110 section 7.6.2)."""
    for at, (name, value) in enumerate(fields):
        if name.lower() == b"max-forwards" and _COUNT.match(value):
            left = int(value)
            return (*fields[:at], (name, b"%d" % (left - 1)), *fields[at + 1 :]), left > 0
    return fields, True


def as_http_11(data: bytes) -> bytes:
    """A request of a later HTTP/1.x is one of HTTP/1.1 to us (RFC 9110 section 2.5)."""
    found = _LATER.match(data)
    return data if found is None else data[: found.start(1)] + b"1" + data[found.end(1) :]


def begins_with_bare_cr(data: bytes) -> bool:
    """Empty lines before a request are ignored, but a CR alone is no line's end (RFC 9112 section 2.2)."""
    return data[:1] in (b"\r", b"\n") and _BARE_CR.match(data) is not None


def pieces(data: bytes) -> list[bytes]:
    """Cut behind whatever may be a head's end, so that each piece ends at most one."""
    *whole, rest = data.split(_HEAD_END, _MOST_PIECES)
    cut = [piece + _HEAD_END for piece in whole]
    return [*cut, rest] if rest else cut
