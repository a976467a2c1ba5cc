"""Splits a server-sent event stream into the data of its events (WHATWG HTML section 9.2), however the bytes arrive."""

import re
from typing import Final, Protocol

from gateway.protocol.telling import Telling

_CR: Final = 13
_LF: Final = 10
_BLANK_LINE: Final = re.compile(rb"(?:\n|\r\n?+)(?:\n|\r\n?+)[\r\n]*+")
"""With those behind it: an answer of nothing else is passed over as quickly as any."""
_LINE_ENDS: Final = re.compile(rb"[\r\n]*+")
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_SLACK: Final = 8
"""Room for what is held beside the event: its line end, a byte order mark."""
_BOM: Final = b"\xef\xbb\xbf"
_DATA: Final = re.compile(rb"(?:\A|[\r\n])data: ?")
_FIELDS: Final = (b"data:", b"event:", b":", b"id:", b"retry:")
_LONGEST_LEAD: Final = 64
"""Blank lines before the first event; behind more of them nobody looks."""
_ERROR_LINES: Final = (b"event: error", b"event:error")
_EVENTS: Final = 64
"""So many events are told whatever the bytes."""
_BYTES_PER_EVENT: Final = 512
"""And one more for so many bytes. Events with counts have 70 to 400."""


def like_events(start: bytes) -> bool | None:
    """Whether what begins so is a stream of events, whatever its media type says; None where more has to be seen."""
    if len(start) < len(_BOM) and _BOM.startswith(start):
        return None
    lead = start.removeprefix(_BOM).lstrip(b"\r\n")
    if lead.startswith(_FIELDS):
        return True
    if len(start) - len(lead) < _LONGEST_LEAD and any(field.startswith(lead) for field in _FIELDS):
        return None
    return False


BEYOND: Final = b"beyond"
"""This very object stands among the events for one whose data went beyond."""


class Beyond(Protocol):
    """Is fed the data of an event that is over the limit, as it comes."""

    def feed(self, chunk: bytes) -> None: ...

    def end(self) -> None: ...


class EventSplitter:
    """Holds at most one unfinished event, and of that no more than about `limit_bytes`.

    An event over the limit counts in `oversized`; its data goes to `beyond` in raw pieces, if there is one, or nowhere. The
    next event is read as usual. With a `telling`, only events are told in which it finds something, and so many of them as
    their bytes allow: of the others that lie between two of those, the last waits until the end. Providers tell sums, so
    the last one is enough. The answer does not depend on how the stream is cut into chunks.
    """

    __slots__ = (
        "_after_cr",
        "_begun",
        "_beyond",
        "_bytes_per_event",
        "_held",
        "_limit_bytes",
        "_overrun",
        "_seen",
        "_telling",
        "_unheard",
        "_waiting",
        "_waiting_failed",
        "failed",
        "oversized",
        "steps",
    )

    def __init__(self, limit_bytes: int, beyond: Beyond | None = None, telling: Telling | None = None) -> None:
        self.oversized = 0
        """Events that were over the limit."""
        self.failed = False
        """Whether an event was called `error`, among those that were told."""
        self.steps = 0
        """Events that were told."""
        self._limit_bytes = limit_bytes
        self._bytes_per_event = min(_BYTES_PER_EVENT, limit_bytes)  # so none that is over the limit is jumped
        self._beyond = beyond
        self._telling = telling
        self._held = bytearray()
        self._seen = 0
        """Bytes of the stream so far."""
        self._waiting: list[bytes] = []
        """The last event that was found and not told, if none was told behind it; empty where it has no data."""
        self._waiting_failed = False
        """Whether it was called `error`."""
        self._overrun = False
        """Whether the beginning of this event is gone already."""
        self._unheard = False
        """Whether no data was found where this event began."""
        self._after_cr = False
        self._begun = False

    @property
    def clean(self) -> bool:
        """Whether the stream stands between two events."""
        return not self._held and not self._after_cr

    def pass_over(self, count: int) -> None:
        """So many bytes of whole events, in which nothing is wanted, are not fed."""
        self._seen += count

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that this chunk completes; events without data are left out."""
        self._seen += len(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == _LF:
                chunk = chunk[1:]
        if not self._held and not self._overrun:  # empty lines before an event say nothing
            said = chunk.lstrip(b"\r\n")
            self._begun = self._begun or len(said) < len(chunk)
            chunk = said
        look = max(0, len(self._held) - 1)  # it may end the last line of the event
        self._held += chunk
        events: list[bytes] = []
        end = self._each(look, events) if self._telling is None else self._wanted(self._telling, look, events)
        if end:
            self._after_cr = end == len(self._held) and self._held[-1] == _CR
            del self._held[:end]
        self._trim()
        return events

    def _each(self, look: int, events: list[bytes]) -> int:
        """Close every event that is complete; where the next one begins."""
        begin = 0
        while (blank := _BLANK_LINE.search(self._held, look)) is not None:
            self._close(begin, blank.start(), events)
            begin = look = blank.end()
        return begin

    def _wanted(self, telling: Telling, look: int, events: list[bytes]) -> int:
        """Close those in which something is found, as far as their bytes allow; where the next one begins."""
        held = self._held
        last = _last_blank(held, look, len(held))
        if last < 0:
            return 0
        begin, offset = 0, self._seen - len(held)
        while True:
            free = (self.steps - _EVENTS + 1) * self._bytes_per_event - offset  # what begins here or behind may be told
            if self._overrun:
                found = begin
            elif begin < free:
                found = telling.last(held, begin, min(free, last))
                found = found if found >= 0 else telling.first(held, begin, last)
            else:
                found = telling.first(held, begin, last)
            if found < 0:
                break
            start = begin if (before := _last_blank(held, max(begin, look), found)) < 0 else _beyond_blank(held, before)
            blank = _BLANK_LINE.search(held, max(found, look))
            assert blank is not None  # there is one at `last`
            self._begun = self._begun or start > 0  # a byte order mark is one before the first event alone
            self._tell(telling, start, blank.start(), start >= free, events)
            begin = look = blank.end()
        self._begun = True
        return _beyond_blank(held, last)

    def _tell(self, telling: Telling, begin: int, end: int, allowed: bool, events: list[bytes]) -> None:
        """This event, or keep it waiting."""
        told: list[bytes] = []
        oversized, failed = self.oversized, self.failed
        self._close(begin, end, told)
        if self.oversized == oversized:  # else it was passed on already
            if not allowed:
                self._waiting, self._waiting_failed, self.failed = told, self.failed and not failed, failed
                return
            self.steps += 1
            self._waiting, self._waiting_failed = [], False
        if told:
            telling.opened = True
            events += told

    def finish(self) -> list[bytes]:
        """The stream has ended: the event that waits, and data of one that no blank line closed. A browser would drop it."""
        events, self._waiting = self._waiting, []
        self.failed = self.failed or self._waiting_failed
        end = len(self._held)
        if self._held.endswith((b"\n", b"\r")):
            end -= 1
        self._close(0, end, events)
        self._held.clear()
        return events

    def _close(self, begin: int, end: int, events: list[bytes]) -> None:
        held = self._held
        if end > begin and held[end - 1] == _CR and held[end : end + 1] == b"\n":
            end -= 1  # the search began within a CRLF
        block = bytes(held[begin:end])
        if not self._begun:
            self._begun = True
            block = block.removeprefix(_BOM)
        if self._overrun or len(block) > self._limit_bytes:
            self._pass_on(block)
            if self._beyond is not None and not self._unheard:
                self._beyond.end()
                events.append(BEYOND)
            self._overrun = self._unheard = False
            self.oversized += 1
        elif (data := self._data(block)) is not None:
            events.append(data)

    def _trim(self) -> None:
        if len(self._held) > self._limit_bytes + _SLACK:
            surplus = len(self._held) - _SLACK
            block = bytes(self._held[:surplus])
            self._pass_on(block if self._begun else block.removeprefix(_BOM))
            self._begun = self._overrun = True
            del self._held[:surplus]

    def _pass_on(self, piece: bytes) -> None:
        if self._beyond is None or self._unheard:
            return
        if not self._overrun:
            found = _DATA.search(piece, 0, self._limit_bytes)
            if found is None:
                self._unheard = True
                return
            piece = piece[found.end() :]
        self._beyond.feed(piece)

    def _data(self, block: bytes) -> bytes | None:
        if block.startswith(b"data:") and b"\n" not in block and b"\r" not in block:
            return _value(block)
        data = []
        for line in _LINE_END.split(block):
            if line.startswith(b"data:") or line == b"data":
                data.append(_value(line))
            elif line.startswith(_ERROR_LINES):
                self.failed = True
        return b"\n".join(data) if data else None


def _last_blank(held: bytearray, begin: int, end: int) -> int:
    """Where the last two line ends without anything between them stand, -1 where there are none."""
    if held.find(b"\r", begin, end) < 0:
        return held.rfind(b"\n\n", begin, end)
    return max(held.rfind(b"\n\n", begin, end), held.rfind(b"\n\r", begin, end), held.rfind(b"\r\r", begin, end))


def _beyond_blank(held: bytearray, at: int) -> int:
    run = _LINE_ENDS.match(held, at)
    assert run is not None  # it matches the empty string
    return run.end()


def _value(line: bytes) -> bytes:
    return line[6:] if line[5:6] == b" " else line[5:]
