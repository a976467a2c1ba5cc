"""Where a response body goes: framed for the client, shown to the tap, in as few writes as it came in pieces."""

from collections.abc import Callable
from time import perf_counter
from typing import Final

from gateway.edge.downstream import Downstream
from gateway.edge.taps.sample import Sample
from gateway.edge.taps.usage import UsageTap
from gateway.model.targets import Dialect
from gateway.protocol.cut_events import BOUNDARY_BYTES, cut_event
from gateway.protocol.sse import like_events

_LAST_CHUNK: Final = b"0\r\n\r\n"
_BLANK: Final = b"\n\n"
_OPENING: Final = 0x7B
_LEAD_BYTES: Final = 128
_TIMED: Final = 16
"""One event of so many is timed: enough to know, too few to cost."""


class Delivery:
    """The sink of one response (upstream.port.Sink). The head waits for the first piece: a small answer is one write."""

    __slots__ = (
        "_chunked", "_delay", "_downstream", "_end", "_head", "_prefix", "_sample", "_start", "_suffix", "_tap",
        "_timeout_s", "events", "sent_bytes", "streamed",
    )  # fmt: skip

    def __init__(
        self, downstream: Downstream, head: bytes, tap: UsageTap | None, timeout_s: float, *, chunked: bool, streamed: bool
    ) -> None:
        self._downstream = downstream
        self._head = head
        self._chunked = chunked
        self._tap = tap
        self._delay: Callable[[float], object] | None = None
        self._timeout_s = timeout_s
        self._prefix = b""
        self._suffix = b""
        self._sample: Sample | None = None
        self.streamed = streamed
        """Whether events pass: said by the media type, or seen by how the body begins."""
        self._start: bytes | None = None
        """What has come of a body that may turn out to be a stream; None when that is known."""
        self._end = _BLANK
        self.sent_bytes = 0
        self.events = 0
        """Of an event stream: the blank lines that passed."""

    def wrap(self, prefix: bytes, suffix: bytes) -> None:
        """Put the body between these (the v4 envelope of `/ai/run`)."""
        self._prefix, self._suffix = prefix, suffix

    def keep(self, sample: Sample | None) -> None:
        """Show the body to this one too."""
        self._sample = sample

    def look(self) -> None:
        """See by how the body begins whether it is a stream of events."""
        self._start = b""

    def time(self, delay: Callable[[float], object]) -> None:
        """Tell this one the seconds from an event's arrival to its write."""
        self._delay = delay

    def take(self, payload: bytes, frame: bytes | None, done: bool) -> bool:
        if self._delay is None or self.events % _TIMED:
            return self._passed(payload, frame, done)
        began = perf_counter()
        full = self._passed(payload, frame, done)
        self._delay(perf_counter() - began)
        return full

    def _passed(self, payload: bytes, frame: bytes | None, done: bool) -> bool:
        if payload:
            if self._tap is not None:
                self._tap.feed(payload)
            if self._sample is not None:
                self._sample.feed(payload)
        if self.streamed:
            self._count_events(payload)
        elif self._start is not None and payload:
            self._see(payload)
        if self._suffix:
            payload, frame = self._wrapped(payload, done), None
        self.sent_bytes += len(payload)
        if not self._chunked:
            out = payload
        elif frame is not None:
            out = frame
        else:
            out = b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""
            if done:
                out += _LAST_CHUNK
        if self._head:
            out = self._head + out
            self._head = b""
        downstream = self._downstream
        transport = downstream.transport
        if transport is None or transport.is_closing() or not out:
            return False  # a client that is gone cancels the request; no need to fail here too
        transport.write(out)
        return downstream.writing_paused

    async def drained(self) -> None:
        await self._downstream.drained(self._timeout_s)

    def cut_short(self, dialect: Dialect, path: str) -> None:
        """The provider is gone in the midst of an event stream: tell the client why, in a form its SDK raises, before the cut.
        Only in chunks is there room for words of our own."""
        event = cut_event(dialect, path, tail=self._end, events=self.events) if self.streamed and self._chunked else b""
        if event:
            self._downstream.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.sent_bytes += len(event)

    def _see(self, payload: bytes) -> None:
        start = self._start
        assert start is not None
        if not start and payload[0] == _OPENING:
            self._start = None
            return
        start += payload
        like = like_events(start[:_LEAD_BYTES])
        self._start = start if like is None else None
        if like:
            self.streamed = True
            self._count_events(start)

    def _count_events(self, payload: bytes) -> None:
        """Blank lines end events (HTML standard section 9.2.6); one may be shared by two pieces."""
        end = self._end
        if payload.endswith(_BLANK) and end is _BLANK:  # whole events, as they nearly always come
            self.events += payload.count(_BLANK)
            return
        joined = end[-3:] + payload
        self.events += payload.count(b"\n\n") + joined.count(b"\r\n\r\n")
        if end is not _BLANK and payload.startswith(b"\n") and end.endswith(b"\n"):
            self.events += 1
        self._end = _BLANK if joined.endswith(_BLANK) else joined[-BOUNDARY_BYTES:]

    def _wrapped(self, payload: bytes, done: bool) -> bytes:
        payload = self._prefix + payload
        self._prefix = b""
        return payload + self._suffix if done else payload
