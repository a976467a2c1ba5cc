"""The lines of requests' heads, each read and judged once.

What repeats in real traffic is not the head but its lines: clients put the same ones together, in whatever number and order,
and an id of their own among them. So a line that was seen before costs one look-up. Only the plain grammar is read here,
`Name: value`; whatever else HTTP allows is left to the parser.
"""

import re
from typing import Final

from gateway.protocol.foreign_fields import stays_here
from gateway.protocol.headers import CREDENTIAL_FIELDS, clean, is_read
from gateway.protocol.token_search import holds_token

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}\Z")
_NAMES_KEPT: Final = 4096
_LONGEST: Final = 2048
"""Bytes of a line that is remembered."""
_COST_BYTES: Final = 400
_COST_RATIO: Final = 4
"""What a remembered line takes: so much, and so many times its own size."""
_FREE_VALUES: Final = 64
"""Values remembered of a field that nobody reads, between two sweeps: an id is another one each time."""
_LENGTHS: Final = 1024
_DIGITS: Final = 18
"""Of a length."""
_WHITE: Final = (b" ", b"\t")
_NO_LENGTH: Final = -1


class Line:
    """A field's line."""

    __slots__ = ("cost_bytes", "crossing", "field", "free", "length", "name", "used", "value")

    def __init__(self, field: bytes, value: bytes, *, free: bool, length: int) -> None:
        self.field = field
        """The name as it was sent."""
        self.value = value
        self.name = field.lower()
        line = b"%b: %b\r\n" % (field, value)
        self.crossing = line if not (stays_here(field) or holds_token(line)) else b""
        """As the provider gets it; empty where it does not."""
        self.free = free
        """Its value means nothing to us."""
        self.length = length
        """The body's length, if this line tells it; else negative."""
        self.used = True
        """Since the last sweep."""
        self.cost_bytes = 0
        """What it takes in the table; 0: it is not there."""


class _Name:
    """What is done with the lines of a field's name."""

    __slots__ = ("bad", "free", "kept", "length", "most")

    def __init__(self, field: bytes) -> None:
        key = field.lower()
        self.bad = _NAME.match(field) is None
        self.length = key == b"content-length"
        self.free = not (self.length or stays_here(field) or key in CREDENTIAL_FIELDS or is_read(key))
        self.kept = 0
        """Lines of this name in the table."""
        self.most = _FREE_VALUES if self.free else _LENGTHS if self.length else 1 << 30


class LineTable:
    """Lines by their bytes. Its memory is bounded by whoever calls `sweep`: what was not used since the last one goes."""

    def __init__(self) -> None:
        self._lines: dict[bytes, Line] = {}
        self._names: dict[bytes, _Name] = {}
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def read(self, raws: list[bytes]) -> list[Line] | None:
        """The lines of a head behind its request line, without their ends; None where one is not in the plain grammar."""
        known = self._lines
        lines: list[Line] = []
        for raw in raws:
            line = known.get(raw)
            if line is None:
                line = self._read(raw)
                if line is None:
                    return None
            else:
                line.used = True
            lines.append(line)
        return lines

    def _read(self, raw: bytes) -> Line | None:
        field, colon, value = raw.partition(b":")
        name = self._names.get(field)
        if name is None:
            name = self._name(field)
        if name.bad or not colon:
            return None
        if value[:1] == b" ":
            value = value[1:]
        if not value or value.startswith(_WHITE) or value.endswith(_WHITE) or not clean(value):
            return None
        length = _NO_LENGTH
        if name.length:
            if len(value) > _DIGITS or not value.isdigit():
                return None
            length = int(value)
        line = Line(field, value, free=name.free, length=length)
        if name.free and not line.crossing:  # a token of ours where none belongs
            return None
        if name.kept < name.most and len(raw) <= _LONGEST:
            name.kept += 1
            line.cost_bytes = _COST_BYTES + _COST_RATIO * len(raw)
            self.held_bytes += line.cost_bytes
            self._lines[raw] = line
        return line

    def _name(self, field: bytes) -> _Name:
        if len(self._names) >= _NAMES_KEPT:
            self._names.clear()
        name = _Name(field)
        if not name.bad:
            self._names[field] = name
        return name

    def sweep(self) -> None:
        """Forget the lines that were not used since the last time."""
        kept: dict[bytes, Line] = {}
        held = 0
        for raw, line in self._lines.items():
            if line.used:
                line.used = False
                kept[raw] = line
                held += line.cost_bytes
        self._lines = kept
        self.held_bytes = held
        for name in self._names.values():
            name.kept = 0

    def clear(self) -> None:
        self._lines = {}
        self.held_bytes = 0
