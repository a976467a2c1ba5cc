"""Reads the tokens a provider reports, and whether it failed, out of its answer while the bytes pass by.

Where counts stand and how they are merged: protocol/usage_table.py; what they mean: protocol/counts.py. What is no bigger than
the limit is parsed; out of what is bigger the wanted members are picked (protocol/jsonpick.py), wherever they stand.
"""

from collections.abc import Iterable
from typing import Any, Final, Protocol

import orjson

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.model.targets import Dialect
from gateway.protocol.answers import MESSAGES, WANTED, figures_of, is_final, model_of, tells_error
from gateway.protocol.counts import largest, of_chat
from gateway.protocol.jsonpick import Picker
from gateway.protocol.sse import BEYOND, EventSplitter, like_events
from gateway.protocol.telling import Telling

_OPENING: Final = 0x7B
_LEAD_BYTES: Final = 128


class UsageReader(Protocol):
    """Fed every chunk of an answer's body; never raises, never alters, holds at most about twice its limit."""

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream of events."""

    @property
    def failed(self) -> bool:
        """Whether the answer told of an error, as far as it was read; certain behind `finish`."""

    def feed(self, chunk: bytes) -> None: ...

    def finish(self, whole: bool) -> Usage:
        """What was read; `whole` says whether the answer came to its proper end."""


def usage_reader(dialect: Dialect, *, streamed: bool, limit_bytes: int = 65536) -> UsageReader:
    """`streamed` is what the media type says; how the body begins has the last word. Dialect.NONE reads nothing."""
    if dialect is Dialect.NONE:
        return _Nothing()
    return _Events(dialect, limit_bytes) if streamed else _Body(dialect, limit_bytes)


class _Nothing:
    """A dialect without token counts."""

    streamed = False
    failed = False

    def feed(self, chunk: bytes) -> None:
        pass

    def finish(self, whole: bool) -> Usage:
        return UNKNOWN_USAGE


class _Told:
    """What the documents of one answer have told so far."""

    __slots__ = ("apart", "failed", "final", "model", "provisional", "usage")

    def __init__(self, dialect: Dialect) -> None:
        self.apart = dialect is Dialect.ANTHROPIC
        self.failed = False
        self.final = False
        """Whether no later event can have other figures."""
        self.model = ""
        self.provisional = True
        """Whether all figures are of Anthropic's message_start, where the output is a placeholder."""
        self.usage: Usage | None = None

    def take(self, document: dict[str, Any]) -> None:
        """A whole answer, or one of several documents in it."""
        if not self.model:
            self.model = model_of(document)
        if not self.failed:
            self.failed = tells_error(document)
        apart = self.apart or document.get("type") in MESSAGES
        usage = document.get("usage")
        figures = of_chat(usage) if type(usage) is dict and not apart else None
        if figures is None or not figures.tokens_in:
            figures = figures_of(document, apart)
        if figures is not None:
            self.usage = figures if self.usage is None else largest(self.usage, figures)

    def take_event(self, document: dict[str, Any]) -> None:
        before = self.usage
        self.take(document)
        if self.usage is not before:
            self.final = self.final or is_final(document)
            self.provisional = self.provisional and document.get("type") == "message_start"

    def result(self, whole: bool) -> Usage:
        found = self.usage
        if found is None:
            return Usage(model=self.model)
        exact = "exact" if self.final or (whole and not self.failed) else "partial"
        tokens_in, tokens_out, cached, reasoning, _, _, written = found
        return Usage(tokens_in, tokens_out, cached, reasoning, self.model, exact, written)


class _Long:
    """Picks what is wanted out of events that are over the limit."""

    def __init__(self) -> None:
        self._picker = Picker(WANTED)
        self._picked: list[dict[str, Any]] = []
        self._ended: list[list[dict[str, Any]]] = []

    def feed(self, chunk: bytes) -> None:
        self._picked += self._picker.feed(chunk)

    def end(self) -> None:
        self._ended.append(self._picked)
        self._picker.restart()
        self._picked = []

    def taken(self) -> list[dict[str, Any]]:
        """Of the next event."""
        return self._ended.pop(0)


class _Events:
    """Only the first event and those that may tell something are parsed, as far as their bytes allow; others cost a search
    for a word."""

    __slots__ = ("_body", "_dialect", "_limit_bytes", "_long", "_opened", "_splitter", "_start", "_telling", "_told")

    def __init__(self, dialect: Dialect, limit_bytes: int) -> None:
        self._dialect = dialect
        self._limit_bytes = limit_bytes
        self._told = _Told(dialect)
        self._long = _Long()
        self._telling = Telling(meta=dialect is Dialect.COHERE)
        self._splitter = EventSplitter(limit_bytes, self._long, self._telling)
        self._opened = False
        """Whether the first event, which names the model, has passed."""
        self._start: bytes | None = b""
        """What has come, as long as that is too little to tell what it is; None from then on."""
        self._body: _Body | None = None
        """Reads what is no stream, whatever its media type says."""

    @property
    def streamed(self) -> bool:
        return self._body is None

    @property
    def failed(self) -> bool:
        return self._body.failed if self._body is not None else self._told.failed or self._splitter.failed

    def feed(self, chunk: bytes) -> None:
        if self._telling.opened:
            chunk = self._passed_over(chunk)
        elif self._body is not None:
            self._body.feed(chunk)
            return
        else:
            chunk = self._begun(chunk)
        if chunk:
            self._look(self._splitter.feed(chunk))

    def _begun(self, chunk: bytes) -> bytes:
        """The chunk, as far as it is known to be of a stream."""
        if self._start is None:
            return chunk
        start = self._start + chunk
        like = like_events(start)
        if like is None or (start.isspace() and len(start) < _LEAD_BYTES):
            self._start = start
            return b""
        self._start = None
        if not like and start.lstrip().startswith((b"{", b"[")):
            self._body = _Body(self._dialect, self._limit_bytes)
            self._body.feed(start)
            return b""
        return start

    def _passed_over(self, chunk: bytes) -> bytes:
        """What is left of the chunk when whole events that tell nothing are taken off its front: mostly nothing."""
        splitter = self._splitter
        if not splitter.clean and (cut := chunk.find(b"\n\n") + 2) > 1:
            self._look(splitter.feed(chunk[:cut]))
            chunk = chunk[cut:]
        if splitter.clean and (cut := chunk.rfind(b"\n\n") + 2) > 1 and not self._telling.may_tell(chunk, 0, cut):
            splitter.pass_over(cut)
            return chunk[cut:]
        return chunk

    def finish(self, whole: bool) -> Usage:
        if self._body is not None:
            return self._body.finish(whole)
        self._look(self._splitter.feed(self._start or b""))
        self._look(self._splitter.finish())
        self._told.failed = self.failed
        return self._told.result(whole and not self._told.provisional)

    def _look(self, events: Iterable[bytes]) -> None:
        for data in events:
            first, self._opened = not self._opened, True
            if data is BEYOND:  # what was picked counts if a short event would have been parsed
                for document in self._long.taken():
                    if first or self._tells(orjson.dumps(document)):
                        self._told.take_event(document)
            elif (first or self._tells(data)) and (parsed := _object(data)) is not None:
                self._told.take_event(parsed)

    def _tells(self, data: bytes) -> bool:
        return self._telling.may_tell(data, 0, len(data))


class _Body:
    """A body up to the limit is kept whole until its end."""

    __slots__ = ("_dialect", "_events", "_held", "_limit_bytes", "_long", "_told", "_undecided")

    def __init__(self, dialect: Dialect, limit_bytes: int) -> None:
        self._dialect = dialect
        self._limit_bytes = limit_bytes
        self._told = _Told(dialect)
        self._held: bytes | bytearray = b""
        self._long: Picker | None = None
        """Of a body over the limit."""
        self._undecided = True
        self._events: _Events | None = None
        """Reads what is a stream, whatever its media type says."""

    @property
    def streamed(self) -> bool:
        return self._events is not None

    @property
    def failed(self) -> bool:
        return self._events.failed if self._events is not None else self._told.failed

    def feed(self, chunk: bytes) -> None:
        if self._events is not None:
            self._events.feed(chunk)
        elif self._long is not None:
            self._take(self._long.feed(chunk))
        elif not self._held and len(chunk) <= self._limit_bytes:
            self._held = chunk  # most answers come in one piece: nothing is copied
            if chunk and chunk[0] != _OPENING:
                self._decide()
        else:
            if not isinstance(self._held, bytearray):
                self._held = bytearray(self._held)
            self._held += chunk
            self._decide()

    def _decide(self) -> None:
        """What begins like events is one; what is over the limit is not kept."""
        held = self._held
        if self._undecided and held:
            like = None if held[0] == _OPENING else like_events(bytes(held[:_LEAD_BYTES]))
            self._undecided = like is None and held[0] != _OPENING
            if like:
                self._events = _Events(self._dialect, self._limit_bytes)
                self._events.feed(bytes(held))
                self._held = b""
                return
        if len(held) > self._limit_bytes:
            self._long, self._held = Picker(WANTED), b""
            self._take(self._long.feed(bytes(held)))

    def _take(self, documents: Iterable[dict[str, Any]]) -> None:
        for document in documents:
            self._told.take(document)

    def finish(self, whole: bool) -> Usage:
        if self._events is not None:
            return self._events.finish(whole)
        if self._long is None:
            document = _object(bytes(self._held))
            if document is not None:
                self._told.take(document)
                return self._told.result(whole=True)
            self._long = Picker(WANTED)  # an array (Gemini's stream without SSE), lines, or what was cut
            self._take(self._long.feed(bytes(self._held)))
        last = self._long.last()
        self._take(last)
        rest = self._long.rest()
        if rest is not None:
            self._told.take(rest)
        return self._told.result(whole and rest is None and (bool(last) or not self._long.gave_up))


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
