"""A usage object → counts that mean the same in every dialect (the names are those of protocol/usage_table.py).

`tokens_out` holds all that is billed as output: the answer and the reasoning, also where the provider tells it apart, or lets
only the total tell. `tokens_in` holds what was read from the provider's cache or written to it, but in Anthropic's dialect,
where it is told apart. A part is never more than its whole. What is no plain count is unknown.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from gateway.model import bounds
from gateway.model.records import Usage
from gateway.protocol.usage_table import SPELLINGS, Spelling

_MOST_DIGITS: Final = len(str(bounds.TOKENS))

_Path = tuple[str, str]
"""A member's name, or an object's and its member's."""


def _paths(names: Callable[[Spelling], Iterable[str]], rows: Iterable[Spelling] = SPELLINGS) -> tuple[_Path, ...]:
    found = dict.fromkeys(name for row in rows for name in names(row) if name)
    return tuple((outer, inner) for outer, _, inner in (name.partition(".") for name in found))


_IN: Final = _paths(lambda row: row.tokens_in)
_OUT: Final = _paths(lambda row: row.tokens_out)
_TOTAL: Final = _paths(lambda row: (row.total,))
_TOOLS: Final = _paths(lambda row: (row.tools,))
_THOUGHTS: Final = _paths(lambda row: (row.thoughts,))
_REASONING: Final = _paths(lambda row: row.reasoning)
_CACHED: Final = _paths(lambda row: row.cached)
_WRITTEN: Final = _paths(lambda row: row.written)
_APART: Final = _paths(lambda row: (*row.cached, *row.written), [row for row in SPELLINGS if row.cache_apart])
_WITH_CACHE: Final = (("prompt_tokens", ""), ("promptTokenCount", ""))
"""Input that is told with the cache's part, whatever stands beside it."""
_SEARCHING: Final = ("num_search_queries", "citation_tokens", "search_context_size")
"""Perplexity's own members: it tells `reasoning_tokens` beside the completion's, not within."""
_PLAIN_DETAILS: Final = frozenset({"cached_tokens", "audio_tokens", "text_tokens", "image_tokens"})


def counted(usage: dict[str, Any], cache_apart: bool = False) -> Usage | None:
    """The counts; `cache_apart` leaves the cache's part beside `tokens_in`, as Anthropic does. None where none is told."""
    if not cache_apart and (chat := of_chat(usage)) is not None:
        return chat
    tokens_in, tokens_out = _largest(usage, _IN), _largest(usage, _OUT)
    if tokens_in is None and tokens_out is None:
        return None  # a total alone may be either
    if tools := _largest(usage, _TOOLS):
        tokens_in = (tokens_in or 0) + tools
    total, thoughts = _largest(usage, _TOTAL), _largest(usage, _THOUGHTS)
    if thoughts and total != (tokens_in or 0) + (tokens_out or 0):  # else they are within, as Vertex had them
        tokens_out = (tokens_out or 0) + thoughts
    reasoning = _larger(_largest(usage, _REASONING), thoughts)
    cached, written = _largest(usage, _CACHED), _written(usage)
    stored = (cached or 0) + (written or 0)
    hidden = max(0, total - tokens_in - (tokens_out or 0)) if total is not None and tokens_in is not None else 0
    apart = stored > 0 and (_told_apart(usage) or hidden in (stored, stored + (reasoning or 0)))
    if apart and hidden >= stored:
        hidden -= stored
    hidden = max(hidden, _outside(usage, tokens_out))
    if hidden:
        reasoning = _larger(reasoning, hidden)
        tokens_out = (tokens_out or 0) + hidden
    if tokens_in is not None and apart is not cache_apart:
        tokens_in = tokens_in + stored if apart else max(0, tokens_in - stored)
    return _within(Usage(tokens_in, tokens_out, cached, reasoning, tokens_cache_write=written), cache_apart)


def of_chat(usage: dict[str, Any]) -> Usage | None:
    """The short way, of OpenAI's chat: its own names and nothing else, no doubt about any; None sends it the long way."""
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(tokens_in) is not int or type(tokens_out) is not int or not (tokens_in >= 0 <= tokens_out):
        return None
    total = tokens_in + tokens_out
    if usage.get("total_tokens", total) != total or total > bounds.TOKENS:
        return None
    names = 3 if "total_tokens" in usage else 2  # counted rather than compared as sets, which takes four times as long
    cached, reasoning = None, None
    if "prompt_tokens_details" in usage:
        names += 1
        within = usage["prompt_tokens_details"]
        if type(within) is dict and "cached_tokens" in within:
            cached = within["cached_tokens"]
            if type(cached) is not int or not 0 <= cached <= tokens_in:
                return None
        if type(within) is dict and not within.keys() <= _PLAIN_DETAILS:
            return None
    if "completion_tokens_details" in usage:
        names += 1
        among = usage["completion_tokens_details"]
        reasoning = among.get("reasoning_tokens") if type(among) is dict else None
        if reasoning is not None and (type(reasoning) is not int or not 0 <= reasoning <= tokens_out):
            return None
    return Usage(tokens_in, tokens_out, cached, reasoning) if names == len(usage) else None


def largest(one: Usage | None, other: Usage) -> Usage:
    """Each count's larger one."""
    if one is None:
        return other
    return Usage(
        _larger(one.tokens_in, other.tokens_in),
        _larger(one.tokens_out, other.tokens_out),
        _larger(one.tokens_cached, other.tokens_cached),
        _larger(one.tokens_reasoning, other.tokens_reasoning),
        one.model,
        one.exactness,
        _larger(one.tokens_cache_write, other.tokens_cache_write),
    )


def _count(value: object) -> int | None:
    """A whole number, perhaps as text or with `.0` behind it; a bool is no count."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is str and len(value) <= _MOST_DIGITS and value.isascii() and value.isdigit():
        value = int(value)
    return value if type(value) is int and 0 <= value <= bounds.TOKENS else None


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _largest(usage: dict[str, Any], paths: Iterable[_Path]) -> int | None:
    found = None
    for outer, inner in paths:
        value = usage.get(outer)
        if inner:
            value = value.get(inner) if type(value) is dict else None
        if value is not None and (count := _count(value)) is not None and (found is None or count > found):
            found = count
    return found


def _written(usage: dict[str, Any]) -> int | None:
    """Anthropic tells it as a whole, and by how long it is kept."""
    by_age = usage.get("cache_creation")
    written = _largest(usage, _WRITTEN)
    if type(by_age) is dict and written is not None:
        return max(written, sum(_count(value) or 0 for value in by_age.values()))
    return written


def _outside(usage: dict[str, Any], tokens_out: int | None) -> int:
    """Reasoning at the top of the object that is not among the output: Perplexity's, and what is more than all of it."""
    reasoned = _count(usage.get("reasoning_tokens")) or 0
    return reasoned if reasoned > (tokens_out or 0) or any(name in usage for name in _SEARCHING) else 0


def _told_apart(usage: dict[str, Any]) -> bool:
    """Whether the input is told without the cache's part."""
    return bool(_largest(usage, _APART)) and not _largest(usage, _WITH_CACHE)


def _within(found: Usage, cache_apart: bool) -> Usage:
    """No part is more than its whole; one of an unknown whole is unknown."""
    tokens_in, tokens_out, cached, reasoning, _, _, written = found
    tokens_in, tokens_out, written = bounds.count(tokens_in), bounds.count(tokens_out), bounds.count(written)
    if not cache_apart:
        cached = None if tokens_in is None or cached is None else min(cached, tokens_in)
        written = None if tokens_in is None or written is None else min(written, tokens_in - (cached or 0))
    reasoning = None if tokens_out is None or reasoning is None else min(reasoning, tokens_out)
    return Usage(tokens_in, tokens_out, cached, reasoning, tokens_cache_write=written)
