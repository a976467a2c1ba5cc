"""What aiohttp's request parser lets through and a gateway refuses: methods, versions, targets.

Fields are checked where they are read, in `headers.RequestHead`. All refusals close the connection: after a request two
parsers might read differently, nothing on it can be trusted (RFC 9112 section 11.2).
"""

import re
from typing import Final

from gateway.model.faults import BAD_PATH, MALFORMED, METHOD_NOT_ALLOWED, Refusal

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Bytes of a target in origin-form (RFC 3986 section 3.3), leniently: anything visible but what readers disagree on.
_TARGET: Final = re.compile(r"/[!-~]*\Z")
# Dot segments, raw or encoded; encoded slashes are legal in model names and stay encoded.
_DOTS: Final = re.compile(r"(?:^|/|%2f|\\|%5c)(?:\.|%2e){1,2}(?=/|%2f|\\|%5c|;|$)", re.IGNORECASE)
# Backslash, fragment, control characters, overlong UTF-8 (RFC 3629 section 3), and escapes that are none.
_POISON: Final = re.compile(r"[\\#]|%(?:00|0a|0d|5c|c0|c1|e0%[89]|f0%8)|%(?![0-9a-f]{2})", re.IGNORECASE)


def examine_line(method: str, target: str, version: tuple[int, int]) -> None:
    """Refuse a request line that is not plain HTTP/1.x in origin-form."""
    if version not in ((1, 1), (1, 0)):
        raise Refusal(MALFORMED)
    if method not in METHODS:
        raise Refusal(METHOD_NOT_ALLOWED, allow=", ".join(sorted(METHODS)))
    if not _TARGET.match(target):
        raise Refusal(MALFORMED)
    path = target.partition("?")[0]
    if _DOTS.search(path) or _POISON.search(path) or "#" in target:
        raise Refusal(BAD_PATH)
