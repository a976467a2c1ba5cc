"""Framing of a response body, sans-io and strict (RFC 9112 section 6).

Each framing is fed what the socket gave and answers the payload in it. A body that ends early, carries bytes beyond its
end or frames itself badly is never taken for a whole one.
"""

import re
from typing import Final, Protocol

from gateway.protocol.headers import Fields

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]{0,256})?\r\n")
_HEXADECIMAL: Final = b"0123456789abcdefABCDEF"
_LINE_LIMIT: Final = 512
_TRAILERS_LIMIT: Final = 8192
_TRAILERS: Final = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)+")
_FRAMING_FIELD: Final = re.compile(rb"(?:^|\n)(?:content-length|transfer-encoding|content-range|host):", re.IGNORECASE)
"""Forbidden in trailers (RFC 9110 section 6.5.1)."""
_LAST: Final = b"\r\n0\r\n\r\n"


class BadFraming(ValueError):
    """The provider's body cannot be trusted: the connection is dropped and the client's cut."""


class Framing(Protocol):
    done: bool
    """The body is whole."""
    clean: bool
    """The connection may carry another request: nothing came after the body, and its end was framed."""
    frame: bytes | None
    """The last bytes fed, if they were whole chunks (and the end, if done): they may pass on as they are."""

    def feed(self, data: bytes) -> bytes:
        """The payload in `data`. Raises BadFraming."""

    def end(self) -> bool:
        """The provider closed; whether the body is whole nevertheless."""


class NoBody:
    """Answers to HEAD, 204, 304 (RFC 9110 section 6.4.1) and Content-Length 0."""

    __slots__ = ("clean", "done", "frame")

    def __init__(self) -> None:
        self.done = True
        self.clean = True
        self.frame: bytes | None = None

    def feed(self, data: bytes) -> bytes:
        self.clean = self.clean and not data
        return b""

    def end(self) -> bool:
        return True


class Counted:
    """Content-Length."""

    __slots__ = ("clean", "done", "frame", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = False
        self.clean = True
        self.frame: bytes | None = None

    def feed(self, data: bytes) -> bytes:
        size = len(data)
        if size > self.left:
            data = data[: self.left]
            size = self.left
            self.clean = False
        self.left -= size
        self.done = self.left == 0
        return data

    def end(self) -> bool:
        return self.done


class UntilClose:
    """Neither length nor chunks: the end of the connection is the end of the body."""

    __slots__ = ("clean", "done", "frame")

    def __init__(self) -> None:
        self.done = False
        self.clean = False
        self.frame: bytes | None = None

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bool:
        self.done = True
        return True


class Chunked:
    """Chunked transfer coding. Extensions and trailers are dropped (RFC 9112 sections 7.1.1, 7.1.2)."""

    __slots__ = ("_left", "_line", "_trailers", "clean", "done", "frame")

    def __init__(self) -> None:
        self.done = False
        self.clean = True
        self.frame: bytes | None = None
        self._left = 0
        """Payload of the open chunk still to come; its CRLF is counted as two more."""
        self._line = b""
        """An unfinished size line or trailer section."""
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        if not self._left and not self._line and not self._trailers:
            payload = self._one_chunk(data)
            if payload is not None:
                return payload
        self.frame = None
        return self._split(data)

    def _one_chunk(self, data: bytes) -> bytes | None:
        """The way of nearly every event: one read, one whole plain chunk, perhaps the end behind it."""
        at = data.find(b"\r\n", 1, 10)
        if at < 0 or (digits := data[:at]).strip(_HEXADECIMAL):
            return None
        size = int(digits, 16)
        stop = at + 2 + size
        behind = len(data) - stop
        if not size or not ((behind == 2 and data.endswith(b"\r\n")) or (behind == 7 and data.endswith(_LAST))):
            return None
        if behind == 7:
            self.done = self._trailers = True
        self.frame = data
        return data[at + 2 : stop]

    def _split(self, data: bytes) -> bytes:
        """Any number of chunks, split anywhere."""
        if self._line:
            data = self._line + data
            self._line = b""
        pieces: list[bytes] = []
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._trailers:
                at = self._skip_trailers(data, at)
            elif self._left:
                at = self._payload(data, at, pieces)
            else:
                at = self._size_line(data, at)
        if at < end:
            self.clean = False
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _size_line(self, data: bytes, at: int) -> int:
        match = _SIZE.match(data, at)
        if match is None:
            if data.find(b"\n", at) >= 0 or len(data) - at > _LINE_LIMIT:
                raise BadFraming("chunk size")
            self._line = data[at:]
            return len(data)
        size = int(match[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = True
        return match.end()

    def _payload(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        take = min(self._left, len(data) - at)
        payload = max(0, min(take, self._left - 2))
        if payload:
            pieces.append(data[at : at + payload])
        tail = data[at + payload : at + take]
        if tail and not b"\r\n"[2 - (self._left - payload) :].startswith(tail):
            raise BadFraming("chunk end")
        self._left -= take
        return at + take

    def _skip_trailers(self, data: bytes, at: int) -> int:
        if data.startswith(b"\r\n", at):
            self.done = True
            return at + 2
        end = data.find(b"\r\n\r\n", at)
        if (len(data) if end < 0 else end) - at > _TRAILERS_LIMIT:
            raise BadFraming("trailers")
        if end < 0:
            self._line = data[at:]
            return len(data)
        if not _TRAILERS.fullmatch(data, at, end + 2) or _FRAMING_FIELD.search(data[at:end]):
            raise BadFraming("trailers")  # perhaps the next answer's head, had the empty line been forgotten
        self.done = True
        return end + 4

    def end(self) -> bool:
        return self.done


_LENGTH: Final = re.compile(rb"[0-9]{1,18}\Z")


def framing_for(method: str, status: int, fields: Fields) -> tuple[Framing, int | None]:
    """How the body of this answer ends (RFC 9112 section 6.3), and its Content-Length if it has one. Names in lowercase.

    Raises BadFraming for both framings, two lengths, or a transfer coding we do not know: forwarding any of these is
    request smuggling's other half.
    """
    length: bytes | None = None
    coding: bytes | None = None
    for key, value in fields:
        if key == b"content-length":
            if length is not None or not _LENGTH.match(value):
                raise BadFraming("content-length")
            length = value
        elif key == b"transfer-encoding":
            if coding is not None or value.lower() != b"chunked":
                raise BadFraming("transfer-encoding")
            coding = value
    if length is not None and coding is not None:
        raise BadFraming("both framings")
    announced = None if length is None else int(length)
    if method == "HEAD" or status in (204, 304):
        body = NoBody()
        body.clean = status != 204 or (coding is None and not announced)  # 204 has no framing: what comes next is unsure
        return body, announced
    if coding is not None:
        return Chunked(), None
    if announced is None:
        return UntilClose(), None
    return (Counted(announced) if announced else NoBody()), announced
