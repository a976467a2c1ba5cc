"""Where the members of an object are that arrives in pieces, and of objects in it."""

import tracemalloc

import pytest
from fakes.growth import grows_evenly

from gateway.protocol.jsonmembers import MemberFinder
from gateway.protocol.jsonspan import SpanState

LIMIT = 1 << 22
WANTED = {"model": (), "input": ("messages", "model"), "options": ("background",)}
FOUND, NOT_OBJECT, TOO_FAR = SpanState.FOUND, SpanState.NOT_OBJECT, SpanState.TOO_FAR


def find(body: bytes, size: int, limit: int = LIMIT) -> MemberFinder:
    finder = MemberFinder(WANTED, limit)
    for at in range(0, len(body), size):
        finder.feed(body[at : at + size])
    finder.finish()
    return finder


PLACES = [
    (b"{}", {}),
    (b'{"a":1,"b":{"model":"no","input":{"messages":1}}}', {}),
    (b'{"model":"m"}', {"model": b'"m"'}),
    (b' { "model" : 1.5e3 \n, "a":[] } \r\n', {"model": b"1.5e3"}),
    (b'{"model":null,"input":[{"model":"no"}]}', {"model": b"null", "input": b'[{"model":"no"}]'}),
    (b'{"input":{},"model":{"model":"x"}}', {"input": b"{}", "model": b'{"model":"x"}'}),
    (
        b'{"input":{"a":{"messages":0},"messages":[[{"model":1}]],"model":"i"},"model":"o"}',
        {
            "input": b'{"a":{"messages":0},"messages":[[{"model":1}]],"model":"i"}',
            "input.messages": b'[[{"model":1}]]',
            "input.model": b'"i"',
            "model": b'"o"',
        },
    ),
    (
        b'{"mo\\u0064el":"m","\\u0069nput":{"m\\u006fdel":2}}',
        {"model": b'"m"', "input": b'{"m\\u006fdel":2}', "input.model": b"2"},
    ),
    (b'{"options":{"background": true },"x":"}"}', {"options": b'{"background": true }', "options.background": b"true"}),
    (b'{"input":"{\\"model\\":1}"}', {"input": b'"{\\"model\\":1}"'}),
]


@pytest.mark.parametrize(("body", "texts"), PLACES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_places(body: bytes, texts: dict[str, bytes], size: int) -> None:
    finder = find(body, size)
    assert finder.state is FOUND
    names = [*WANTED, *(f"{outer}.{inner}" for outer, keys in WANTED.items() for inner in keys)]
    assert {name: finder.text(name, 100) for name in names if finder.span(name)} == texts
    assert finder.is_object("input") is texts.get("input", b"").startswith(b"{")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b'"model"',
        b"{",
        b'{"model":"m"',
        b'{"input":{"model":"m"}',
        b'{"model":"m"}{}',
        b'{"model":"m"} x',
        b'{"model":"m"}}',
        b'{"model":"m","model":"n"}',
        b'{"model":"m","mode\\u006c":"n"}',
        b'{"input":{"model":1,"model":2}}',
        b'{"input":{},"input":{}}',
        b'{"model" "m"}',
        b'{"model":]',
        b'{"input":{"messages":' + b"[" * 1001 + b"]" * 1001 + b"}}",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_what_is_not_one_object(body: bytes, size: int) -> None:
    assert find(body, size).state is NOT_OBJECT


def test_the_limit() -> None:
    assert find(b'{"model":"m"}', 5, 13).state is FOUND
    assert find(b'{"model":"m"}', 5, 12).state is TOO_FAR
    assert find(b'{"a":"' + b"x" * 100, 5, 50).state is TOO_FAR


def test_a_text_is_cut_where_it_was_told() -> None:
    finder = find(b'{"model":"a-long-name"}', 100)
    assert finder.text("model", 5) == b'"a-lo'
    assert finder.text("input", 5) == b""


def test_an_object_is_cut_out_with_a_member_in_its_place() -> None:
    finder = find(b'{"input":{ "a":1,"model" : "x", "b":2 }}', 3)
    assert finder.cut_out("input") == b'{ "a":1,"model" : "x", "b":2 }'
    assert finder.cut_out_with("input", "model", b'"y"') == b'{ "a":1,"model" : "y", "b":2 }'
    finder = find(b'{"input":{ "a":1}}', 3)
    assert finder.cut_out_with("input", "model", b'"y"') == b'{"model":"y", "a":1}'


OPENINGS = [b'{"input":{"messages":[', b'{"input":{', b'{"input":{"a":[[[[[["', b'{"model":"', b"{", b'{"input":']
HOSTILE = [b"[" * 900 + b"]" * 900, b"[[[[[1]]]]],", b'"a":1,', b'{"a":[[]]},', b'\\"', b"{}", b"]", b",", b" ", b'"modem":1,']


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.timeout(60)
def test_time_grows_with_the_body_and_no_faster(piece: bytes) -> None:
    for opening in OPENINGS:
        assert grows_evenly(lambda body: find(body, 65_536), opening, piece), opening


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_body_takes_little_memory_beside_itself(piece: bytes) -> None:
    for opening in OPENINGS:
        body = opening + piece * (2_000_000 // len(piece))
        tracemalloc.start()
        try:
            find(body, 65_536)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak - len(body) < 12_000_000, opening
