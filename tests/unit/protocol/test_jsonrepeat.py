"""Whether a member comes again behind the first: any spelling, any case, any chunking, and little memory."""

import json

import pytest

from gateway.protocol.jsonrepeat import RepeatFinder, may_hold_model
from gateway.protocol.jsonspan import SpanState

NOT_AGAIN, AGAIN, BROKEN, PENDING = (SpanState.FOUND, False), (SpanState.NOT_OBJECT, True), (SpanState.NOT_OBJECT, False), None

ROWS = [
    (b"}", NOT_AGAIN),
    (b',"stream":true}', NOT_AGAIN),
    (b',"messages":[{"model":"x"},{"a":{"model":1}}],"model_2":1,"amodel":2,"mode":3}', NOT_AGAIN),
    (b',"a":"\\"model\\":\\"x\\""}', NOT_AGAIN),
    (b',"a":["model","model"],"b":"model"}', NOT_AGAIN),
    (b',"model":"x"}', AGAIN),
    (b' , "a" : 1 , "model" : "x"}', AGAIN),
    (b',"model":null}', AGAIN),
    (b',"model":{"a":1}}', AGAIN),
    (b',"MODEL":"x"}', AGAIN),
    (b',"Model":"x"}', AGAIN),
    (b',"mod\\u0065l":"x"}', AGAIN),
    (b',"\\u004Dodel":"x"}', AGAIN),
    (b',"\\u006d\\u006F\\u0064\\u0065\\u006c":"x"}', AGAIN),
    (b',"a":[[[[[[[1]]]]]]],"b":{"c":{"d":{"e":{"f":{"model":1}}}}},"model":"x"}', AGAIN),
    (b',"a":"' + b"x" * 200_000 + b'","model":"x"}', AGAIN),
    (b' "model":"x"}', AGAIN),
    (b",/* */}", BROKEN),
    (b"]", BROKEN),
    (b",'model':1}", BROKEN),
    (b',"' + b"k" * 100_000, BROKEN),
    (b',"messages":[', PENDING),
    (b"", PENDING),
    (b'}{"model":"x"}', NOT_AGAIN),
]


def found(rest: bytes, size: int) -> tuple[SpanState, bool] | None:
    finder = RepeatFinder("model")
    for start in range(0, len(rest), size):
        finder.feed(rest[start : start + size])
    return None if finder.state is SpanState.PENDING else (finder.state, finder.repeated)


@pytest.mark.parametrize(("rest", "expected"), ROWS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096, 1_000_000])
def test_rows(rest: bytes, expected: tuple[SpanState, bool] | None, size: int) -> None:
    if size == 1 and len(rest) > 100_000:
        size = 11
    assert found(rest, size) == expected


def test_little_is_held_however_long_the_rest_is() -> None:
    finder = RepeatFinder("model")
    message = json.dumps({"role": "user", "content": 'say "hi" ' * 500, "model": {"no": [1, 2]}}).encode()
    finder.feed(b',"messages":[')
    for _ in range(1000):
        finder.feed(message + b",")
        assert len(finder._buffer) < 100
    assert finder.feed(b'1],"model":"again"}') is SpanState.NOT_OBJECT
    assert finder.repeated


@pytest.mark.parametrize(("rest", "expected"), ROWS)
def test_no_repetition_passes_the_short_look(rest: bytes, expected: tuple[SpanState, bool] | None) -> None:
    assert may_hold_model(rest) or expected != AGAIN


def test_ordinary_bodies_need_no_long_look() -> None:
    body = {"messages": [{"role": "user", "content": "Jos\u00e9 \u00c4 na\u00efve"}], "stream": True, "temperature": 0.5}
    assert not may_hold_model(json.dumps(body).encode())
