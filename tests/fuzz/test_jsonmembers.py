"""Whatever the object and its cut: the finder and a parser agree on where members are."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocol.jsonmembers import MemberFinder
from gateway.protocol.jsonspan import SpanState

KEYS = ("model", "input", "options")
WANTED = dict.fromkeys(KEYS, ("model", "messages"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["model", '"model":', "\\", '"', "{[", "]}"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.sampled_from(["messages", "model"]), inner, max_size=4)
    ),
    max_leaves=25,
)
OBJECTS = st.dictionaries(TEXTS | st.sampled_from(KEYS), VALUES, max_size=6)
CUTS = st.lists(st.integers(1, 12), min_size=1, max_size=8)
OPTIONS = st.sampled_from([0, orjson.OPT_INDENT_2, orjson.OPT_APPEND_NEWLINE])


def find(body: bytes, cuts: list[int]) -> MemberFinder:
    finder, at, turn = MemberFinder(WANTED, 1 << 20), 0, 0
    while at < len(body):
        size = cuts[turn % len(cuts)]
        finder.feed(body[at : at + size])
        at, turn = at + size, turn + 1
    finder.finish()
    return finder


@settings(max_examples=400, deadline=None)
@given(OBJECTS, OPTIONS, CUTS)
def test_it_agrees_with_a_parser(document: dict[str, Any], option: int, cuts: list[int]) -> None:
    finder = find(orjson.dumps(document, option=option), cuts)
    assert finder.state is SpanState.FOUND
    for key in KEYS:
        assert (finder.span(key) is not None) is (key in document)
        if key not in document:
            continue
        value = document[key]
        assert orjson.loads(finder.cut_out(key)) == value
        assert finder.is_object(key) is isinstance(value, dict)
        for inner in WANTED[key]:
            inside = isinstance(value, dict) and inner in value
            assert (finder.span(f"{key}.{inner}") is not None) is inside
            if inside:
                assert orjson.loads(finder.text(f"{key}.{inner}", 1 << 20)) == value[inner]
        if isinstance(value, dict) and value:
            assert orjson.loads(finder.cut_out_with(key, "model", b"7")) == {**value, "model": 7}


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b'"model"', b'"input":{', b"1"]), max_size=40
    ).map(b"".join),
    CUTS,
)
def test_any_cut_of_any_bytes_gives_the_same_answer(body: bytes, cuts: list[int]) -> None:
    cut, whole = find(body, cuts), find(body, [len(body) or 1])
    assert cut.state is whole.state
    assert cut.state is not SpanState.PENDING
