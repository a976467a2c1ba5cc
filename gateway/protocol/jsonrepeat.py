"""Looks on as the rest of a JSON object passes, behind a member that was found: does its key come again?

Readers differ on which of two members counts (RFC 8259 section 4: most take the last, and Go's takes keys of any case), so what
was checked, and replaced, would not be what a provider acts on. The walk is `jsonspan`'s, but nothing that it is done with is
kept: however long the rest is, it holds a few bytes of it.
"""

import re
from typing import Final

from gateway.protocol.jsonspan import Place, SpanState, Walker, patterns_for

_KEY_BYTES: Final = 65_536
"""A longer key is nobody's, and would have to be held until its end."""
_NO_LIMIT: Final = 2**62
_ESCAPED: Final = re.compile(rb"\\u00[46][c-f45]")
"""A letter of the word in hexadecimal, in text that was made lowercase."""


def may_hold_model(rest: bytes) -> bool:
    """Whether these bytes could spell a key `model`: mostly not, and that is known in a microsecond."""
    lower = rest.lower()
    return b'model"' in lower or (b"\\u00" in lower and _ESCAPED.search(lower) is not None)


class RepeatFinder(Walker):
    """FOUND: the object ended without the key. NOT_OBJECT: the key came again, or what came is no JSON object."""

    __slots__ = ("_key", "repeated")

    def __init__(self, key: str) -> None:
        """`key` in lowercase; feed what follows the member."""
        super().__init__(patterns_for(key, any_case=True), _NO_LIMIT)
        self._key = key
        self._place = Place.MEMBERS
        self.repeated = False
        """Why it is NOT_OBJECT."""

    def feed(self, chunk: bytes) -> SpanState:
        state = super().feed(chunk)
        if state is SpanState.PENDING:
            done = min(self._position, self._mark) if self._place is Place.KEY else self._position
            del self._buffer[:done]
            self._position -= done
            self._mark -= done
            if len(self._buffer) > _KEY_BYTES:
                self._state = state = SpanState.NOT_OBJECT
        elif self._buffer:
            self._buffer = bytearray()
        return state

    def _key_read(self, name: str | None) -> None:
        self._wanted = name is not None and name.lower() == self._key

    def _wanted_begins(self, byte: int) -> bool:
        self.repeated = True
        return self._decide(SpanState.NOT_OBJECT, self._position + 1)

    def _object_ends(self) -> bool:
        return self._decide(SpanState.FOUND, self._position + 1)
