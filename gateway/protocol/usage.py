"""Reads the tokens a provider reports out of its answer, while the bytes pass by.

Answers are told apart by their shape: one provider speaks several dialects, depending on the path.
Tokens are taken as reported. So what Anthropic read from its cache or wrote to it is beside `tokens_in`, with others it is
within; what Gemini thought is beside `tokens_out`, with others within. providers/pricing.py knows which is which.
"""

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

import orjson

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.model.targets import Dialect
from gateway.protocol.jsonspan import SpanState, StringFinder
from gateway.protocol.sse import EventSplitter

_MEMBER: Final = re.compile(rb'"(usage|usageMetadata|billed_units)"\s*+:\s*+\{')
_MAYBE: Final = re.compile(rb'"(?:usage|usageMetadata|billed_units)"(?!\s*+:\s*+null)')
"""For raw stream bytes, where the lines of one event's data are not joined yet."""
_TOKEN: Final = re.compile(rb'\\.|["\[{\]}]', re.DOTALL)
"""An escape, so that its quote ends nothing; a quote; a bracket."""
_QUOTE: Final = 0x22
_HEAD_BYTES: Final = 4096
_TAIL_BYTES: Final = 16_384
"""Room for what stands behind usage: the Responses API repeats 16 entries of metadata there, each of up to 576 characters."""
_BIGGEST: Final = 2**53
"""Beyond it JSON readers disagree; nobody's token count."""

_PLACES: Final = (
    ("usage",),
    ("usageMetadata",),
    ("response", "usage"),
    ("message", "usage"),
    ("delta", "usage"),
    ("result", "usage"),
    ("x_groq", "usage"),
    ("meta",),
    ("response", "meta"),
)
_IN: Final = ("prompt_tokens", "input_tokens", "promptTokenCount")
_OUT: Final = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_CACHED: Final = ("cache_read_input_tokens", "cachedContentTokenCount", "prompt_cache_hit_tokens", "cached_tokens")
_WRITTEN: Final = ("cache_creation_input_tokens", "cache_write_tokens")
_REASONING: Final = ("thoughtsTokenCount", "reasoning_tokens")
_IN_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
_OUT_DETAILS: Final = ("completion_tokens_details", "output_tokens_details")
_CHAT_NAMES: Final = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", *_IN_DETAILS[:1], *_OUT_DETAILS[:1]})
_LAST_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "message-end", "stream-end"})


class UsageReader(Protocol):
    """Fed every chunk of an answer's body; never raises, never alters, holds at most about twice its limit."""

    def feed(self, chunk: bytes) -> None: ...

    def finish(self, whole: bool) -> Usage:
        """What was read; `whole` says whether the answer came to its proper end."""


def usage_reader(dialect: Dialect, *, streamed: bool, limit_bytes: int = 65536) -> UsageReader:
    """Streams are searched for events with usage, the last one wins; other events cost a search for a word.
    An object is read whole up to the limit, from its end beyond it. Dialect.NONE reads nothing."""
    if dialect is Dialect.NONE:
        return _Nothing()
    return _Events(limit_bytes) if streamed else _Body(limit_bytes)


class _Nothing:
    """A dialect without token counts."""

    def feed(self, chunk: bytes) -> None:
        pass

    def finish(self, whole: bool) -> Usage:
        return UNKNOWN_USAGE


def _tells(data: bytes, pattern: re.Pattern[bytes] = _MEMBER) -> bool:
    """Whether there is a usage object in it; `"usage":null`, which some send with each event, does not count."""
    return (b'"usage' in data or b'"billed_units' in data) and pattern.search(data) is not None


class _Events:
    __slots__ = ("_final", "_last", "_model", "_opened", "_splitter", "_start")

    def __init__(self, limit_bytes: int) -> None:
        self._splitter = EventSplitter(limit_bytes, tails=True)
        self._opened = False
        """Whether the first event, which names the model, has passed."""
        self._model = ""
        self._start: Usage | None = None
        """From Anthropic's message_start: the input is right, the output a placeholder."""
        self._last: Usage | None = None
        self._final = False

    def feed(self, chunk: bytes) -> None:
        if self._opened:
            chunk = self._passed_over(chunk)
        if chunk:
            self._look(self._splitter.feed(chunk))

    def _passed_over(self, chunk: bytes) -> bytes:
        """What is left of the chunk when whole events without usage are taken off its front: mostly nothing."""
        splitter = self._splitter
        if not splitter.clean and (cut := chunk.find(b"\n\n") + 2) > 1:
            self._look(splitter.feed(chunk[:cut]))
            chunk = chunk[cut:]
        if splitter.clean and (cut := chunk.rfind(b"\n\n") + 2) > 1 and not _tells(chunk[:cut], _MAYBE):
            return chunk[cut:]
        return chunk

    def finish(self, whole: bool) -> Usage:
        self._look(self._splitter.finish())
        if self._last is None:
            figures = self._start or UNKNOWN_USAGE
            return figures._replace(model=self._model, exactness="unknown" if self._start is None else "partial")
        figures = self._last
        if self._start is not None:
            figures = _completed(figures, self._start)
        return figures._replace(model=self._model, exactness="exact" if whole or self._final else "partial")

    def _look(self, events: Iterable[bytes]) -> None:
        for data in events:
            told = _tells(data)
            if told or not self._opened:
                self._opened = True
                self._read(data, told)

    def _read(self, data: bytes, told: bool) -> None:
        document = _object(data)
        if document is None:
            if told and (figures := _from_tail(data)) is not None:
                self._last, self._final = figures, False
            return
        self._model = self._model or _model(document)
        figures = _figures(document) if told else None
        if figures is None:
            return
        if document.get("type") == "message_start":
            self._start = figures
        else:
            self._last, self._final = figures, _is_final(document)


class _Body:
    """A body up to the limit is kept whole; of a longer one only the end, where usage stands."""

    __slots__ = ("_head", "_limit_bytes", "_tail", "_tail_bytes", "_total_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._tail_bytes = min(limit_bytes, _TAIL_BYTES)
        self._total_bytes = 0
        self._head = b""
        self._tail: bytes | bytearray = b""

    def feed(self, chunk: bytes) -> None:
        size = len(chunk)
        if not self._total_bytes and size <= self._limit_bytes:
            self._tail = chunk  # most answers come in one piece: nothing is copied
            self._head = chunk[:_HEAD_BYTES] if size > _HEAD_BYTES else chunk
            self._total_bytes = size
            return
        if len(self._head) < _HEAD_BYTES:
            self._head += chunk[: _HEAD_BYTES - len(self._head)]
        self._total_bytes += size
        if self._total_bytes <= self._limit_bytes:
            if not isinstance(self._tail, bytearray):
                self._tail = bytearray(self._tail)
            self._tail += chunk
        elif size >= self._tail_bytes:
            self._tail = chunk[-self._tail_bytes :]
        else:
            self._tail = bytes(self._tail[size - self._tail_bytes :]) + chunk

    def finish(self, whole: bool) -> Usage:
        data = bytes(self._tail)
        if self._total_bytes <= self._limit_bytes and (read := _whole_body(data)) is not None:
            return read
        figures = _from_tail(data) if whole else None
        if figures is None:
            return Usage(model=self._model())
        return figures._replace(model=self._model(), exactness="exact")

    def _model(self) -> str:
        finder = StringFinder("model", _HEAD_BYTES)
        return finder.value if finder.feed(self._head) is SpanState.FOUND else ""


def _whole_body(data: bytes) -> Usage | None:
    """From a complete JSON object, or from an array of them (Gemini's stream without SSE); None when it is neither."""
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if isinstance(parsed, dict):
        usage = parsed.get("usage")
        if type(usage) is dict and (chat := _of_chat(usage)) is not None:
            return Usage(*chat, _model(parsed), "exact")
    documents = [part for part in (parsed if isinstance(parsed, list) else [parsed]) if isinstance(part, dict)]
    model = next(filter(None, map(_model, documents)), "")
    for document in reversed(documents):
        if (figures := _figures(document)) is not None:
            return figures._replace(model=model, exactness="exact")
    return Usage(model=model)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _model(document: dict[str, Any]) -> str:
    name = document.get("model")
    if isinstance(name, str) and name:
        return name
    for holder in (document, document.get("response"), document.get("message")):
        if isinstance(holder, dict):
            name = holder.get("model") or holder.get("modelVersion")
            if isinstance(name, str) and name:
                return name
    return ""


def _figures(document: dict[str, Any]) -> Usage | None:
    """The usage object's numbers, wherever the dialect puts it; None when there is none with tokens in it."""
    for place in _PLACES:
        found: Any = document
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict) and (figures := _counted(found)) is not None:
            return figures
    return None


def _counted(usage: dict[str, Any]) -> Usage | None:
    if (chat := _of_chat(usage)) is not None:
        return Usage(*chat)
    counts = usage
    for name in ("billed_units", "tokens"):  # Cohere has both; what the model saw and said is in the second
        if (inner := usage.get(name)) and isinstance(inner, dict) and _first(inner, _IN + _OUT) is not None:
            counts = inner
    tokens_in, tokens_out = _first(counts, _IN), _first(counts, _OUT)
    if tokens_in is None and tokens_out is None:
        return None
    cached = _first(usage, _CACHED)
    written = _first(usage, _WRITTEN)
    reasoning = _first(usage, _REASONING)
    return Usage(
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=_detail(usage, _IN_DETAILS, "cached_tokens") if cached is None else cached,
        tokens_reasoning=_detail(usage, _OUT_DETAILS, "reasoning_tokens") if reasoning is None else reasoning,
        tokens_cache_write=_detail(usage, _IN_DETAILS, "cache_write_tokens") if written is None else written,
    )


def _of_chat(usage: dict[str, Any]) -> tuple[int, int, int | None, int | None] | None:
    """The short way, of OpenAI's chat: its own names and nothing else, so no other spelling is to be looked for."""
    if not usage.keys() <= _CHAT_NAMES:
        return None
    within, among = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(within) is dict and "cache_write_tokens" in within:
        return None
    cached = within.get("cached_tokens") if type(within) is dict else None
    reasoning = among.get("reasoning_tokens") if type(among) is dict else None
    for count in (tokens_in, tokens_out):
        if type(count) is not int or not 0 <= count < _BIGGEST:
            return None
    for count in (cached, reasoning):
        if count is not None and (type(count) is not int or not 0 <= count < _BIGGEST):
            return None
    return tokens_in, tokens_out, cached, reasoning  # type: ignore[return-value]


def _first(counts: dict[str, Any], names: Iterable[str]) -> int | None:
    for name in names:
        value = counts.get(name)
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and 0 <= value < _BIGGEST:  # a bool is no count
            return value
    return None


def _detail(usage: dict[str, Any], holders: Iterable[str], name: str) -> int | None:
    for holder in holders:
        if isinstance(details := usage.get(holder), dict):
            return _first(details, (name,))
    return None


def _is_final(document: dict[str, Any]) -> bool:
    """Whether no later event of the stream can have other figures."""
    kind = document.get("type") or document.get("event_type")
    if kind == "message_delta":
        delta = document.get("delta")
        return isinstance(delta, dict) and delta.get("stop_reason") is not None
    if isinstance(kind, str) and kind in _LAST_EVENTS:
        return True
    choices = document.get("choices")
    if choices == []:
        return True
    parts = choices or document.get("candidates")
    return isinstance(parts, list) and any(_ended(part) for part in parts)


def _ended(part: object) -> bool:
    return isinstance(part, dict) and bool(part.get("finish_reason") or part.get("finishReason"))


def _completed(figures: Usage, start: Usage) -> Usage:
    return figures._replace(
        tokens_in=start.tokens_in if figures.tokens_in is None else figures.tokens_in,
        tokens_out=start.tokens_out if figures.tokens_out is None else figures.tokens_out,
        tokens_cached=start.tokens_cached if figures.tokens_cached is None else figures.tokens_cached,
        tokens_cache_write=start.tokens_cache_write if figures.tokens_cache_write is None else figures.tokens_cache_write,
    )


class _Trailing(NamedTuple):
    end: int
    """Behind the object."""
    open_around: int
    """Brackets that close behind it and were opened before it."""


def _from_tail(data: bytes) -> Usage | None:
    """From the end of an object whose beginning is lost: its last usage member, if it stands at most one level deep.

    A quote within a string is escaped, so text that looks like the member cannot be taken for it.
    """
    found = named = None
    for found in _MEMBER.finditer(data):
        if found[1] != b"billed_units":
            named = found
    found = named or found
    if found is None:
        return None
    trailing = _trailing(data, found.end() - 1)
    if trailing is None or not 1 <= trailing.open_around <= (2 if named is not None else 3):
        return None
    usage = _object(data[found.end() - 1 : trailing.end])
    return None if usage is None else _counted(usage)


def _trailing(data: bytes, begin: int) -> _Trailing | None:
    end, depth, quoted = 0, 0, False
    for token in _TOKEN.finditer(data, begin):
        byte = data[token.start()]
        if byte == _QUOTE:
            quoted = not quoted
        elif quoted:
            continue
        elif byte in b"[{":
            depth += 1
        elif byte in b"]}":
            depth -= 1
            if depth == 0 and not end:
                end = token.end()
    return _Trailing(end, -depth) if end else None
