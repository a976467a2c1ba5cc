"""Where the raw bytes of an event stream may tell of tokens or of an error: a search for words, before anything is parsed.

The lines of one event's data need not be joined for it: no word stands across them.
"""

import re
from typing import Final

_TOLD: Final = re.compile(rb'"(?:usage(?:Metadata)?"|meta"|errors?"|ERROR)(?!\s*+:\s*+null)')
"""All begin with the same byte: ten times as fast as what may begin with one of two."""
_ERROR_LINES: Final = (b"event: error", b"event:error")
_DATA: Final = re.compile(rb"(?<![^\r\n\xbf])(?:data|event: ?error)")
"""At the beginning of a line, or behind a byte order mark."""


class Telling:
    """One reader's search: the first event with data is always wanted, because it names the model."""

    __slots__ = ("_meta", "opened")

    def __init__(self, meta: bool) -> None:
        self._meta = meta
        """Whether counts may stand in an object called `meta`, and an error in capitals: Cohere's."""
        self.opened = False
        """Whether the first event has passed."""

    def may_tell(self, data: bytes | bytearray, begin: int, end: int) -> bool:
        """Whether a usage object or an error may be there; `"usage":null`, which some send with each event, is none."""
        # `find` takes two thirds of what `in` takes
        error = data.find(b"error", begin, end) >= 0
        told = error or data.find(b'"usage', begin, end) >= 0
        if not told and self._meta:
            told = data.find(b'"meta"', begin, end) >= 0 or data.find(b"ERROR", begin, end) >= 0
        if not told:
            return False
        return _TOLD.search(data, begin, end) is not None or (error and _error_line(data, begin, end) >= 0)

    def first(self, data: bytearray, begin: int, end: int) -> int:
        """Where something wanted stands, -1 where nothing is."""
        found = (_TOLD if self.opened else _DATA).search(data, begin, end)
        if not self.opened:
            return -1 if found is None else found.start()
        line = _error_line(data, begin, end if found is None else found.start())
        return line if line >= 0 or found is None else found.start()

    def last(self, data: bytearray, begin: int, end: int) -> int:
        at = -1
        for found in (_TOLD if self.opened else _DATA).finditer(data, begin, end):
            at = found.start()
        return max(at, *(data.rfind(line, begin, end) for line in _ERROR_LINES)) if self.opened else at


def _error_line(data: bytes | bytearray, begin: int, end: int) -> int:
    """Where an event may be called an error; text may say so too."""
    spaced, close = data.find(_ERROR_LINES[0], begin, end), data.find(_ERROR_LINES[1], begin, end)
    return max(spaced, close) if spaced < 0 or close < 0 else min(spaced, close)
