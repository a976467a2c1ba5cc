"""Counts mean the same in every dialect, a part is never more than its whole, and merging forgets nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import bounds
from gateway.model.records import Usage
from gateway.protocol.counts import counted, largest, of_chat
from gateway.protocol.usage_table import SPELLINGS

NUMBERS = st.integers(-2, 50) | st.integers(bounds.TOKENS - 1, bounds.TOKENS + 1)
VALUES = st.none() | NUMBERS | NUMBERS.map(str) | st.floats() | st.booleans() | st.text(max_size=3)
NAMES = sorted({name for row in SPELLINGS for part in row[2:9] for name in ([part] if isinstance(part, str) else part) if name})


@st.composite
def usages(draw: Any) -> dict[str, Any]:
    usage: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=6)):
        outer, _, inner = name.partition(".")
        if not inner:
            usage[outer] = draw(VALUES)
        elif isinstance(holder := usage.setdefault(outer, {}), dict):
            holder[inner] = draw(VALUES)
    return usage


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(usages(), st.booleans())
def test_parts_are_within_their_wholes_and_all_within_bounds(usage: dict[str, Any], apart: bool) -> None:
    found = counted(usage, apart)
    if found is None:
        return
    for count in (*found[:4], found.tokens_cache_write):
        assert count is None or (type(count) is int and 0 <= count <= bounds.TOKENS)
    if found.tokens_reasoning is not None:
        assert found.tokens_out is not None
        assert found.tokens_reasoning <= found.tokens_out
    if not apart and (found.tokens_cached or found.tokens_cache_write):
        assert found.tokens_in is not None
        assert (found.tokens_cached or 0) + (found.tokens_cache_write or 0) <= found.tokens_in


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(usages().map(counted), max_size=6), st.randoms())
def test_merging_is_monotone_and_knows_no_order(told: list[Usage | None], draw: Any) -> None:
    merged: Usage | None = None
    for one in told:
        before = merged
        merged = merged if one is None else largest(merged, one)
        for old, new in zip(before[:4] if before else (), merged[:4] if merged else (), strict=False):
            assert old is None or (new is not None and new >= old), "nothing is erased"
    draw.shuffle(told)
    again: Usage | None = None
    for one in told:
        again = again if one is None else largest(again, one)
    assert again == merged


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": VALUES,
            "completion_tokens": VALUES,
            "total_tokens": VALUES,
            "prompt_tokens_details": st.none() | st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens"]), VALUES),
            "completion_tokens_details": st.none() | st.dictionaries(st.sampled_from(["reasoning_tokens", "x"]), VALUES),
        },
    )
)
def test_the_short_way_finds_what_the_long_way_finds(usage: dict[str, Any]) -> None:
    short = of_chat(usage)
    assert short is None or short == counted({**usage, "more": 1})


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0), (5, 5), (5.0, 5), ("5", 5), ("007", 7), (bounds.TOKENS, bounds.TOKENS),
        (bounds.TOKENS + 1, None), (-1, None), (5.5, None), (True, None), ("", None), ("-5", None), ("5.0", None), ("٥", None),
        ("9" * 40, None), (float("inf"), None), (float("nan"), None), (None, None), ([5], None), ({}, None),
    ],
)  # fmt: skip
def test_what_is_a_count(value: object, count: int | None) -> None:
    found = counted({"prompt_tokens": 1, "completion_tokens": value})
    assert found is not None
    assert found.tokens_out == count
