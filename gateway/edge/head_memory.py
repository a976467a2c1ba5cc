"""Request heads that a worker knows: read once by aiohttp's parser, then recognised by their lines (decision 0033).

Two heads mean the same if they have the same request line and the same lines of those fields whose values we read, in the same
order. What was parsed, checked, routed and worked out for the first holds for every later one; other lines only cross to the
provider. So a client's ids, the length of its body and the connection it came by make no difference.

The memory is bounded in bytes. It forgets what was not used for some time, so no credential stays here for long after its last
request, and nothing in it depends on the connection.
"""

import re
from typing import Any, Final

from gateway.protocol.head_lines import Line, LineTable
from gateway.protocol.headers import RequestHead

Message = Any
"""aiohttp's RawRequestMessage: its parser in C and the one in Python each have a class of that name."""

_LARGEST: Final = 8192
"""Bytes of a head that is read here."""
_MOST_LINES: Final = 100
_COST_BYTES: Final = 4096
_COST_RATIO: Final = 8
"""What a known head takes: so much, and so many times its own size, with all that is derived from it."""
_SHARE: Final = 16
"""One head may take this part of what may be remembered."""
_NOTHING: Final = b"\0"
"""Both parts of a forgotten head: no bytes match it, for behind the digits of a length stands CR."""
_DIGITS: Final = 18
"""Of a length."""
_END: Final = b"\r\n\r\n"
_LENGTH_FIELD: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})(?=\r\n)", re.IGNORECASE)

_Key = tuple[bytes | Line | None, ...]
"""A request line and the lines that have a meaning; None stands for the line of the length."""


class KnownHead:
    """A head as it first came, and what the parser made of it."""

    __slots__ = ("_after", "_before", "cost_bytes", "head", "lines", "message", "used")

    def __init__(self, raw: bytes, message: Message, head: RequestHead, lines: list[Line]) -> None:
        place = _LENGTH_FIELD.search(raw)
        start, stop = place.span(1) if place is not None else (len(raw), len(raw))
        self._before = raw[:start]
        self._after = raw[stop:]
        self.message: Message = message
        self.head = head
        self.lines = lines
        """All but the length's."""
        self.used = True
        """Since the last sweep."""
        self.cost_bytes = _COST_BYTES + _COST_RATIO * len(raw)

    def body_in(self, data: bytes) -> bytes | None:
        """The body, if `data` is exactly this head, perhaps with another length, and the body it announces."""
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

    def forget(self) -> None:
        """Let go of all it holds, whoever still refers to it."""
        self._before = self._after = _NOTHING
        self.message, self.head, self.lines = None, _NO_HEAD, []


class FoundHead:
    """A head that came, as a known one."""

    __slots__ = ("end", "head", "known", "length", "lines")

    def __init__(self, known: KnownHead, lines: list[Line] | None, end: int, length: int | None) -> None:
        self.known = known
        self.head = known.head
        """For this request, which may wait in line until the known one is forgotten."""
        self.lines = lines
        """All but the length's, where they are not those of the known head."""
        self.end = end
        """Bytes of the head, with the empty line."""
        self.length = length
        """Of the body; None where it says nothing."""


class WholeBody:
    """The body of a request that came whole in one read, with a head that is known; stands where aiohttp has its
    StreamReader."""

    __slots__ = ("_data", "head", "lines")

    def __init__(self, data: bytes, head: RequestHead, lines: list[Line] | None = None) -> None:
        self._data = data
        self.head = head
        self.lines = lines
        """See FoundHead."""

    def __len__(self) -> int:
        return len(self._data)

    def is_eof(self) -> bool:
        return True

    def read_nowait(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def readany(self) -> bytes:
        return self.read_nowait()

    def set_exception(self, *_: object) -> None:
        """Nothing waits for more of it."""


class HeadMemory:
    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._table = LineTable()
        self._known: dict[_Key, KnownHead] = {}
        self._known_bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def held_bytes(self) -> int:
        return self._known_bytes + self._table.held_bytes

    def find(self, data: bytes, limit_bytes: int) -> FoundHead | None:
        """The head that `data` begins with, if it is of no more bytes than the limit and one that is known."""
        end = data.find(_END, 0, _LARGEST)
        if not 0 < end <= limit_bytes:
            return None
        start, *raws = data[:end].split(b"\r\n")
        if len(raws) > _MOST_LINES:
            return None
        read = self._table.read(raws)
        if read is None:
            return None
        key: list[bytes | Line | None] = [start]
        lines: list[Line] = []
        length: int | None = None
        for line in read:
            if line.length >= 0:
                length = line.length
                key.append(None)
            else:
                lines.append(line)
                if not line.free:
                    key.append(line)
        if self.held_bytes > self._limit_bytes:
            self._make_room()
        known = self._known.get(tuple(key))
        if known is None:
            return None
        known.used = True
        return FoundHead(known, None if lines == known.lines else lines, end + 4, length)

    def learn(self, raw: bytes, message: Message, head: RequestHead) -> KnownHead | None:
        """Remember a head that the parser read out of these bytes. None where the two ways to read it do not agree to the
        byte: a body taken for the next request would be smuggling."""
        start, *raws = raw[:-4].split(b"\r\n")
        small = len(raw) <= _LARGEST and len(raws) <= _MOST_LINES
        read = self._table.read(raws) if small else None
        if read is None or start != _start_of(message) or not head.hop_is_plain:
            return None
        lengths = [] if head.content_length is None else [head.content_length]
        if head.fields != tuple([(line.field, line.value) for line in read]) or lengths != [
            line.length for line in read if line.length >= 0
        ]:
            return None
        lines = [line for line in read if line.length < 0]
        known = KnownHead(raw, message, head, lines)
        if known.cost_bytes * _SHARE > self._limit_bytes:
            return None
        key: _Key = (start, *[None if line.length >= 0 else line for line in read if not line.free])
        before = self._known.get(key)
        if before is not None:
            before.used = True
            return before
        self._known[key] = known
        self._known_bytes += known.cost_bytes
        if self.held_bytes > self._limit_bytes:
            self._make_room()
        return known

    def _make_room(self) -> None:
        self.sweep()
        if self.held_bytes > self._limit_bytes:  # all of it was used lately
            for known in self._known.values():
                known.forget()
            self._known, self._known_bytes = {}, 0
            self._table.clear()

    def sweep(self) -> None:
        """Forget what was not used since the last time."""
        kept: dict[_Key, KnownHead] = {}
        held = 0
        for key, known in self._known.items():
            if known.used:
                known.used = False
                kept[key] = known
                held += known.cost_bytes
                for line in known.lines:  # found by its bytes alone, it may not have looked at them
                    line.used = True
            else:
                known.forget()
        self._known, self._known_bytes = kept, held
        self._table.sweep()


def _start_of(message: Message) -> bytes:
    version = message.version
    return b"%b %b HTTP/%d.%d" % (message.method.encode(), message.path.encode("utf-8", "surrogateescape"), *version)


_NO_HEAD: Final = RequestHead((), http_10=False, limit_bytes=0)
