"""A second opinion: requests and answers read from bytes by the letter of RFC 9112, sharing no code with gateway or aiohttp.

Where a recipient may be lenient without harm (CR and LF before a request, more than one space in its first line, white
space around values, chunk extensions, trailers) it is. Whatever two readers could take for different things is a Doubt.
"""

import re
from typing import NamedTuple

Fields = tuple[tuple[bytes, bytes], ...]

_LINE = re.compile(rb"([A-Z]+) +(?:[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\ ]+(?=[/? ]))?([/?][!-~]*|) +HTTP/1\.([0-9])\r\n")
_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [^\x00-\x08\x0a-\x1f\x7f]*\r\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\n\x00]*)?\r\n")


class Doubt(Exception):
    """No two readers need agree from here on."""


class Wanting(Exception):
    """The message is not whole."""

    def __init__(self, begun: "Request | None" = None) -> None:
        super().__init__()
        self.begun = begun
        """Its head, once that was whole."""


class Request(NamedTuple):
    method: bytes
    target: bytes
    minor: int
    fields: Fields
    body: bytes
    plain: bool
    """Nothing in it needed leniency."""

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name]


class Answer(NamedTuple):
    status: int
    fields: Fields
    body: bytes


def read_request(data: bytes, at: int = 0) -> tuple[Request, int]:
    """The request that starts at `at`, and where the next one does. Raises Doubt or Wanting."""
    start = at
    while data[at : at + 1] in (b"\r", b"\n"):
        at += 1
    line = _LINE.match(data, at)
    if line is None:
        raise Wanting if b"\n" not in data[at:] else Doubt
    method, target, minor = line[1], line[2], int(line[3])
    target = target if target.startswith(b"/") else b"/" + target
    fields, at = _fields(data, line.end())
    head = Request(method, target, minor, fields, b"", at - start == len(line[0]) + _plain_size(fields))
    coding, length = head.all(b"transfer-encoding"), head.all(b"content-length")
    if len(coding) + len(length) > 1:
        raise Doubt
    if coding:
        if coding[0].lower() != b"chunked" or not minor:
            raise Doubt
        try:
            body, at, plain = _chunks(data, at)
        except Wanting:
            raise Wanting(head) from None
        return head._replace(body=body, plain=head.plain and plain), at
    size = _length(length)
    if len(data) - at < size:
        raise Wanting(head)
    return head._replace(body=data[at : at + size]), at + size


def read_requests(data: bytes) -> tuple[list[Request], Request | None]:
    """All whole requests up to the first doubt, and the head of one that is begun."""
    found: list[Request] = []
    at = 0
    while at < len(data):
        try:
            request, at = read_request(data, at)
        except Doubt:
            return found, None
        except Wanting as wanting:
            return found, wanting.begun
        found.append(request)
    return found, None


def read_answers(data: bytes) -> tuple[list[Answer], bytes]:
    """All whole answers to requests other than HEAD, and what is left. Raises Doubt."""
    found: list[Answer] = []
    at = 0
    while at < len(data):
        start = at
        line = _STATUS.match(data, at)
        if line is None:
            raise Doubt
        try:
            status = int(line[1])
            fields, at = _fields(data, line.end())
            coding = [value for name, value in fields if name.lower() == b"transfer-encoding"]
            length = [value for name, value in fields if name.lower() == b"content-length"]
            if len(coding) + len(length) > 1:
                raise Doubt
            body = b""
            if status >= 200 and status not in (204, 304):
                if coding:
                    body, at, _ = _chunks(data, at)
                else:
                    size = _length(length) if length else len(data) - at
                    if len(data) - at < size:
                        raise Wanting
                    body, at = data[at : at + size], at + size
        except Wanting:
            return found, data[start:]
        found.append(Answer(status, fields, body))
    return found, b""


def _fields(data: bytes, at: int) -> tuple[Fields, int]:
    fields = []
    while not data.startswith(b"\r\n", at):
        field = _FIELD.match(data, at)
        if field is None:
            raise Doubt if b"\n" in data[at:] else Wanting
        fields.append((field[1], field[2].rstrip(b" \t")))
        at = field.end()
    return tuple(fields), at + 2


def _plain_size(fields: Fields) -> int:
    return sum(len(name) + len(value) + 4 for name, value in fields) + 2


def _length(values: list[bytes]) -> int:
    if not values:
        return 0
    if not re.fullmatch(rb"[0-9]{1,18}", values[0]):
        raise Doubt
    return int(values[0])


def _chunks(data: bytes, at: int) -> tuple[bytes, int, bool]:
    body = b""
    plain = True
    while True:
        chunk = _CHUNK.match(data, at)
        if chunk is None:
            raise Doubt if b"\n" in data[at:] else Wanting
        at = chunk.end()
        size = int(chunk[1], 16)
        plain = plain and chunk[0] == b"%x\r\n" % size
        if not size:
            trailers, end = _fields(data, at)
            return body, end, plain and not trailers
        if len(data) - at < size + 2:
            if not b"\r\n".startswith(data[at + size : at + size + 2]):
                raise Doubt
            raise Wanting
        if data[at + size : at + size + 2] != b"\r\n":
            raise Doubt
        body += data[at : at + size]
        at += size + 2
