"""A keep-alive client's repeated head, recognised by its bytes (decision 0003).

Clients send the same head request after request; only the length of the body differs. What is byte for byte the same was
parsed, checked and routed before: it needs none of it again. The memory ends with its connection.
"""

import re
from typing import Any, Final

from gateway.protocol.headers import RequestHead

Message = Any
"""aiohttp's RawRequestMessage: its parser in C and the one in Python each have a class of that name."""

_LENGTH_FIELD: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})(?=\r\n)", re.IGNORECASE)


class ArrivedBody:
    """The body of a request that came whole in one read; stands where aiohttp has its StreamReader."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def is_eof(self) -> bool:
        return True

    def read_nowait(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def readany(self) -> bytes:
        return self.read_nowait()

    def set_exception(self, *_: object) -> None:
        """Nothing waits for more of it."""


class Repeat:
    """The head of a connection's last request, as bytes: a keep-alive client sends it again but for the body's length.

    What is byte for byte the same needs no second parsing; only the digits of Content-Length may differ.
    """

    __slots__ = ("_after", "_before", "head", "message")

    def __init__(self, before: bytes, after: bytes, message: Message, head: RequestHead) -> None:
        self.message: Message = message
        self.head = head
        self._before = before
        self._after = after

    @classmethod
    def of(cls, raw: bytes, message: Message, head: RequestHead) -> "Repeat | None":
        """None where the bytes do not say the same length as the parser does (`Content-Length: 5 `, with white space behind
        it): a body taken for the next request would be smuggling."""
        place = _LENGTH_FIELD.search(raw)
        if (None if place is None else int(place[1])) != head.content_length:
            return None
        start, stop = place.span(1) if place is not None else (len(raw), len(raw))
        return cls(raw[:start], raw[stop:], message, head)

    def body_in(self, data: bytes) -> bytes | None:
        """The body, if `data` is exactly this head and the body it announces; None for anything else."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        start = len(before)
        if not after:
            return b"" if len(data) == start else None
        stop = data.find(b"\r", start, start + 19)
        if stop < 0 or not (digits := data[start:stop]).isdigit() or not data.startswith(after, stop):
            return None
        begin = stop + len(after)
        return data[begin:] if len(data) - begin == int(digits) else None
