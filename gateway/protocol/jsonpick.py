"""Picks wanted members out of JSON of any length while it passes; everything else is passed over and forgotten.

A tree says what is wanted: a name with None is taken as it is, one with a tree is looked into. Of an array only the first
element is. Several texts may follow one another, as lines or within one array: each object is told by itself. Text that is no
JSON picks nothing. What is held is one key or one wanted value, of at most LONGEST bytes. Text that is little but brackets and
commas costs a hundred times what other text does: once it took more steps than its bytes allow, nothing more is picked, but of
several texts the last ones are parsed at the end. Providers tell sums, so those are enough.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from itertools import accumulate
from typing import Any, Final

import orjson

LONGEST: Final = 16_384
_WINDOW_BYTES: Final = 16_384
"""So many are looked at at once, at most."""
_FIRST_BYTES: Final = 64
_STEPS: Final = 4_000
"""So many tokens are looked at whatever the bytes; a step takes about a microsecond."""
_STEPS_OF_TEXTS: Final = 2_000
"""And so many, until no further text is begun: the rest is for the one that has."""
_BYTES_PER_STEP: Final = 32
"""And one more for so many bytes. Of the answers there are, arrays of small documents have most: one for 8 to 30 bytes."""
_LAST_TEXTS: Final = 4
_STEPS_TO_AN_END: Final = 8
"""What finding the end of a value that is passed over costs."""
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_IN_SCALAR: Final = re.compile(rb'[^,\]}"\[{]*')
_NO_BRACKETS: Final = bytes(sorted({*range(256)} - {*b"[{]}"}))
_CHANGE: Final = [1 if byte in b"[{" else -1 for byte in range(256)]
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_OPENERS: Final = frozenset(b"[{")
_BETWEEN: Final = frozenset(b",[]")
_SCALARS: Final = frozenset(b"-0123456789tfn")

Tree = Mapping[str, Any]
"""Name → None, or another Tree."""


class _Place(Enum):
    TEXT = auto()
    """Between two texts."""
    MEMBER = auto()
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    STRING = auto()
    NESTED = auto()
    SCALAR = auto()
    ELEMENT = auto()
    """Before the first of an array that is looked into."""
    TAIL = auto()
    """Nothing more is picked out of these texts; the last bytes are kept."""
    LOST = auto()
    """This is no JSON."""


class _Level:
    """An object that is looked into."""

    __slots__ = ("found", "in_array", "key", "tree")

    def __init__(self, tree: Tree, in_array: bool) -> None:
        self.tree = tree
        self.in_array = in_array
        self.found: dict[str, Any] = {}
        self.key = ""


class Picker:
    """Any chunking picks the same."""

    __slots__ = (
        "_buffer",
        "_depth",
        "_levels",
        "_mark",
        "_passed",
        "_place",
        "_position",
        "_steps",
        "_stride",
        "_told",
        "_tree",
        "gave_up",
    )

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._buffer = bytearray()
        self._position = 0
        """Everything before it is done with."""
        self._mark = -1
        """Where the wanted value or the key began that is being read."""
        self._depth = 0
        """Open brackets within the value that is passed over."""
        self._stride = _FIRST_BYTES
        """So many bytes are tried at once."""
        self._passed = 0
        """Bytes that came before the buffer."""
        self._steps = 0
        """Tokens that were looked at one by one."""
        self._levels: list[_Level] = []
        self._place = _Place.TEXT
        self._told: list[dict[str, Any]] = []
        self.gave_up = False
        """Whether something was not looked at because it would have cost too much."""

    def restart(self) -> None:
        """Forget what has not ended; what comes has nothing to do with it. The bytes and steps so far go on counting."""
        self._passed += len(self._buffer)
        self._buffer.clear()
        self._position = self._depth = 0
        self._mark = -1
        self._levels.clear()
        self._place = _Place.TEXT

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """What was picked out of each object that ends in this chunk."""
        if self._place is _Place.LOST:
            self._passed += len(chunk)
            return []
        self._buffer += chunk
        while self._position < len(self._buffer) and self._step():
            if not self._depth:  # else it was passed over many at a time
                self._steps += 1
                self._spare()
        self._forget()
        told, self._told = self._told, []
        return told

    def _spare(self) -> None:
        """Give up if there were too many steps for the bytes."""
        over = self._steps - (self._passed + self._position) // _BYTES_PER_STEP
        if over > _STEPS:
            self.gave_up = True
            self._lose()
        elif over > _STEPS_OF_TEXTS and self._place is _Place.TEXT:
            self.gave_up = True
            self._place = _Place.TAIL

    def last(self) -> list[dict[str, Any]]:
        """Of several texts, the last ones, whole, if they were not picked from."""
        return _last_objects(self._buffer) if self._place is _Place.TAIL else []

    def rest(self) -> dict[str, Any] | None:
        """Of an object that has not ended."""
        if self._place is _Place.LOST or not self._levels:
            return None
        while self._levels:
            self._pop()
        return self._told.pop()

    def _forget(self) -> None:
        if self._place is _Place.TAIL:
            self._position = len(self._buffer)
            self._mark = max(0, self._position - LONGEST)
        keep = self._position if self._mark < 0 else self._mark
        if len(self._buffer) - keep > LONGEST:
            if self._place is _Place.KEY:
                self._lose()
            self._mark = -1
            keep = self._position
        del self._buffer[:keep]
        self._passed += keep
        self._position -= keep
        if self._mark >= 0:
            self._mark -= keep

    def _step(self) -> bool:
        """One token; False when more bytes are wanted."""
        place = self._place
        if place is _Place.NESTED:
            return self._nested()
        if place is _Place.KEY or place is _Place.STRING:
            return self._string()
        if place is _Place.SCALAR:
            return self._skip(_IN_SCALAR) >= 0 and self._ended(self._position)
        byte = self._skip(_BLANK)
        if byte < 0 or place is _Place.TAIL or place is _Place.LOST:
            return False
        if place is _Place.MEMBER:
            return self._member(byte)
        if place is _Place.COLON:
            return self._take(_Place.VALUE) if byte == ord(":") else self._lose()
        if place is _Place.VALUE:
            return self._value(byte)
        if place is _Place.ELEMENT:
            return self._element(byte)
        return self._text(byte)

    def _skip(self, pattern: re.Pattern[bytes]) -> int:
        """Move over what the pattern takes; the byte there, or -1 when the bytes run out."""
        found = pattern.match(self._buffer, self._position)
        assert found is not None  # each of these patterns matches the empty string
        end = self._position = found.end()
        return self._buffer[end] if end < len(self._buffer) else -1

    def _take(self, place: _Place) -> bool:
        self._position += 1
        self._place = place
        return True

    def _lose(self) -> bool:
        self._place = _Place.LOST
        self._position = len(self._buffer)
        self._mark = -1
        return False

    def _text(self, byte: int) -> bool:
        if byte == ord("{"):
            self._levels.append(_Level(self._tree, False))
            return self._take(_Place.MEMBER)
        return self._take(_Place.TEXT) if byte in _BETWEEN else self._lose()

    def _member(self, byte: int) -> bool:
        if byte == _QUOTE:
            self._mark = self._position
            return self._take(_Place.KEY)
        if byte == ord("}"):
            self._position += 1
            self._pop()
            return True
        return self._take(_Place.MEMBER) if byte == ord(",") else self._lose()

    def _pop(self) -> None:
        level = self._levels.pop()
        if not self._levels:
            self._told.append(level.found)
            self._place = _Place.TEXT
            return
        above = self._levels[-1]
        above.found[above.key] = [level.found] if level.in_array else level.found
        self._depth = int(level.in_array)  # the rest of the array is passed over
        self._place = _Place.NESTED if level.in_array else _Place.MEMBER

    def _value(self, byte: int) -> bool:
        level = self._levels[-1]
        wanted = level.tree.get(level.key, False)
        if wanted is None:
            self._mark = self._position
        elif wanted is not False:
            if byte == ord("{"):
                self._levels.append(_Level(wanted, False))
                return self._take(_Place.MEMBER)
            if byte == ord("["):
                return self._take(_Place.ELEMENT)
        return self._over(byte)

    def _over(self, byte: int) -> bool:
        if byte == _QUOTE:
            return self._take(_Place.STRING)
        if byte in _OPENERS:
            self._depth = 1
            return self._take(_Place.NESTED)
        self._place = _Place.SCALAR
        return True if byte in _SCALARS else self._lose()

    def _element(self, byte: int) -> bool:
        level = self._levels[-1]
        if byte == ord("{"):
            self._levels.append(_Level(level.tree[level.key], True))
            return self._take(_Place.MEMBER)
        level.found[level.key] = []
        self._depth = 1
        self._place = _Place.NESTED
        return True

    def _string(self) -> bool:
        end = self._closing_quote()
        if end < 0:
            return False
        self._position = end + 1
        if self._place is _Place.STRING and self._depth:
            self._place = _Place.NESTED
            return True
        if self._place is _Place.STRING:
            return self._ended(end + 1)
        key = _loaded(self._buffer[self._mark : end + 1])
        if not isinstance(key, str) or end - self._mark >= LONGEST:
            return self._lose()
        self._mark = -1
        self._levels[-1].key = key
        self._place = _Place.COLON
        return True

    def _closing_quote(self) -> int:
        """Index of the quote that ends the string, -1 when it has not come; moves on to an unescaped boundary."""
        buffer = self._buffer
        while self._position < len(buffer):
            quote = buffer.find(b'"', self._position)
            if quote >= 0 and (quote == self._position or buffer[quote - 1] != _BACKSLASH):
                return quote
            if quote < 0 and buffer[-1] != _BACKSLASH:
                self._position = len(buffer)
                return -1
            window = _unescaped(buffer[self._position : self._position + _WINDOW_BYTES])
            quote = window.find(b'"')
            if quote >= 0:
                return self._position + quote
            passed = len(window) - window.endswith(b"\\")  # half an escape waits
            if not passed:
                return -1
            self._position += passed
        return -1

    def _nested(self) -> bool:
        """Pass over ever more at once, as long as the value cannot end there; then ever less, until its end is found."""
        while self._place is _Place.NESTED:
            size = min(self._stride, len(self._buffer) - self._position)
            if not size:
                return False
            if self._hop(size):
                self._stride = min(2 * size, _WINDOW_BYTES)
            elif size > 1:
                self._stride = size // 2
            elif self._buffer[self._position] == _BACKSLASH:
                return self._position + 1 < len(self._buffer) and self._lose()
            else:
                self._depth = 0
                self._steps += _STEPS_TO_AN_END
                self._position += 1  # the bracket that ends it
                return self._ended(self._position)
        return self._place is not _Place.LOST

    def _hop(self, size: int) -> bool:
        """Pass over so many bytes, unless the value may end among them."""
        window = _unescaped(self._buffer[self._position : self._position + size])
        if window.endswith(b"\\"):
            window = window[:-1]
        if not window:
            return False
        parts = window.split(b'"')
        outside = b"".join(parts[::2])
        depths = list(accumulate(map(_CHANGE.__getitem__, outside.translate(None, _NO_BRACKETS))))
        if depths and self._depth + min(depths) <= 0:
            return False
        if b"\\" in outside:
            self._lose()
            return True
        self._depth += depths[-1] if depths else 0
        self._position += len(window)
        if not len(parts) % 2:
            self._place = _Place.STRING
        return True

    def _ended(self, end: int) -> bool:
        """A value of the object that is looked into ends here."""
        if self._mark >= 0:
            level = self._levels[-1]
            if end - self._mark <= LONGEST and (value := _loaded(self._buffer[self._mark : end])) is not None:
                level.found[level.key] = value
            self._mark = -1
        self._place = _Place.MEMBER
        return True


def _unescaped(window: bytearray) -> bytearray:
    """As long as it was, without escapes that would hide where a string ends; half of one stands at the end."""
    return window.replace(b"\\\\", b"\\_").replace(b'\\"', b"\\_")


def _loaded(raw: bytearray) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _last_objects(tail: bytearray) -> list[dict[str, Any]]:
    """The last ones that are whole in the end of a text: of an array, or of lines."""
    bare = _unescaped(tail)  # what is wrong about a beginning within an escape ends with that string
    end = len(bare.rstrip(b" \t\r\n]"))
    found: list[dict[str, Any]] = []
    depth, inside = 0, False
    for at in range(end - 1, -1, -1):
        byte = bare[at]
        if byte == _QUOTE:
            inside = not inside
        elif not inside and byte in b"]}":
            end = end if depth else at + 1
            depth += 1
        elif not inside and byte in _OPENERS:
            depth -= 1
            document = None if depth else _loaded(tail[at:end])
            if isinstance(document, dict):
                found.append(document)
            if depth < 0 or len(found) == _LAST_TEXTS:
                break
    return found[::-1]
