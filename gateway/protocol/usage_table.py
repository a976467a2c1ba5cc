"""How APIs tell what an answer took: one row for each spelling, one rule for all of them. README's table is made from it.

An answer is told by its shape, not by whom it was asked of: gateways, proxies and compatible endpoints speak each other's
dialects. So every row is looked for in every answer, and **the largest of each count that was seen is the count**: of several
spellings, places and events. A zero or an absence never erases what was told before.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple


class Spelling(NamedTuple):
    """Names are members of the usage object, with dots for what is inside of one."""

    api: str
    places: tuple[str, ...]
    """Where the usage object stands in an answer or an event; `[]` means the first element."""
    tokens_in: tuple[str, ...]
    tokens_out: tuple[str, ...]
    total: str = ""
    cached: tuple[str, ...] = ()
    """Input read from the provider's cache."""
    written: tuple[str, ...] = ()
    """Input written to it."""
    reasoning: tuple[str, ...] = ()
    """Part of the output."""
    tools: str = ""
    """Input that tools brought, told beside `tokens_in`."""
    thoughts: str = ""
    """Reasoning that is told beside `tokens_out`."""
    cache_apart: bool = False
    """Whether `tokens_in` is told without what was read from the cache and written to it."""


SPELLINGS: Final = (
    Spelling(
        "OpenAI chat completions, embeddings (Azure, Mistral, xAI, OpenRouter, Fireworks, …)",
        ("usage", "choices[].usage"),
        ("prompt_tokens",),
        ("completion_tokens",),
        "total_tokens",
        ("prompt_tokens_details.cached_tokens", "cached_tokens"),
        ("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_input_tokens",
         "prompt_tokens_details.cache_creation_tokens"),
        ("completion_tokens_details.reasoning_tokens",),
    ),
    Spelling("Groq, streamed", ("x_groq.usage",), ("prompt_tokens",), ("completion_tokens",), "total_tokens"),
    Spelling(
        "DeepSeek", ("usage",), ("prompt_tokens",), ("completion_tokens",), "total_tokens", ("prompt_cache_hit_tokens",)
    ),
    Spelling(
        "Perplexity", ("usage",), ("prompt_tokens",), ("completion_tokens",), "total_tokens", reasoning=("reasoning_tokens",)
    ),
    Spelling("Workers AI", ("result.usage", "usage"), ("prompt_tokens",), ("completion_tokens",), "total_tokens"),
    Spelling(
        "OpenAI Responses, transcriptions, images",
        ("usage", "response.usage"),
        ("input_tokens",),
        ("output_tokens",),
        "total_tokens",
        ("input_tokens_details.cached_tokens", "input_token_details.cached_tokens"),
        ("input_tokens_details.cache_write_tokens", "input_tokens_details.cache_creation_input_tokens"),
        ("output_tokens_details.reasoning_tokens", "output_token_details.reasoning_tokens"),
    ),
    Spelling(
        "Anthropic Messages",
        ("usage", "message.usage"),
        ("input_tokens",),
        ("output_tokens",),
        cached=("cache_read_input_tokens",),
        written=("cache_creation_input_tokens", "cache_creation.ephemeral_5m_input_tokens",
                 "cache_creation.ephemeral_1h_input_tokens"),
        cache_apart=True,
    ),
    Spelling(
        "Gemini",
        ("usageMetadata", "response.usageMetadata"),
        ("promptTokenCount",),
        ("candidatesTokenCount", "responseTokenCount"),
        "totalTokenCount",
        ("cachedContentTokenCount",),
        tools="toolUsePromptTokenCount",
        thoughts="thoughtsTokenCount",
    ),
    Spelling(
        "Gemini interactions",
        ("usage", "interaction.usage"),
        ("total_input_tokens",),
        ("total_output_tokens",),
        "total_tokens",
        ("total_cached_tokens",),
        tools="total_tool_use_tokens",
        thoughts="total_thought_tokens",
    ),
    Spelling(
        "Cohere v2",
        ("usage", "delta.usage"),
        ("tokens.input_tokens", "billed_units.input_tokens"),
        ("tokens.output_tokens", "billed_units.output_tokens"),
        cached=("cached_tokens",),
    ),
    Spelling(
        "Cohere v1",
        ("meta", "response.meta"),
        ("tokens.input_tokens", "billed_units.input_tokens"),
        ("tokens.output_tokens", "billed_units.output_tokens"),
        cached=("cached_tokens",),
    ),
    Spelling(
        "Bedrock Converse",
        ("usage", "metadata.usage"),
        ("inputTokens",),
        ("outputTokens",),
        "totalTokens",
        ("cacheReadInputTokens", "cacheReadInputTokenCount"),
        ("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        cache_apart=True,
    ),
)  # fmt: skip

PLACES: Final = tuple(dict.fromkeys(place for row in SPELLINGS for place in row.places))


def documentation() -> Iterator[str]:
    """The lines of README's table."""
    yield "| API | Usage stands in | Input | Output | Total | Read from cache | Written to cache | Reasoning |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in SPELLINGS:
        tokens_in = _names(row.tokens_in) + (f" + `{row.tools}`" if row.tools else "")
        tokens_out = _names(row.tokens_out) + (f" + `{row.thoughts}`" if row.thoughts else "")
        apart = ", apart" if row.cache_apart else ""
        cached, written = (_names(names) + apart if names else "" for names in (row.cached, row.written))
        total = _names((row.total,) if row.total else ())
        reasoning = _names(row.reasoning or ((row.thoughts,) if row.thoughts else ()))
        cells = (row.api, _names(row.places), tokens_in, tokens_out, total, cached, written, reasoning)
        yield f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
