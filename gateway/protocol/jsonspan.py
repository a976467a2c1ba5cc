"""Walks through a JSON object while it arrives without parsing it; finds one top-level string and replaces it in place.

Rules of this file: a byte is looked at a small fixed number of times whatever the chunks, so nothing that was consumed is
searched again; what can be jumped over in C (strings, flat values, whole members) is; JSON is understood only as far as
needed to know where a top-level key is, so most malformed input passes here and is the provider's to refuse.
"""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_OPENERS: Final = frozenset(b"[{")
_ENDS: Final = frozenset(b",}")
_DEPTH_LIMIT: Final = 1000
"""Deeper nesting is nobody's request; parsers refuse it too."""

LONGEST: Final = 1024
"""Bytes of a key or a string that is looked for, as written: no model's name is longer, and a longer one is not decoded."""
_WINDOW_BYTES: Final = 4 * 1024
"""What one match of a step may look at. For each turn of a group `re` notes a way back: up to 150 bytes of memory for one of
input. A possessive group would not, but those are wrong before Python 3.11.5 (CPython gh-106052), Debian 12's among them."""
_DIRECT_WINDOW_BYTES: Final = 64 * 1024
"""The same for the first look at a body, which is not taken up where it ended: as much as comes in one piece."""

_STRING: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*'
_QUOTED: Final = rb'"[^"\\]*+(?:"|(?:\\.[^"\\]*+)+")'
_PLAIN: Final = rb'[^"\[\]{}]*+'
_SPACE: Final = rb"[ \t\r\n]*+"


def _inside(one: bytes) -> bytes:
    """What may stand between brackets: such values, and between them anything flat."""
    return _PLAIN + rb"(?:" + one + _PLAIN + rb")*"


def _shallow(levels: int) -> bytes:
    """An array or object with at most so many levels of nesting."""
    value = rb"[\[{]" + _inside(_QUOTED) + rb"[\]}]"
    for _ in range(levels - 1):
        value = rb"[\[{]" + _inside(rb"(?:" + _QUOTED + rb"|" + value + rb")") + rb"[\]}]"
    return value


_SHALLOW: Final = _shallow(4)
_IN_STRING: Final = re.compile(_STRING, re.DOTALL)
_TO_BRACKET: Final = re.compile(_inside(rb"(?:" + _QUOTED + rb"|" + _SHALLOW + rb")") + rb'([\[{]++|[\]}]++|"|)', re.DOTALL)
"""Group 1 is a run of brackets that the shallow values do not account for, the quote of a string without end in sight, or
nothing where the bytes or the window end."""
_IN_SCALAR: Final = re.compile(rb'[^,\]}"\[{]*+')
_BLANK: Final = re.compile(_SPACE)


class Patterns(NamedTuple):
    others: re.Pattern[bytes]
    """Whole members with any other key, up to the comma behind them, and blanks."""
    direct: re.Pattern[bytes]
    """An object's start up to the first key's string, when that has no escapes: most requests are decided by this alone."""


@lru_cache(maxsize=16)
def patterns_for(*keys: str, any_case: bool = False) -> Patterns:
    """What skips the members with other keys than these, or than these in any case (keys are lowercase then). ValueError for a
    key that is no ASCII identifier."""
    if not all(key.isidentifier() and key.isascii() for key in keys):
        raise ValueError("a key must be an ASCII identifier")
    spelt = "|".join("".join(_spelt(char, any_case) for char in key) for key in keys).encode()
    name = rb'"(?!(?:' + spelt + rb')")' + _STRING + rb'"'
    value = rb"(?:" + _QUOTED + rb'|[^ \t\r\n"\[\]{},:]++|' + _SHALLOW + rb")"
    colon = _SPACE + rb":" + _SPACE
    others = rb"[ \t\r\n,]*+(?:" + name + colon + value + _SPACE + rb",[ \t\r\n,]*+)*"
    direct = _SPACE + rb"\{" + others + rb'"' + keys[0].encode() + rb'"' + colon + rb'"([^"\\]*+)"'
    return Patterns(re.compile(others, re.DOTALL), re.compile(direct, re.DOTALL))


def _spelt(char: str, any_case: bool) -> str:
    """What a character of a key may look like in JSON."""
    chars = (char, char.upper()) if any_case else (char,)
    return "(?:" + "|".join(rf"{each}|\\u00(?i:{ord(each):02x})" for each in chars) + ")"


class SpanState(Enum):
    PENDING = auto()
    """More bytes are needed."""
    FOUND = auto()
    ABSENT = auto()
    """The object has no such member, or its value is not a string."""
    NOT_OBJECT = auto()
    """The input is no JSON object, or one that ends in the middle."""
    TOO_FAR = auto()
    """Not decided within the limit."""
    TOO_LONG = auto()
    """The string has more than LONGEST bytes."""


class Place(Enum):
    START = auto()
    MEMBERS = auto()
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    WANTED = auto()
    STRING = auto()
    NESTED = auto()
    SCALAR = auto()


class Walker:
    """Walks through one JSON object while it arrives, for up to `limit_bytes`; any chunking gives the same answer.

    Subclasses say what happens at a key, at the value of a wanted one, and at the object's end.
    """

    __slots__ = ("_buffer", "_depth", "_limit_bytes", "_mark", "_patterns", "_place", "_position", "_state", "_wanted")

    def __init__(self, patterns: Patterns, limit_bytes: int) -> None:
        self._patterns = patterns
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self._position = 0
        """Everything before it is done with."""
        self._mark = 0
        """Where the string began (behind its quote) that is being read or was found."""
        self._depth = 0
        """Open brackets within the value being skipped."""
        self._wanted = False
        """Whether the key just read is one of those."""
        self._place = Place.START
        self._state = SpanState.PENDING

    @property
    def state(self) -> SpanState:
        return self._state

    def feed(self, chunk: bytes) -> SpanState:
        """Take the next bytes; once decided they are only kept."""
        self._buffer += chunk
        if self._state is not SpanState.PENDING:
            return self._state
        if len(self._buffer) != len(chunk) or not self._found_directly():
            while self._position < len(self._buffer) and self._step():
                pass
        undecided = self._state is SpanState.PENDING and len(self._buffer) > self._limit_bytes
        if undecided or self._position > self._limit_bytes:
            self._state = SpanState.TOO_FAR
        return self._state

    def finish(self) -> SpanState:
        """The input has ended."""
        if self._state is SpanState.PENDING:
            self._state = SpanState.NOT_OBJECT
        return self._state

    # --- what subclasses say

    def _found_directly(self) -> bool:
        """Whether the first bytes alone decide."""
        return False

    def _key_read(self, name: str | None) -> None:
        """A key has ended; sets `_wanted`."""
        raise NotImplementedError

    def _wanted_begins(self, byte: int) -> bool:
        """The value of a wanted key begins at `_position` with this byte; moves on, or decides."""
        raise NotImplementedError

    def _object_ends(self) -> bool:
        """The brace behind the last member is at `_position`; likewise."""
        raise NotImplementedError

    def _string_found(self, end: int) -> bool:
        """A string that `_wanted_begins` asked for ends; likewise."""
        raise NotImplementedError

    # --- the steps

    def _decide(self, state: SpanState, position: int) -> bool:
        self._state = state
        self._position = position
        return False

    def _step(self) -> bool:
        """One token; False when decided or out of bytes."""
        match self._place:
            case Place.START:
                return self._start()
            case Place.MEMBERS:
                return self._members()
            case Place.KEY | Place.WANTED | Place.STRING:
                return self._string()
            case Place.COLON:
                return self._colon()
            case Place.VALUE:
                return self._begin_value()
            case Place.NESTED:
                return self._nested()
            case Place.SCALAR:
                return self._scalar()

    def _skip(self, pattern: re.Pattern[bytes]) -> int:
        """Move over what the pattern takes, window by window; the byte there, or -1 when the bytes run out."""
        buffer, begin = self._buffer, self._position
        while True:
            found = pattern.match(buffer, begin, begin + _WINDOW_BYTES)
            assert found is not None  # each of these patterns matches the empty string
            end = found.end()
            if end - begin < _WINDOW_BYTES - 1:  # it did not stop for the window, which may fall within an escape
                break
            begin = end
        self._position = end
        return buffer[end] if end < len(buffer) else -1

    def _start(self) -> bool:
        byte = self._skip(_BLANK)
        if byte == ord("{"):
            self._position += 1
            self._place = Place.MEMBERS
            return True
        return byte >= 0 and self._decide(SpanState.NOT_OBJECT, self._position + 1)

    def _members(self) -> bool:
        byte = self._skip(self._patterns.others)
        if byte == _QUOTE:
            self._position += 1
            self._mark = self._position
            self._place = Place.KEY
            return True
        if byte == ord("}"):
            return self._object_ends()
        return byte >= 0 and self._decide(SpanState.NOT_OBJECT, self._position + 1)

    def _string(self) -> bool:
        end = self._closing_quote()
        if self._place is Place.WANTED and max(end, self._position) - self._mark > LONGEST:
            return self._decide(SpanState.TOO_LONG, self._mark + LONGEST)
        if end < 0:
            return False
        self._position = end + 1
        if self._place is Place.WANTED:
            return self._string_found(end)
        if self._place is Place.KEY:
            self._key_read(_decoded(self._buffer[self._mark : end]) if end - self._mark <= LONGEST else None)
            self._place = Place.COLON
        else:
            self._place = Place.NESTED if self._depth else Place.MEMBERS
        return True

    def _closing_quote(self) -> int:
        """Index of the quote that ends the string, -1 when it has not come; moves on to an unescaped boundary."""
        buffer, position = self._buffer, self._position
        quote = buffer.find(b'"', position)
        if quote >= 0 and (quote == position or buffer[quote - 1] != _BACKSLASH):
            return quote
        if quote < 0 and buffer[-1] != _BACKSLASH:
            self._position = len(buffer)
            return -1
        return self._position if self._skip(_IN_STRING) == _QUOTE else -1

    def _colon(self) -> bool:
        byte = self._skip(_BLANK)
        if byte == ord(":"):
            self._position += 1
            self._place = Place.VALUE
            return True
        return byte >= 0 and self._decide(SpanState.NOT_OBJECT, self._position + 1)

    def _begin_value(self) -> bool:
        byte = self._skip(_BLANK)
        if byte < 0:
            return False
        return self._wanted_begins(byte) if self._wanted else self._skip_value(byte)

    def _skip_value(self, byte: int) -> bool:
        if byte == _QUOTE:
            self._position += 1
            self._mark = self._position
            self._place = Place.STRING
        elif byte in _OPENERS:
            self._position += 1
            self._depth = 1
            self._place = Place.NESTED
        else:
            self._place = Place.SCALAR
        return True

    def _nested(self) -> bool:
        """The loop over brackets: all state in locals, because hostile bodies consist of nothing else."""
        buffer, position, depth = self._buffer, self._position, self._depth
        while position < len(buffer):
            found = _TO_BRACKET.match(buffer, position, position + _WINDOW_BYTES)
            assert found is not None  # it matches the empty string
            begin, position = found.span(1)
            if begin == position:
                continue
            byte = buffer[begin]
            if byte in _OPENERS:
                depth += position - begin
                if depth > _DEPTH_LIMIT:
                    return self._decide(SpanState.NOT_OBJECT, position - depth + _DEPTH_LIMIT + 1)
                continue
            if byte == _QUOTE:
                self._place = Place.STRING
                break
            depth -= position - begin
            if depth <= 0:
                position += depth
                depth = 0
                self._place = Place.MEMBERS
                break
        self._position, self._depth = position, depth
        return self._place is not Place.NESTED

    def _scalar(self) -> bool:
        byte = self._skip(_IN_SCALAR)
        if byte in _ENDS:
            self._place = Place.MEMBERS
            return True
        return byte >= 0 and self._decide(SpanState.NOT_OBJECT, self._position + 1)


class StringFinder(Walker):
    """Looks for the string of the first top-level member `key`, and decides as soon as it is whole."""

    __slots__ = ("_key", "_value")

    def __init__(self, key: str, limit_bytes: int) -> None:
        super().__init__(patterns_for(key), limit_bytes)
        self._key = key
        self._value = ""

    @property
    def value(self) -> str:
        """The string, decoded; empty unless FOUND."""
        return self._value if self._state is SpanState.FOUND else ""

    @property
    def buffer(self) -> bytes:
        """All bytes fed so far (a copy)."""
        return bytes(self._buffer)

    @property
    def following(self) -> bytes:
        """What came behind the found string (a copy)."""
        with memoryview(self._buffer) as view:
            return bytes(view[self._position :])

    def spliced(self, new: str) -> bytes:
        """All bytes fed so far with the found string replaced, every other byte as it came. ValueError unless FOUND."""
        if self._state is not SpanState.FOUND:
            raise ValueError("no string was found")
        text = orjson.dumps(new)
        with memoryview(self._buffer) as view:
            return b"".join((view[: self._mark - 1], text, view[self._position :]))

    def _found_directly(self) -> bool:
        found = self._patterns.direct.match(self._buffer, 0, _DIRECT_WINDOW_BYTES)
        if found is None:
            return False
        self._mark, end = found.span(1)
        if end - self._mark > LONGEST:
            self._decide(SpanState.TOO_LONG, self._mark + LONGEST)
        else:
            self._string_found(end)
        return True

    def _key_read(self, name: str | None) -> None:
        self._wanted = name == self._key

    def _wanted_begins(self, byte: int) -> bool:
        if byte != _QUOTE:
            return self._decide(SpanState.ABSENT, self._position + 1)
        self._position += 1
        self._mark = self._position
        self._place = Place.WANTED
        return True

    def _object_ends(self) -> bool:
        return self._decide(SpanState.ABSENT, self._position + 1)

    def _string_found(self, end: int) -> bool:
        value = _decoded(self._buffer[self._mark : end])
        if value is None:
            return self._decide(SpanState.NOT_OBJECT, end + 1)
        self._value = value
        return self._decide(SpanState.FOUND, end + 1)


def _decoded(raw: bytearray) -> str | None:
    """What stands between two quotes; None when it is no JSON string."""
    try:
        text = orjson.loads(b'"' + raw + b'"')
    except orjson.JSONDecodeError:
        return None
    assert isinstance(text, str)
    return text
