"""Whatever comes, in whatever pieces: the reader gives one answer and never raises."""

import gzip
import zlib
from typing import Any

import brotli
import orjson
from fakes.answers import ANSWERS, Answer
from fakes.short_answers import SHORT_ANSWERS
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.records import Usage
from gateway.model.targets import Dialect
from gateway.protocol.inflate import inflating, zstd
from gateway.protocol.usage import usage_reader

TOKENS = st.none() | st.integers(-1, 50) | st.floats() | st.booleans() | st.just("5")
COUNTS = st.dictionaries(
    st.sampled_from(
        ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "promptTokenCount", "cached_tokens", "tokens"]
    ),
    TOKENS | st.dictionaries(st.sampled_from(["input_tokens", "cached_tokens"]), TOKENS, max_size=2),
    max_size=4,
)
EVENTS = st.dictionaries(
    st.sampled_from(
        ["usage", "usageMetadata", "meta", "type", "choices", "candidates", "response", "message", "model", "text", "error"]
    ),
    COUNTS
    | st.none()
    | st.sampled_from(
        [
            "message_start",
            "message_delta",
            "response.completed",
            "error",
            "m-1",
            '"usage":{',
            "x" * 70,
            [],
            [{"finish_reason": "stop"}],
        ]
    )
    | st.fixed_dictionaries({"usage": COUNTS}),
    max_size=4,
).map(orjson.dumps)
ENDS = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n", b"\n\n\n"])
LINES = st.one_of(
    st.tuples(st.just(b"data: "), EVENTS, ENDS),
    st.tuples(st.just(b"data:"), st.just(b"[DONE]"), ENDS),
    st.tuples(st.just(b"event: x\n"), st.just(b": usage"), ENDS),
).map(b"".join)
STREAMS = st.lists(LINES, max_size=8).map(b"".join)
BODIES = EVENTS | st.lists(EVENTS, max_size=3).map(b"\n".join) | st.binary(max_size=200)
CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=8)
LIMITS = st.integers(1, 120)


def read(
    body: bytes, cuts: list[int], limit: int, streamed: bool, whole: bool, dialect: Dialect = Dialect.OPENAI
) -> tuple[Usage, bool, bool]:
    reader, at, turn = usage_reader(dialect, streamed=streamed, limit_bytes=limit), 0, 0
    while at < len(body):
        size = cuts[turn % len(cuts)]
        reader.feed(body[at : at + size])
        at, turn = at + size, turn + 1
    usage = reader.finish(whole)
    return usage, reader.streamed, reader.failed


@settings(max_examples=500, deadline=None)
@given(STREAMS, CUTS, LIMITS, st.booleans())
def test_any_cut_of_a_stream_gives_the_same_counts(stream: bytes, cuts: list[int], limit: int, whole: bool) -> None:
    found = read(stream, cuts, limit, streamed=True, whole=whole)
    assert found == read(stream, [len(stream) or 1], limit, streamed=True, whole=whole)
    usage = found[0]
    assert (usage.exactness == "unknown") is (usage.tokens_in is None and usage.tokens_out is None)


@settings(max_examples=300, deadline=None)
@given(STREAMS, LIMITS, st.booleans())
def test_chunks_that_are_events_give_the_same_counts(stream: bytes, limit: int, whole: bool) -> None:
    reader = usage_reader(Dialect.ANTHROPIC, streamed=True, limit_bytes=limit)
    parts = stream.split(b"\n\n")
    for part in parts[:-1]:
        reader.feed(part + b"\n\n")
    reader.feed(parts[-1])
    found = reader.finish(whole), reader.streamed, reader.failed
    assert found == read(stream, [len(stream) or 1], limit, streamed=True, whole=whole, dialect=Dialect.ANTHROPIC)


@settings(max_examples=200, deadline=None)
@given(STREAMS, STREAMS, STREAMS, CUTS, st.integers(40, 700), st.booleans())
def test_any_cut_of_more_events_than_are_read_gives_the_same_counts(
    opening: bytes, piece: bytes, ending: bytes, cuts: list[int], limit: int, whole: bool
) -> None:
    stream = opening + piece * 100 + ending
    found = read(stream, [len(stream) or 1], limit, streamed=True, whole=whole)
    for times in (1, 5, 50):
        assert found == read(stream, [cut * times for cut in cuts], limit, streamed=True, whole=whole)


@settings(max_examples=100, deadline=None)
@given(EVENTS, EVENTS, EVENTS, st.sampled_from([b"\n", b",", b" , \n"]), CUTS, st.integers(100, 2000), st.booleans())
def test_any_cut_of_more_texts_than_are_read_gives_the_same_counts(
    opening: bytes, piece: bytes, ending: bytes, between: bytes, cuts: list[int], limit: int, whole: bool
) -> None:
    body = between.join([opening, *[piece] * 500, ending])
    found = read(body, [len(body)], limit, streamed=False, whole=whole)
    for times in (1, 5, 50):
        assert found == read(body, [cut * times for cut in cuts], limit, streamed=False, whole=whole)


@settings(max_examples=300, deadline=None)
@given(BODIES, CUTS, LIMITS, st.booleans())
def test_any_cut_of_a_body_gives_the_same_counts(body: bytes, cuts: list[int], limit: int, whole: bool) -> None:
    found = read(body, cuts, limit, streamed=False, whole=whole)
    assert found == read(body, [len(body) or 1], limit, streamed=False, whole=whole)
    usage = found[0]
    assert usage.tokens_in is None or usage.tokens_in >= 0


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), CUTS, LIMITS, st.booleans(), st.booleans())
def test_it_never_raises(body: bytes, cuts: list[int], limit: int, streamed: bool, whole: bool) -> None:
    assert read(body, cuts, limit, streamed, whole)[0].exactness in {"exact", "partial", "unknown"}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([answer for answer in (*ANSWERS, *SHORT_ANSWERS) if len(answer.body) < 9000]),
    CUTS,
    st.sampled_from([b"", b"gzip", b"deflate", b"br", b"zstd"]),
)
def test_real_answers_in_any_pieces_compressed_or_not(answer: Answer, cuts: list[int], encoding: bytes) -> None:
    plain = usage_reader(answer.dialect, streamed=answer.streamed)
    reader: Any = inflating(encoding, plain) if encoding else plain
    coders = {b"": bytes, b"gzip": gzip.compress, b"deflate": zlib.compress, b"br": brotli.compress, b"zstd": zstd.compress}
    body = coders[encoding](answer.body)
    at, turn = 0, 0
    while at < len(body):
        size = cuts[turn % len(cuts)]
        reader.feed(body[at : at + size])
        at, turn = at + size, turn + 1
    assert reader.finish(True) == answer.usage


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), CUTS, st.sampled_from([b"gzip", b"deflate", b"br", b"zstd"]), st.booleans())
def test_bytes_that_only_claim_to_be_compressed(body: bytes, cuts: list[int], encoding: bytes, whole: bool) -> None:
    start = {b"gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"deflate": b"\x78\x9c", b"br": b"\x1b", b"zstd": b"\x28\xb5\x2f\xfd"}[
        encoding
    ]
    for data in (body, start + body):
        reader = inflating(encoding, usage_reader(Dialect.OPENAI, streamed=True))
        assert reader is not None
        for at in range(0, len(data), cuts[0]):
            reader.feed(data[at : at + cuts[0]])
        assert reader.finish(whole).exactness in ("unknown", "partial", "exact")
