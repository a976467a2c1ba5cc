"""Members picked out of JSON of any length: what a parser would find there, whatever the cut, and little is held."""

from typing import Any

import orjson
import pytest
from fakes.growth import grows_evenly
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocol.jsonpick import LONGEST, Picker

TREE = {"usage": None, "model": None, "response": {"usage": None, "model": None}, "choices": {"usage": None, "end": None}}
KEYS = st.sampled_from([*TREE, "x", 'a"b', "\\", "ä", "usage\n"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["", 'q"\\', "{[]}", "\n", '"usage":{'])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=3)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def picked(document: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
    """By parsing."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        wanted = tree.get(name, False)
        if wanted is None and value is not None:
            found[name] = value
        elif wanted and isinstance(value, dict):
            found[name] = picked(value, wanted)
        elif wanted and isinstance(value, list):
            found[name] = [picked(value[0], wanted)] if value and isinstance(value[0], dict) else []
    return found


def pick(raw: bytes, cuts: list[int]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    picker, found, at, turn = Picker(TREE), [], 0, 0
    while at < len(raw):
        size = cuts[turn % len(cuts)]
        found += picker.feed(raw[at : at + size])
        at, turn = at + size, turn + 1
    return found + picker.last(), picker.rest()


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(DOCUMENTS, CUTS, st.sampled_from(["array", "lines", "indented"]))
def test_what_a_parser_would_find(documents: list[dict[str, Any]], cuts: list[int], form: str) -> None:
    if form == "array":
        raw = orjson.dumps(documents)
    else:
        raw = b"\n".join(orjson.dumps(each, option=orjson.OPT_INDENT_2 * (form == "indented")) for each in documents)
    wanted = [picked(document, TREE) for document in documents], None
    assert pick(raw, cuts) == wanted
    assert pick(raw, [len(raw) or 1]) == wanted


PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b'"usage"', b'"usage":', b'{"model":"m"}', b"1", b"x", b" ", b"\xff"]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=20).map(b"".join), CUTS)
def test_whatever_comes_any_cut_picks_the_same(raw: bytes, cuts: list[int]) -> None:
    for start in (b"", b'{"usage":', b'{"x":[', b'{"choices":['):
        assert pick(start + raw, cuts) == pick(start + raw, [len(start + raw) or 1])


def test_of_what_was_cut_the_part_that_came() -> None:
    raw = orjson.dumps({"model": "m", "response": {"usage": {"a": 1}, "model": "n"}})
    assert pick(raw[:-5], [7]) == ([], {"model": "m", "response": {"usage": {"a": 1}}})
    assert pick(b"", [1]) == ([], None)
    assert pick(b"<html>", [1]) == ([], None)


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_what_is_too_long_to_hold_is_left_out(size: int) -> None:
    raw = orjson.dumps({"usage": {"a": "x" * LONGEST}, "model": "m", "x": {"y" * 2 * LONGEST: 1}})
    assert pick(raw, [size])[0] == [{"model": "m"}]
    assert pick(orjson.dumps({"y" * 2 * LONGEST: 1, "model": "m"}), [size])[0] == []


def test_little_is_held() -> None:
    picker = Picker(TREE)
    for piece in (b'{"x":"', b'\\n"', b"[[", b'{"usage":', b'"a'):
        for _ in range(100):
            picker.feed(piece * 1000)
            assert len(picker._buffer) <= LONGEST + 9


DENSE = [b"[", b",", b"[]", b"{}", b"{},", b'{"a":1}', b'{"usage":1}', b'{"choices":[{}]}', b'{"usage":{}}\n']
IN_OBJECTS = [b",", b'"a":1,', b'"a":[],', b'"a":{},', b'"a":"",', b'"usage":1,', b'"response":{},', b'"choices":[],',
              b'"choices":[{}],', b'"a":[[[[[[[[]]]]]]]],', b'"a":"\\"",']  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "ending"),
    [*((piece, b'{"model":"m"}') for piece in DENSE), *((b"{" + piece, b'"model":"m"}') for piece in IN_OBJECTS)],
)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_text_that_is_little_but_punctuation_is_not_read_for_long(raw: bytes, ending: bytes, size: int) -> None:
    """A few kilobytes of gzip are megabytes of it, and its bytes cost a hundred times what those of text do."""
    opening, piece = (b"{", raw[1:]) if ending.startswith(b'"') else (b"", raw)
    short, long = (opening + piece * count + ending for count in (100, 400_000 // len(piece)))
    assert pick(short, [size])[0][-1]["model"] == "m"
    picker, told = Picker(TREE), 0
    for at in range(0, len(long), size):
        told += len(picker.feed(long[at : at + size]))
    assert picker.gave_up
    assert picker._steps <= 4_000 + len(long) // 32 + 9
    assert told <= picker._steps
    assert picker.rest() is None
    assert picker.last()[-1:] == ([] if opening else [{"model": "m"}]), "of texts the last one is enough"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "many"),
    [
        ({"candidates": [{"content": {"parts": [{"text": " word"}]}, "index": 0}], "usage": {"in": 1}, "model": "g"}, 5_000),
        ({"is_finished": False, "event_type": "text-generation", "text": " word"}, 20_000),
        ({"response": {"usage": {"in": 1}, "model": "m"}, "choices": [{"usage": {"in": 1}}]}, 5_000),
        ({}, 100_000),
    ],
)
@pytest.mark.parametrize("form", ["array", "lines", "indented", "spread array"])
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_of_very_many_texts_the_first_and_the_last_are_found(part: dict[str, Any], many: int, form: str, size: int) -> None:
    ends = {"usage": {"in": 2, "text": 'a "}[{\\'}, "model": "last"}
    option = orjson.OPT_INDENT_2 if form == "indented" else 0
    parts = [orjson.dumps(one, option=option) for one in [{"model": "first"}, *[part] * many, ends]]
    raw = (
        b"\n".join(parts)
        if form in ("lines", "indented")
        else b"[" + (b", \r\n" * (form != "array") or b",").join(parts) + b"]"
    )
    found, rest = pick(raw + b"\n", [size])
    assert (found[0], found[-1], rest) == ({"model": "first"}, ends, None)
    cut = pick(raw[:-3], [size])
    assert cut[0][-1] != ends, "what has not ended is not taken for a whole one"


def test_texts_behind_a_restart_have_no_steps_of_their_own() -> None:
    picker = Picker(TREE)
    for _ in range(100):
        picker.feed(b'{"a":1,' * 1 + b'"a":1,' * 10_000)
        picker.restart()
    assert picker.gave_up
    assert picker._steps <= 4_000 + 100 * 60_007 // 32 + 100


def test_a_restart_forgets_what_has_not_ended() -> None:
    picker = Picker(TREE)
    for start in (b'{"model":"m', b'{"x":[[', b'{"choices":[{"usage":{', b"no JSON", b'{"x":"\\'):
        assert picker.feed(start) == []
        picker.restart()
        assert picker.feed(b'{"model":"n"}') == [{"model": "n"}]
        picker.restart()


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_long_answers_of_many_documents_are_read_to_their_end(size: int) -> None:
    part = {
        "candidates": [{"content": {"parts": [{"text": " word"}], "role": "model"}, "index": 0}],
        "usage": {"promptTokenCount": 10, "totalTokenCount": 15, "details": [{"modality": "TEXT", "tokenCount": 10}]},
        "model": "gemini-2.5-flash",
        "responseId": "kbGkaJ-XLdKqqtsPzJ2p4Ak",
    }
    raw = orjson.dumps([part] * 1_000 + [{"model": "last"}], option=orjson.OPT_INDENT_2)
    assert pick(raw, [size])[0][-1] == {"model": "last"}


@pytest.mark.parametrize("piece", [b"[", b"{", b'{"a":', b'"', b"\\", b'\\"', b'"a",', b"[]", b'{"usage":{}},', b"1", b","])
@pytest.mark.parametrize("opening", [b'{"x":', b'{"x":"', b'{"x":[', b'{"usage":[', b"["])
@pytest.mark.parametrize("size", [100, 1 << 20])
@pytest.mark.timeout(60)
def test_time_grows_with_the_text_and_no_faster(opening: bytes, piece: bytes, size: int) -> None:
    assert grows_evenly(lambda raw: pick(raw, [size]), opening, piece)
