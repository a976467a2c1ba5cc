"""The head of a provider's answer, read strictly in one pass: what crosses to the client, and what we must know of it.

A line that crosses does so as the bytes it came in. Framing is rebuilt by the relay, and `cf-aig-*` is ours to say.
"""

import re
from typing import Final

from gateway.model import bounds
from gateway.protocol.foreign_fields import HOP_BY_HOP
from gateway.protocol.headers import Fields
from gateway.protocol.inert import INERT, asks_for_password, steers_browser

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([^\r\n]*))?\Z")
_CLEAN: Final = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\r\n"})
"""No control character but tab may stand in a field (RFC 9110 section 5.5)."""
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}\Z")
_MOST_FIELDS: Final = 128
_LONGEST_LINE: Final = 8190
"""Both as aiohttp's parser has them: clients stop at such sizes too, and would blame us."""
_NAMES_KEPT: Final = 4096
_MUTE: Final = (b"application/octet-stream", b"audio/", b"image/", b"video/")
"""Media types of answers that tell no usage."""

_CROSSES: Final = 0
_STAYS: Final = 1
_ONLY_OWN: Final = 2
"""Said of the provider's origin, but heard of ours, where the dashboard lives."""
_CONTENT_TYPE: Final = 3
_CONTENT_ENCODING: Final = 4
_CACHE_CONTROL: Final = 5
_FRAMES: Final = 6
_CONNECTION: Final = 7
_CHALLENGE: Final = 8
_DATE: Final = 9
_LEADS: Final = 10
"""Names an address of the provider's that clients go on with (RFC 9110 section 10.2.2; Azure's long-running operations)."""

_KNOWN: Final = {
    **dict.fromkeys(HOP_BY_HOP, _STAYS),
    b"content-type": _CONTENT_TYPE,
    b"content-encoding": _CONTENT_ENCODING,
    b"cache-control": _CACHE_CONTROL,
    b"content-length": _FRAMES,
    b"transfer-encoding": _FRAMES,
    b"connection": _CONNECTION,
    b"www-authenticate": _CHALLENGE,
    b"location": _LEADS,
    b"operation-location": _LEADS,
    b"azure-asyncoperation": _LEADS,
    b"content-location": _ONLY_OWN,
    b"date": _DATE,
}
_kinds: dict[bytes, int] = {}
"""Field names as providers spell them: they repeat from answer to answer, so each is looked at once. Bounded."""


class BadHead(ValueError):
    """Not a head that a strict HTTP/1.1 reader accepts (RFC 9112 sections 4 and 5)."""


class ResponseHead:
    """What one answer's head says. `lines` is what crosses, each line with its CRLF; behind a provider's stands what makes it
    inert."""

    __slots__ = (
        "bodiless",
        "cache_control",
        "content_length",
        "content_type",
        "dated",
        "encoding",
        "event_stream",
        "framing",
        "http_10",
        "keep_alive",
        "leads",
        "lines",
        "logged_type",
        "media_type",
        "plain",
        "status",
        "status_line",
        "tells_usage",
    )

    def __init__(self, block: bytes, *, own: bool = False) -> None:
        """Read `block`, a head with the empty line at its end; `own` marks control's answers, which may set cookies
        and show pages.

        Raises BadHead.
        """
        status_line, *lines = block[:-4].split(b"\r\n")
        start = _STATUS_LINE.match(status_line)
        breaks = len(lines) + 2
        if (
            start is None
            or block.count(b"\n") != breaks  # each belongs to a line's end: none is bare
            or block.count(b"\r") != breaks
            or block.translate(None, _CLEAN)
            or len(lines) > _MOST_FIELDS
            or (len(block) > _LONGEST_LINE and max(map(len, lines)) > _LONGEST_LINE)
        ):
            raise BadHead("unclean head")
        version, status, reason = start.groups()
        self.http_10 = version == b"0"
        self.status = int(status)
        self.status_line = b"HTTP/1.1 %b %b\r\n" % (status, reason or b"")
        """Ours, with the provider's reason."""
        self.content_type = b""
        self.encoding = b""
        """The body's Content-Encoding, empty for none: it passes as it is."""
        self.cache_control = self.dated = False
        self.leads: Fields = ()
        """The fields by which a provider would lead the client elsewhere, names in lowercase; they do not cross as they are."""
        self.framing: Fields = ()
        """The fields that say where the body ends, names in lowercase; they do not cross."""
        self.content_length: int | None = None
        """None: chunked, or until close. The connection fills it in, and the next."""
        self.bodiless = False
        """No body follows: HEAD, 204, 304, or a length of 0."""
        options = self._read(lines, own)
        # What follows is told once here, because heads repeat (Connection keeps the last of each provider).
        self.media_type = self.content_type.lower()
        """Lowercase (RFC 9110 section 8.3.1), with its parameters."""
        self.logged_type = bounds.text(self.content_type.decode("latin-1"), bounds.NAME)
        self.event_stream = self.media_type.startswith(b"text/event-stream")
        self.tells_usage = not self.media_type.startswith(_MUTE)
        self.plain = not self.encoding or self.encoding.lower() == b"identity"
        """The body can be read as it passes."""
        self.keep_alive = b"keep-alive" in options if self.http_10 else b"close" not in options

    def _read(self, lines: list[bytes], own: bool) -> set[bytes]:
        """Sort the lines; answers the options that Connection fields name."""
        crossing: list[bytes] = []
        options: set[bytes] = set()
        for line in lines:
            name, colon, value = line.partition(b":")
            kind = _kinds.get(name)
            if kind is None or not colon:
                kind = _kind_of(name, line)
            if kind == _CROSSES:
                crossing.append(line)
            elif kind == _FRAMES:
                # Tabs stay, and are refused with what else is no length and no coding: readers differ on them.
                self.framing = (*self.framing, (name.lower(), value.strip(b" ")))
            elif kind == _CONNECTION:
                options.update(token.strip(b" \t").lower() for token in value.split(b","))
            elif kind == _LEADS and not own:
                self.leads = (*self.leads, (name.lower(), value.strip(b" \t")))
            elif (kind == _ONLY_OWN and own) or (kind > _ONLY_OWN and not (kind == _CHALLENGE and asks_for_password(value))):
                crossing.append(line)
                self._note(kind, value)
        if not options <= _PLAIN_OPTIONS:
            crossing = self._without(crossing, options)
        crossing.append(b"" if own else INERT)
        self.lines = b"\r\n".join(crossing)
        return options

    def _note(self, kind: int, value: bytes) -> None:
        if kind == _CONTENT_TYPE:
            self.content_type = value.strip(b" \t")
        elif kind == _CONTENT_ENCODING:
            value = value.strip(b" \t")
            self.encoding = b"%b, %b" % (self.encoding, value) if self.encoding else value
        elif kind == _CACHE_CONTROL:
            self.cache_control = True
        elif kind == _DATE:
            self.dated = True

    @staticmethod
    def _without(lines: list[bytes], named: set[bytes]) -> list[bytes]:
        """Without the fields that Connection names (RFC 9110 section 7.6.1)."""
        return [line for line in lines if line.partition(b":")[0].lower() not in named]


_PLAIN_OPTIONS: Final = frozenset({b"keep-alive", b"close"})


def _kind_of(name: bytes, line: bytes) -> int:
    """What becomes of a field of this name. Raises BadHead for what is no field."""
    if len(name) == len(line) or not _TOKEN.match(name):
        raise BadHead("field name")  # folded lines too: their first byte is white space
    key = name.lower()
    kind = _STAYS if key.startswith(b"cf-aig-") else _KNOWN.get(key, _ONLY_OWN if steers_browser(key) else _CROSSES)
    if len(_kinds) >= _NAMES_KEPT:
        _kinds.clear()
    _kinds[name] = kind
    return kind
