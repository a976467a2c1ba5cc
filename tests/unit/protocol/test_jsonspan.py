"""Finding and replacing one top-level string of an object that arrives in pieces."""

import tracemalloc

import orjson
import pytest
from fakes.growth import grows_evenly

from gateway.protocol.jsonspan import LONGEST, SpanState, StringFinder

LIMIT = 1 << 20
FOUND, ABSENT, NOT_OBJECT, TOO_FAR, PENDING = (
    SpanState.FOUND,
    SpanState.ABSENT,
    SpanState.NOT_OBJECT,
    SpanState.TOO_FAR,
    SpanState.PENDING,
)


def find(body: bytes, size: int, limit: int = LIMIT) -> StringFinder:
    finder = StringFinder("model", limit)
    for at in range(0, len(body), size):
        finder.feed(body[at : at + size])
    finder.finish()
    return finder


DECIDED = [
    (b'{"model":"gpt"}', FOUND, "gpt"),
    (b' \r\n\t{ "model" : "gpt" , "x":1}', FOUND, "gpt"),
    (b'{"messages":[{"role":"user","content":"hi"}],"model":"gpt"}', FOUND, "gpt"),
    (b'{"a":{"model":"inner"},"model":"outer"}', FOUND, "outer"),
    (b'{"a":[{"model":"inner"},["model","x"]],"model":"outer"}', FOUND, "outer"),
    (b'{"a":[[[[[[[{"b":[[]]}]]]]]],1],"model":"outer"}', FOUND, "outer"),
    (b'{"a":"\\"model\\":\\"no\\"","model":"yes"}', FOUND, "yes"),
    (b'{"a":"\\\\","model":"yes"}', FOUND, "yes"),
    (b'{"a":"\\\\\\"","model":"yes"}', FOUND, "yes"),
    (b'{"a":"]}{[","b":["]}{[\\""],"model":"yes"}', FOUND, "yes"),
    (b'{"a":"model","model":"yes"}', FOUND, "yes"),
    (b'{"a":true,"b":null,"c":-1.5e3,"model":"yes"}', FOUND, "yes"),
    (b'{"a": true , "b" : null , "c" : { } , "model" : "yes" }', FOUND, "yes"),
    (b'{"":"","model":""}', FOUND, ""),
    (b'{"\\u006dodel":"yes"}', FOUND, "yes"),
    (b'{"a":1,"mo\\u0064\\u0065l":"yes"}', FOUND, "yes"),
    (b'{"m\\u006Fdel":"yes"}', FOUND, "yes"),
    (b'{"models":"no","mode":"no","Model":"no","\\u004dodel":"no","model":"yes"}', FOUND, "yes"),
    (b'{"model":"a\\/b\\n\\u00e4"}', FOUND, "a/b\nä"),
    ('{"model":"ä€😀"}'.encode(), FOUND, "ä€😀"),
    (b'{"model":"first","model":"second"}', FOUND, "first"),
    (b'{"model":"@cf/meta/llama"', FOUND, "@cf/meta/llama"),
    (b"{}", ABSENT, ""),
    (b'{"a":{"model":"inner"}}', ABSENT, ""),
    (b'{"a":1}', ABSENT, ""),
    (b'{"model":1}', ABSENT, ""),
    (b'{"model":null,"a":"x"}', ABSENT, ""),
    (b'{"model":["gpt"]}', ABSENT, ""),
    (b'{"model":{"model":"gpt"}}', ABSENT, ""),
    (b"", NOT_OBJECT, ""),
    (b"  \n", NOT_OBJECT, ""),
    (b'[{"model":"gpt"}]', NOT_OBJECT, ""),
    (b'"model"', NOT_OBJECT, ""),
    (b"null", NOT_OBJECT, ""),
    (b"model=gpt", NOT_OBJECT, ""),
    (b"--boundary\r\n", NOT_OBJECT, ""),
    (b'\xef\xbb\xbf{"model":"gpt"}', NOT_OBJECT, ""),
    (b'{"model":"gpt', NOT_OBJECT, ""),
    (b'{"a":[1,2', NOT_OBJECT, ""),
    (b'{"a":1,', NOT_OBJECT, ""),
    (b'{"model"', NOT_OBJECT, ""),
    (b'{"model" "gpt"}', NOT_OBJECT, ""),
    (b"{model:1}", NOT_OBJECT, ""),
    (b'{"a":1 "model":"x"}', NOT_OBJECT, ""),
    (b'{"model":"\xff"}', NOT_OBJECT, ""),
    (b'{"model":"\\ud800"}', NOT_OBJECT, ""),
    (b'{"model":"\\x"}', NOT_OBJECT, ""),
    (b'{"model":"a\nb"}', NOT_OBJECT, ""),
    (b'{"a":' + b"[" * 1001, NOT_OBJECT, ""),
]


@pytest.mark.parametrize(("body", "state", "value"), DECIDED)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_what_is_found(body: bytes, state: SpanState, value: str, size: int) -> None:
    finder = find(body, size)
    assert (finder.state, finder.value) == (state, value)
    assert finder.buffer == body


@pytest.mark.parametrize("size", [1, 4, 10_000])
@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        (b'{"model":"openai/gpt","a":1}', b'{"model":"gpt-5","a":1}'),
        (
            b'{ "a" : 1.0e0,\n"model"\t:  "o\\/x"  , "b":"\\u0041"} \n',
            b'{ "a" : 1.0e0,\n"model"\t:  "gpt-5"  , "b":"\\u0041"} \n',
        ),
        (b'{"model":"","model":"x"}', b'{"model":"gpt-5","model":"x"}'),
    ],
)
def test_only_that_string_is_replaced(body: bytes, spliced: bytes, size: int) -> None:
    assert find(body, size).spliced("gpt-5") == spliced


def test_the_new_string_is_escaped() -> None:
    name = 'a"b\\c\nd/ä'
    assert orjson.loads(find(b'{"model":"x"}', 100).spliced(name)) == {"model": name}


def test_nothing_found_nothing_spliced() -> None:
    with pytest.raises(ValueError):
        find(b"{}", 100).spliced("x")


def test_the_answer_comes_as_soon_as_the_string_is_whole() -> None:
    finder = StringFinder("model", LIMIT)
    assert finder.feed(b'{"model":"gp') is PENDING
    assert finder.feed(b't"') is FOUND
    assert finder.feed(b',"messages":[]}') is FOUND
    assert finder.buffer == b'{"model":"gpt","messages":[]}'
    assert finder.spliced("x") == b'{"model":"x","messages":[]}'


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("body", "limit", "state"),
    [
        (b'{"model":"gpt"}', 14, FOUND),
        (b'{"model":"gpt"}', 13, TOO_FAR),
        (b'{"a":1}', 7, ABSENT),
        (b'{"a":1}', 6, TOO_FAR),
        (b'{"a":"' + b"x" * 100 + b'","model":"gpt"}', 50, TOO_FAR),
        (b" " * 100 + b"[", 50, TOO_FAR),
        (b"[" + b" " * 100, 50, NOT_OBJECT),
    ],
)
def test_the_limit(body: bytes, limit: int, state: SpanState, size: int) -> None:
    finder = find(body, size, limit)
    assert finder.state is state
    assert bool(finder.value) is (state is FOUND)


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize("start", [b"{", b'{"a":[1],', b'{"b":"' + b"x" * 5_000 + b'",'])
def test_a_string_that_is_too_long_is_not_decoded(start: bytes, size: int) -> None:
    body = start + b'"model":"%b"}'
    assert find(body % (b"m" * LONGEST), size).value == "m" * LONGEST
    assert find(body % (b"\\u0061" * (LONGEST // 6)), size).value == "a" * (LONGEST // 6)
    for name in (b"m" * (LONGEST + 1), b"\\u0061" * (LONGEST // 6 + 1), b"\\n" * 5_000, b"\xff" * 2_000):
        finder = find(body % name, size)
        assert (finder.state, finder.value) == (SpanState.TOO_LONG, "")
        unended = find(body[:-2] % name, size)
        assert unended.state is SpanState.TOO_LONG, "its end is not waited for"


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_key_that_is_too_long_is_another(size: int) -> None:
    long = b"\\u006d" * 2_000
    assert find(b'{"' + long + b'":"x","model":"yes"}', size).value == "yes"
    assert find(b'{"' + b"x" * 10_000 + b'":"x","model":"yes"}', size).value == "yes"


def test_other_keys_than_the_model() -> None:
    finder = StringFinder("user", LIMIT)
    assert finder.feed(b'{"model":"gpt","\\u0075ser":"me"}') is FOUND
    assert finder.value == "me"
    for key in ("", "a-b", "ä", 'a"'):
        with pytest.raises(ValueError):
            StringFinder(key, LIMIT)


HOSTILE = [
    b"[" * 900 + b"]" * 900,
    b"[[[[[1]]]]],",
    b"[[[[[[",
    b'"a":1,',
    b'{"a":[[]]},',
    b'["",{"a":"\\n"}],',
    b'\\"',
    b'\\\\"',
    b"\\",
    b"\\n",
    b'""',
    b"{}",
    b"]",
    b",",
    b" ",
    b":",
]
OPENINGS = [b'{"a":[', b'{"a":"', b"{", b'{"', b'{"a":', b'{"a":[[[[[["']


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.timeout(30)
def test_hostile_bodies_end(opening: bytes, piece: bytes) -> None:
    body = opening + piece * (60_000 // len(piece))
    assert find(body, 1000).state is find(body, len(body)).state


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("size", [1000, LIMIT])
@pytest.mark.timeout(60)
def test_time_grows_with_the_body_and_no_faster(piece: bytes, size: int) -> None:
    for opening in OPENINGS:
        assert grows_evenly(lambda body: find(body, size), opening, piece), opening


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_body_takes_little_memory_beside_itself(piece: bytes) -> None:
    """A window of the finder is looked at, whatever the body: patterns note ways back, many bytes for each of input."""
    for opening in OPENINGS:
        body = opening + piece * (2_000_000 // len(piece))
        finder = StringFinder("model", 1 << 22)
        tracemalloc.start()
        try:
            finder.feed(body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak - len(body) < 12_000_000, opening
