"""Finds where some members of a JSON object are, and of objects directly in it, while it arrives; nothing is parsed.

The walk is `jsonspan`'s: its time grows with the bytes that came, and its memory is theirs.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.protocol.jsonspan import Place, SpanState, Walker, patterns_for

_BRACE: Final = ord("{")
_BLANK: Final = re.compile(rb"[ \t\r\n]*+")

Span = tuple[int, int]


class MemberFinder(Walker):
    """Finds the values of the keys in `wanted`, and where such a value is an object those of the keys listed for it.

    A member that is there twice makes the whole no object: readers differ on which one counts.
    """

    __slots__ = ("_outer", "_read", "_spans", "_value", "_wanted_keys", "_within")

    def __init__(self, wanted: Mapping[str, tuple[str, ...]], limit_bytes: int) -> None:
        super().__init__(patterns_for(*wanted), limit_bytes)
        self._wanted_keys = wanted
        self._spans: dict[str, Span] = {}
        self._within = ""
        """The wanted object whose members are read; empty for the outermost."""
        self._outer = 0
        """Where that object began."""
        self._read = ""
        """The wanted key just read, `outer.inner` for those within."""
        self._value: tuple[str, int] | None = None
        """Key and start of the wanted value that is being skipped."""

    def span(self, name: str) -> Span | None:
        """Where the value of `key` or `outer.inner` is; None for one that is not there."""
        return self._spans.get(name)

    def text(self, name: str, most_bytes: int) -> bytes:
        """That value as it was written, or the first bytes of it; empty for none."""
        start, end = self._spans.get(name, (0, 0))
        return bytes(self._buffer[start : min(end, start + most_bytes)]).strip()

    def is_object(self, name: str) -> bool:
        start, end = self._spans.get(name, (0, 0))
        return end > 0 and self._buffer[start] == _BRACE

    def finish(self) -> SpanState:
        """The input has ended; FOUND when it was one object, whatever is in it."""
        if self._state is SpanState.FOUND and not _BLANK.fullmatch(self._buffer, self._position):
            self._state = SpanState.NOT_OBJECT
        return super().finish()

    def cut_out(self, name: str) -> bytes:
        """A copy of the value."""
        start, end = self._spans[name]
        with memoryview(self._buffer) as view:
            return bytes(view[start:end])

    def cut_out_with(self, name: str, key: str, value: bytes) -> bytes:
        """A copy of an object whose member `key`, one of those listed for it, has this value; it is put first where the
        object, which must not be empty, has none."""
        start, end = self._spans[name]
        member = self._spans.get(f"{name}.{key}")
        with memoryview(self._buffer) as view:
            if member is None:
                return b"".join((b'{"%b":%b,' % (key.encode(), value), view[start + 1 : end]))
            return b"".join((view[start : member[0]], value, view[member[1] : end]))

    def _key_read(self, name: str | None) -> None:
        keys = self._wanted_keys[self._within] if self._within else self._wanted_keys
        self._wanted = name in keys
        if self._wanted:
            self._read = f"{self._within}.{name}" if self._within else str(name)

    def _wanted_begins(self, byte: int) -> bool:
        if self._read in self._spans:
            return self._decide(SpanState.NOT_OBJECT, self._position + 1)
        inner = () if self._within else self._wanted_keys[self._read]
        if byte == _BRACE and inner:
            self._within, self._outer = self._read, self._position
            self._patterns = patterns_for(*inner)
            self._position += 1
            self._place = Place.MEMBERS
            return True
        self._value = (self._read, self._position)
        return self._skip_value(byte)

    def _members(self) -> bool:
        if self._value is not None:  # it ended here
            name, start = self._value
            self._spans[name] = (start, self._position)
            self._value = None
        return super()._members()

    def _object_ends(self) -> bool:
        if not self._within:
            return self._decide(SpanState.FOUND, self._position + 1)
        self._value = (self._within, self._outer)
        self._within = ""
        self._patterns = patterns_for(*self._wanted_keys)
        self._position += 1
        return True
