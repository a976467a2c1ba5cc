"""Whatever the object and its cut: the finder agrees with a parser, and splicing changes nothing else."""

from typing import Any
from unittest.mock import patch

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocol import jsonspan
from gateway.protocol.jsonrepeat import RepeatFinder, may_hold_model
from gateway.protocol.jsonspan import SpanState, StringFinder

LIMIT = 1 << 20
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["model", '"model":', "\\", '"', "{[", "]}"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=25,
)
OBJECTS = st.dictionaries(TEXTS | st.just("model"), VALUES, max_size=6)
CUTS = st.lists(st.integers(1, 12), min_size=1, max_size=8)
PIECES = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b":",
        b",",
        b" ",
        b"1",
        b"model",
        b'"model"',
        b'"a"',
        b"\\u006d",
        b"odel",
        b"\xef\xbb\xbf",
    ]
)
OPTIONS = st.sampled_from([0, orjson.OPT_INDENT_2, orjson.OPT_APPEND_NEWLINE])


def find(body: bytes, cuts: list[int], limit: int = LIMIT) -> StringFinder:
    finder, at, turn = StringFinder("model", limit), 0, 0
    while at < len(body):
        size = cuts[turn % len(cuts)]
        finder.feed(body[at : at + size])
        at, turn = at + size, turn + 1
    finder.finish()
    assert finder.buffer == body
    return finder


@settings(max_examples=400, deadline=None)
@given(OBJECTS, OPTIONS, CUTS, TEXTS)
def test_it_agrees_with_a_parser(document: dict[str, Any], option: int, cuts: list[int], new: str) -> None:
    body = orjson.dumps(document, option=option)
    finder = find(body, cuts)
    if isinstance(document.get("model"), str):
        assert (finder.state, finder.value) == (SpanState.FOUND, document["model"])
        assert finder.spliced(new) == orjson.dumps({**document, "model": new}, option=option)
    else:
        assert (finder.state, finder.value) == (SpanState.ABSENT, "")


@settings(max_examples=400, deadline=None)
@given(OBJECTS, OPTIONS, CUTS, st.integers(3, 40), st.integers(1, 40))
def test_where_its_windows_end_does_not_matter(
    document: dict[str, Any], option: int, cuts: list[int], window: int, direct: int
) -> None:
    body = orjson.dumps(document, option=option)
    whole, wanted = [len(body)], document.get("model")
    with patch.multiple(jsonspan, _WINDOW_BYTES=window, _DIRECT_WINDOW_BYTES=direct):
        for chunks in (cuts, whole):
            finder = find(body, chunks)
            expected = (SpanState.FOUND, wanted) if isinstance(wanted, str) else (SpanState.ABSENT, "")
            assert (finder.state, finder.value) == expected


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map(b"".join), CUTS, st.integers(3, 12))
def test_nor_does_it_in_any_bytes(tail: bytes, cuts: list[int], window: int) -> None:
    body = b'{"a":' + tail
    expected = find(body, [len(body)])
    with patch.multiple(jsonspan, _WINDOW_BYTES=window, _DIRECT_WINDOW_BYTES=window):
        finder = find(body, cuts)
    assert (finder.state, finder.value) == (expected.state, expected.value)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map(b"".join), CUTS, st.integers(0, 60), st.booleans())
def test_any_cut_of_any_bytes_gives_the_same_answer(tail: bytes, cuts: list[int], limit: int, opened: bool) -> None:
    body = b'{"a":' + tail if opened else tail
    cut, whole = find(body, cuts, limit), find(body, [len(body) or 1], limit)
    assert (cut.state, cut.value) == (whole.state, whole.value)
    assert cut.state is not SpanState.PENDING


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), CUTS)
def test_it_never_raises(body: bytes, cuts: list[int]) -> None:
    assert find(body, cuts).state is find(body, [60]).state


@settings(max_examples=400, deadline=None)
@given(OBJECTS, st.lists(st.tuples(TEXTS | st.sampled_from(["model", "Model", "MODEL"]), VALUES), max_size=5), OPTIONS, CUTS)
def test_a_second_model_is_found_and_nothing_else(
    before: dict[str, Any], behind: list[tuple[str, Any]], option: int, cuts: list[int]
) -> None:
    """Built member by member, because no dictionary holds a key twice."""
    before.pop("model", None)
    members = [*before.items(), ("model", "m"), *behind]
    body = b"{" + b",".join(orjson.dumps(key) + b":" + orjson.dumps(value, option=option) for key, value in members) + b"}"
    finder = find(body, cuts)
    assert finder.state is SpanState.FOUND
    again = any(key.lower() == "model" for key, _ in behind)
    rest, repeats = finder.following, RepeatFinder("model")
    at, turn = 0, 0
    while at < len(rest):
        size = cuts[turn % len(cuts)]
        repeats.feed(rest[at : at + size])
        at, turn = at + size, turn + 1
    assert (repeats.state, repeats.repeated) == ((SpanState.NOT_OBJECT, True) if again else (SpanState.FOUND, False))
    assert may_hold_model(rest) or not again
