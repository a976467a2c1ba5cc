"""A keep-alive client's repeated head, recognised by its bytes (decision 0003).

Clients send the same head request after request; only the length of the body differs, and perhaps a request's or trace's id.
What is byte for byte the same was parsed, checked and routed before: it needs none of it again, on whichever connection it
comes. The memory of a head ends with the last connection that sent it.
"""

import re
from typing import Any, Final

from gateway.protocol.headers import RequestHead
from gateway.protocol.varied_head import varied_head

Message = Any
"""aiohttp's RawRequestMessage: its parser in C and the one in Python each have a class of that name."""

_LARGEST: Final = 8192
"""Bytes of a head that varies."""
_COST_BYTES: Final = 4096
_COST_RATIO: Final = 8
"""What a remembered head takes: so much, and so many times its own size, with all that is derived from it."""
_SHARE: Final = 16
"""One head may take this part of what may be remembered."""
_NOTHING: Final = b"\0"
"""Both parts of a forgotten head: no bytes match it, for behind the digits of a length stands CR."""
_DIGITS: Final = 18
"""Of a length."""
_LENGTH_FIELD: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})(?=\r\n)", re.IGNORECASE)


def same(one: Message, other: Message) -> bool:
    """Whether two requests have the same head."""
    return bool(
        one.raw_headers == other.raw_headers
        and one.path == other.path
        and one.method == other.method
        and one.version == other.version
    )


class ArrivedBody:
    """The body of a request that came whole in one read, with a head that is known; stands where aiohttp has its
    StreamReader."""

    __slots__ = ("_data", "head")

    def __init__(self, data: bytes, head: RequestHead) -> None:
        self._data = data
        self.head = head

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
    """The head of a request, as bytes: a client sends it again but for the body's length.

    What is byte for byte the same needs no second parsing; only the digits of Content-Length may differ, and with somewhat
    more work the values of fields that mean nothing to us.
    """

    __slots__ = ("_after", "_before", "_length_at", "_lines", "_prefixes", "head", "message", "users")

    def __init__(self, before: bytes, after: bytes, message: Message, head: RequestHead) -> None:
        self.message: Message = message
        self.head = head
        self._before = before
        self._after = after
        self.users = 0
        """Connections that sent it last."""
        self._lines: list[bytes] = []
        """Filled when a head is first compared line by line; the length's has no digits."""
        self._prefixes: list[bytes | None] = []
        """What a line must begin with to have another value; empty where none may be had, None until it was asked for."""
        self._length_at = 0
        """Which line is the length's; 0: there is none."""

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self._before, self._after

    @property
    def cost_bytes(self) -> int:
        return _COST_BYTES + _COST_RATIO * (len(self._before) + len(self._after))

    @property
    def forgotten(self) -> bool:
        return self._before is _NOTHING

    def forget(self) -> None:
        """Let go of all it holds, whoever still refers to it."""
        self._before = self._after = _NOTHING
        self.message, self.head = None, _NO_HEAD
        self._lines, self._prefixes = [], []

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
        stop = data.find(b"\r", start, start + _DIGITS + 1)
        if stop < 0 or not (digits := data[start:stop]).isdigit() or not data.startswith(after, stop):
            return None
        begin = stop + len(after)
        return data[begin:] if len(data) - begin == int(digits) else None

    def varied_in(self, data: bytes, limit_bytes: int = _LARGEST) -> tuple[RequestHead, bytes] | None:
        """Head and body, if `data` is this head with other values that mean nothing to us, and exactly the body it
        announces; None for anything else."""
        end = data.find(b"\r\n\r\n")
        if not 0 < end <= _LARGEST or end > limit_bytes or self._before is _NOTHING:
            return None
        if not self._lines:
            self._take_apart()
        lines = data[:end].split(b"\r\n")
        known, prefixes, length_at = self._lines, self._prefixes, self._length_at
        if len(lines) != len(known) or len(known) != len(self.head.fields) + 1:
            return None
        values: list[tuple[int, bytes]] = []
        length = b"" if length_at else b"0"
        for at in range(len(lines)):
            line = lines[at]
            if line == known[at]:
                continue
            prefix = prefixes[at]
            if prefix is None:
                prefix = self._prefix_of(at)
            if not prefix or not line.startswith(prefix):
                return None
            if at == length_at:
                length = line[len(prefix) :]
            else:
                values.append((at - 1, line[len(prefix) :]))
        if len(length) > _DIGITS or not length.isdigit() or len(data) - end - 4 != int(length):
            return None
        head = varied_head(self.head, values)
        return None if head is None else (head, data[end + 4 :])

    def _take_apart(self) -> None:
        self._lines = (self._before + self._after)[:-4].split(b"\r\n")
        self._prefixes = [None] * len(self._lines)
        self._prefixes[0] = b""  # the request line
        if self._after:
            self._length_at = self._before.count(b"\r\n")
            self._prefixes[self._length_at] = self._lines[self._length_at]

    def _prefix_of(self, at: int) -> bytes:
        """Worked out for a line that differs, once: most heads that differ do so in a line that may not."""
        name, value = self.head.fields[at - 1]
        prefix = self._lines[at].removesuffix(value)
        plain = value and prefix.rstrip(b" \t") == name + b":" and self.head.free(at - 1)
        self._prefixes[at] = made = prefix if plain else b""
        return made


class Repeats:
    """The last heads of a worker's connections. Clients of one kind send the same, so it is kept once for all of them: idle
    connections cost little, and a new connection's first request is a repeat. Their sum is bounded: the oldest are forgotten,
    and those in use are remembered anew at their next request."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._kept: dict[tuple[bytes, bytes], Repeat] = {}
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, data: bytes) -> Repeat | None:
        """The known head that `data` may begin with; its `body_in` tells."""
        end = data.find(b"\r\n\r\n") + 4
        place = _LENGTH_FIELD.search(data, 0, end - 2)
        if place is None:
            return self._kept.get((data[:end], b""))
        start, stop = place.span(1)
        return self._kept.get((data[:start], data[stop:end]))

    def use(self, repeat: Repeat) -> Repeat | None:
        """Remember it for one connection more; the one that is known already, where there is one. None for one too large."""
        kept = self._kept.get(repeat.key)
        if kept is None:
            cost = repeat.cost_bytes
            if cost * _SHARE > self._limit_bytes:
                return None
            while self.held_bytes + cost > self._limit_bytes:
                self._drop(next(iter(self._kept.values())))
            self._kept[repeat.key] = kept = repeat
            self.held_bytes += cost
        kept.users += 1
        return kept

    def leave(self, repeat: Repeat) -> None:
        """One connection less; nobody's head is forgotten."""
        repeat.users -= 1
        if not repeat.users and not repeat.forgotten:
            self._drop(repeat)

    def _drop(self, repeat: Repeat) -> None:
        del self._kept[repeat.key]
        self.held_bytes -= repeat.cost_bytes
        repeat.forget()


_NO_HEAD: Final = RequestHead((), http_10=False, limit_bytes=0)
