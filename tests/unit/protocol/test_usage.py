"""Token counts out of answers: every dialect, streamed or whole, complete or cut."""

from typing import Any

import orjson
import pytest
from fakes.answers import ANSWERS, Answer
from fakes.growth import grows_evenly
from fakes.short_answers import SHORT_ANSWERS

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.model.targets import Dialect
from gateway.protocol.usage import usage_reader

LIMIT = 4096


def sse(*events: Any, end: bytes = b"\n\n") -> bytes:
    return b"".join(b"data: " + (event if isinstance(event, bytes) else orjson.dumps(event)) + end for event in events)


def read(
    body: bytes,
    *,
    streamed: bool,
    whole: bool = True,
    size: int = 1 << 20,
    dialect: Dialect = Dialect.OPENAI,
    limit: int = LIMIT,
) -> Usage:
    reader = usage_reader(dialect, streamed=streamed, limit_bytes=limit)
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
    return reader.finish(whole)


OPENAI_USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 12,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
RESPONSES_USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 21,
}
FULL = Usage(9, 12, 4, 3, "m-1", "exact")


def chunk(content: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice], **more}


USAGE_CHUNK = {"id": "x", "model": "m-1", "choices": [], "usage": OPENAI_USAGE}
COHERE_USAGE = {"billed_units": {"input_tokens": 5, "output_tokens": 7}, "tokens": {"input_tokens": 66.0, "output_tokens": 8}}
MESSAGE_START = {
    "type": "message_start",
    "message": {
        "model": "claude-1",
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 0, "output_tokens": 1},
    },
}
MESSAGE_DELTA = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}}

STREAMS = {
    "chat": (sse(chunk("a"), chunk("b", "stop"), USAGE_CHUNK, b"[DONE]"), FULL),
    "chat with null in each": (
        sse(chunk("a", usage=None), chunk("b", "stop", usage=None), USAGE_CHUNK, b"[DONE]"),
        FULL,
    ),
    "chat without usage": (sse(chunk("a"), chunk("b", "stop"), b"[DONE]"), Usage(model="m-1")),
    "chat that talks of usage": (sse(chunk('{"usage":{"prompt_tokens":1}}'), b"[DONE]"), Usage(model="m-1")),
    "usage with the finish": (sse(chunk("a"), chunk("b", "stop", usage=OPENAI_USAGE), b"[DONE]"), FULL),
    "usage in each, the last counts": (
        sse(chunk("a", usage={"prompt_tokens": 9, "completion_tokens": 1}), chunk("b", "stop", usage=OPENAI_USAGE)),
        FULL,
    ),
    "groq": (sse(chunk("a"), chunk("", "stop", x_groq={"id": "r", "usage": OPENAI_USAGE})), FULL),
    "comment first": (b": OPENROUTER PROCESSING\n\n" + sse(chunk("a"), USAGE_CHUNK, b"[DONE]"), FULL),
    "responses": (
        b"event: response.created\n"
        + sse({"type": "response.created", "response": {"model": "m-1", "usage": None}})
        + sse({"type": "response.output_text.delta", "delta": "hi"})
        + b"event: response.completed\n"
        + sse({"type": "response.completed", "response": {"model": "m-1", "usage": RESPONSES_USAGE, "user": None}}),
        FULL,
    ),
    "responses, last event over the limit": (
        sse({"type": "response.created", "response": {"model": "m-1", "usage": None}})
        + sse(
            {
                "type": "response.completed",
                "response": {"output": "x" * 9000, "usage": RESPONSES_USAGE, "metadata": {}},
                "sequence_number": 9,
            }
        ),
        FULL,
    ),
    "anthropic": (
        b"event: message_start\n" + sse(MESSAGE_START, {"type": "ping"}, MESSAGE_DELTA, {"type": "message_stop"}),
        Usage(25, 15, 10, None, "claude-1", "exact", 0),
    ),
    "anthropic that fails": (
        sse(MESSAGE_START, {"type": "error", "error": {"type": "overloaded_error"}}),
        Usage(25, 1, 10, None, "claude-1", "partial", 0),
    ),
    "gemini": (
        sse(
            {"candidates": [{"content": {}}], "usageMetadata": {"promptTokenCount": 5}, "modelVersion": "gemini-1"},
            {
                "candidates": [{"finishReason": "STOP"}],
                "usageMetadata": {
                    "promptTokenCount": 5,
                    "candidatesTokenCount": 6,
                    "thoughtsTokenCount": 7,
                    "cachedContentTokenCount": 2,
                },
                "modelVersion": "gemini-1",
            },
            end=b"\r\n\r\n",
        ),
        Usage(5, 13, 2, 7, "gemini-1", "exact"),
    ),
    "cohere v2": (
        sse({"type": "message-start"}, {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}}),
        Usage(66, 8, None, None, "", "exact"),
    ),
    "cohere v1": (
        sse({"event_type": "stream-end", "response": {"meta": COHERE_USAGE}}),
        Usage(66, 8, None, None, "", "exact"),
    ),
    "workers ai": (
        sse({"response": "a"}, {"response": "", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, b"[DONE]"),
        Usage(1, 2, None, None, "", "exact"),
    ),
    "no line end after the last": (sse(chunk("a"), USAGE_CHUNK).rstrip(b"\n"), FULL),
    "an event over the limit in between": (sse(chunk("a"), chunk("x" * 9000), USAGE_CHUNK, b"[DONE]"), FULL),
    "broken JSON in between": (sse(chunk("a"), b'{"usage":{', USAGE_CHUNK, b"[DONE]"), FULL),
    "data over two lines": (
        sse(chunk("a")) + b'data: {"choices":[],"usage"\ndata: :{"prompt_tokens":1,"completion_tokens":2}}\n\n',
        Usage(1, 2, None, None, "m-1", "exact"),
    ),
    "nothing": (b"", UNKNOWN_USAGE),
    "no stream at all": (b"<html>usage</html>", UNKNOWN_USAGE),
}


@pytest.mark.parametrize("size", [1, 2, 17, 100, 1000, 1 << 20])
@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str, size: int) -> None:
    body, usage = STREAMS[name]
    assert read(body, streamed=True, size=size, dialect=_dialect(name)) == usage


def _dialect(name: str) -> Dialect:
    return Dialect.COHERE if name.startswith("cohere") else Dialect.OPENAI


@pytest.mark.parametrize("name", STREAMS)
def test_streams_whose_chunks_are_events(name: str) -> None:
    body, usage = STREAMS[name]
    reader = usage_reader(_dialect(name), streamed=True, limit_bytes=LIMIT)
    for part in body.split(b"\n\n"):
        reader.feed(part + b"\n\n")
    assert reader.finish(whole=True) == usage


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (sse(chunk("a")), Usage(model="m-1")),
        (sse(chunk("a"), USAGE_CHUNK), FULL),
        (sse(chunk("a", usage={"prompt_tokens": 9, "completion_tokens": 1})), Usage(9, 1, None, None, "m-1", "partial")),
        (sse(MESSAGE_START), Usage(25, 1, 10, None, "claude-1", "partial", 0)),
        (sse(MESSAGE_START, MESSAGE_DELTA), Usage(25, 15, 10, None, "claude-1", "exact", 0)),
        (
            sse(MESSAGE_START, {**MESSAGE_DELTA, "delta": {"stop_reason": None}}),
            Usage(25, 15, 10, None, "claude-1", "partial", 0),
        ),
        (sse({"candidates": [{}], "usageMetadata": {"promptTokenCount": 5}}), Usage(5, exactness="partial")),
        (sse({"candidates": "odd", "choices": 5, "usage": {"input_tokens": 5}}), Usage(5, exactness="partial")),
        (sse({"type": "response.completed", "response": {"usage": RESPONSES_USAGE}}), FULL._replace(model="")),
    ],
)
def test_streams_that_are_cut(body: bytes, usage: Usage) -> None:
    assert read(body, streamed=True, whole=False) == usage
    assert read(body, streamed=True, whole=False, size=3) == usage


LONG = "x" * 9000
OBJECTS = {
    "chat": ({"model": "m-1", "choices": [], "usage": OPENAI_USAGE}, FULL),
    "chat, long": ({"model": "m-1", "choices": [{"message": {"content": LONG}}], "usage": OPENAI_USAGE}, FULL),
    "chat, long, more behind": (
        {"model": "m-1", "text": LONG, "usage": OPENAI_USAGE, "metadata": {"a": ["}", {}]}, "service_tier": "default"},
        FULL,
    ),
    "responses, long": ({"model": "m-1", "output": [LONG], "usage": RESPONSES_USAGE, "user": None}, FULL),
    "anthropic": (
        {
            "type": "message",
            "model": "claude-1",
            "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 0},
        },
        Usage(1, 2, 0, None, "claude-1", "exact"),
    ),
    "gemini, long": (
        {"candidates": [LONG], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 6}, "modelVersion": "g"},
        Usage(5, 6, None, None, "g", "exact"),
    ),
    "gemini as an array": (
        [
            {"usageMetadata": {"promptTokenCount": 5}, "modelVersion": "g"},
            {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 6}, "modelVersion": "g"},
        ],
        Usage(5, 6, None, None, "g", "exact"),
    ),
    "gemini as a long array": (
        [{"a": LONG}, {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 6}}],
        Usage(5, 6, None, None, "", "exact"),
    ),
    "cohere": ({"id": "x", "usage": COHERE_USAGE}, Usage(66, 8, None, None, "", "exact")),
    "cohere, long": ({"text": LONG, "usage": COHERE_USAGE}, Usage(66, 8, None, None, "", "exact")),
    "cohere embeddings, long": (
        {"embeddings": [LONG], "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}}},
        Usage(3, None, None, None, "", "exact"),
    ),
    "workers ai, long": (
        {"result": {"response": LONG, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, "success": True, "errors": []},
        Usage(1, 2, None, None, "", "exact"),
    ),
    "embeddings": (
        {"data": [], "model": "e", "usage": {"prompt_tokens": 8, "total_tokens": 8}},
        Usage(8, None, None, None, "e", "exact"),
    ),
    "deepseek": (
        {"model": "d", "usage": {"prompt_tokens": 8, "completion_tokens": 1, "prompt_cache_hit_tokens": 6}},
        Usage(8, 1, 6, None, "d", "exact"),
    ),
    "no tokens": ({"model": "w", "usage": {"type": "duration", "seconds": 3}}, Usage(model="w")),
    "a null": ({"model": "w", "usage": None}, Usage(model="w")),
    "an error": ({"error": {"message": "usage"}}, UNKNOWN_USAGE),
    "odd numbers": (
        {"usage": {"prompt_tokens": -1, "completion_tokens": True, "input_tokens": "5x", "output_tokens": 2**60}},
        UNKNOWN_USAGE,
    ),
    "odd kinds": ({"model": 5, "usage": [1], "response": "x", "message": [], "delta": 1, "meta": {"tokens": 4}}, UNKNOWN_USAGE),
    "text that looks like usage, long": ({"model": "m", "a": LONG, "b": '"usage":{"prompt_tokens":1}'}, Usage(model="m")),
    "too deep to be the answer's, long": ({"a": LONG, "b": {"c": {"usage": OPENAI_USAGE}}}, UNKNOWN_USAGE),
}


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize("name", OBJECTS)
def test_objects(name: str, size: int) -> None:
    document, usage = OBJECTS[name]
    assert read(orjson.dumps(document), streamed=False, size=size) == usage
    assert read(orjson.dumps(document, option=orjson.OPT_INDENT_2), streamed=False, size=size) == usage


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"usage":{"prompt_tokens":1', b"\x1f\x8b\x08\x00", b"[" * 3000, b'"usage"', b"null"]
)
@pytest.mark.parametrize("whole", [True, False])
def test_what_cannot_be_read_is_unknown(body: bytes, whole: bool) -> None:
    assert read(body, streamed=False, whole=whole) == UNKNOWN_USAGE
    assert read(b"data: " + body + b"\n\n", streamed=True, whole=whole) == UNKNOWN_USAGE


def test_an_object_that_was_cut_tells_what_came() -> None:
    body = orjson.dumps({"model": "m-1", "usage": OPENAI_USAGE})
    assert read(body, streamed=False, whole=False) == FULL
    assert read(body[:-1], streamed=False, whole=False) == FULL._replace(exactness="partial")
    assert read(body[:-1], streamed=False, whole=True) == FULL._replace(exactness="partial"), (
        "it is not whole, whatever is said"
    )
    assert read(body[:-2], streamed=False, whole=False) == Usage(model="m-1")


def test_other_dialects_are_not_read() -> None:
    body = orjson.dumps({"model": "m-1", "usage": OPENAI_USAGE})
    assert read(body, streamed=False, dialect=Dialect.NONE) is UNKNOWN_USAGE
    assert read(sse(USAGE_CHUNK), streamed=True, dialect=Dialect.NONE) is UNKNOWN_USAGE


@pytest.mark.parametrize(
    "piece", [b'\\"', b'"', b"{", b"}", b"[]", b"\\", b'"usage":{', b'"usage" ', b'"usage":\n', b'{"usage":{}},', b"\n\n"]
)
@pytest.mark.parametrize("opening", [b'{"model":"m","usage":{"a":"', b'data: {"usage":{', b'data: {"a":"'])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.timeout(60)
def test_time_grows_with_the_answer_and_no_faster(opening: bytes, piece: bytes, streamed: bool) -> None:
    """Even where an answer is kept whole; in service no more than 64 KiB of it is looked at."""
    assert grows_evenly(lambda body: read(body, streamed=streamed, limit=1 << 20), opening, piece)


SIZES = [1, 13, 1 << 20]


@pytest.mark.parametrize("answer", [*ANSWERS, *SHORT_ANSWERS], ids=lambda answer: answer.name)
def test_answers_as_providers_document_them(answer: Answer) -> None:
    """Whatever their media type says, and however they are cut."""
    for streamed in (True, False):
        for size in SIZES if len(answer.body) < 9000 else SIZES[1:]:
            assert read(answer.body, streamed=streamed, size=size, dialect=answer.dialect) == answer.usage
            limited = read(answer.body, streamed=streamed, size=size, dialect=answer.dialect, limit=64)
            assert limited == answer.usage, "a limit is none to what is found"


@pytest.mark.parametrize("answer", SHORT_ANSWERS, ids=lambda answer: answer.name)
def test_little_is_held_of_long_answers(answer: Answer) -> None:
    reader = usage_reader(answer.dialect, streamed=answer.streamed)
    most = 0
    for at in range(0, len(answer.body), 4096):
        reader.feed(answer.body[at : at + 4096])
        most = max(most, held(reader))
    assert most < 65536 + 16384 + 2 * 4096


def held(reader: Any) -> int:
    """Bytes that the reader keeps, wherever."""
    parts = [getattr(reader, "_held", b"") or b"", getattr(reader, "_start", b"") or b""]
    splitter, long = getattr(reader, "_splitter", None), getattr(reader, "_long", None)
    parts += [splitter._held, long._picker._buffer] if splitter is not None else [long._buffer] if long is not None else []
    inner = getattr(reader, "_events", None) or getattr(reader, "_body", None)
    return sum(map(len, parts)) + (held(inner) if inner is not None else 0)


ERRORS: dict[str, tuple[Dialect, bytes]] = {
    "openai chat": (Dialect.OPENAI, sse(chunk("a"), {"error": {"message": "x", "type": "server_error", "code": None}})),
    "named": (Dialect.OPENAI, sse(chunk("a")) + b"event: error\ndata: gone\n\n"),
    "responses": (Dialect.OPENAI, sse(chunk("a"), {"type": "error", "code": "x", "message": "y", "sequence_number": 3})),
    "responses that failed": (
        Dialect.OPENAI,
        sse({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}, "usage": None}}),
    ),
    "openrouter": (
        Dialect.OPENAI,
        sse(chunk("a"), chunk("", "error", error={"code": "server_error", "message": "Provider disconnected"})),
    ),
    "openrouter, in the choice": (Dialect.OPENAI, sse(chunk("a"), chunk("", "error"))),
    "xai": (Dialect.OPENAI, sse(chunk("a"), {"code": "internal", "error": "The service is down"})),
    "mistral": (Dialect.OPENAI, sse(chunk("a"), {"object": "error", "message": "x"})),
    "anthropic": (
        Dialect.ANTHROPIC,
        sse(MESSAGE_START) + b"event: error\n" + sse({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
    ),
    "gemini": (
        Dialect.GEMINI,
        sse({"candidates": [{}]}, {"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}, end=b"\r\n\r\n"),
    ),
    "gemini as an array": (Dialect.GEMINI, orjson.dumps([{"candidates": [{}]}, {"error": {"code": 503}}])),
    "cohere v2": (
        Dialect.COHERE,
        sse({"type": "message-start"}, {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "boom"}}),
    ),
    "cohere v1": (
        Dialect.COHERE,
        sse({"event_type": "text-generation"}, {"event_type": "stream-end", "finish_reason": "ERROR_TOXIC", "response": {}}),
    ),
    "cloudflare": (Dialect.OPENAI, orjson.dumps({"result": None, "success": False, "errors": [{"code": 5007}]})),
    "a whole answer": (Dialect.OPENAI, orjson.dumps({"error": {"message": "x"}})),
    "without a line end": (Dialect.OPENAI, sse(chunk("a"), {"error": {"message": "x"}}).rstrip(b"\n")),
    "in a long event": (Dialect.OPENAI, sse(chunk("a"), {"a": "x" * 9000, "error": {"message": "x"}})),
}


@pytest.mark.parametrize("size", [1, 13, 1 << 20])
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_within_an_answer_is_noticed(name: str, size: int) -> None:
    dialect, body = ERRORS[name]
    reader = usage_reader(dialect, streamed=body.startswith((b"data", b"event")), limit_bytes=LIMIT)
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
    usage = reader.finish(True)
    assert reader.failed
    assert usage.exactness != "exact", "what an answer that failed has told is not the last word"


@pytest.mark.parametrize("answer", [*ANSWERS, *SHORT_ANSWERS], ids=lambda answer: answer.name)
def test_an_answer_that_talks_of_errors_has_not_failed(answer: Answer) -> None:
    reader = usage_reader(answer.dialect, streamed=answer.streamed)
    said = b'data: {"model":"","choices":[{"delta":{"content":"\\"error\\": ERROR, error"}}],"error":null}\n\n'
    reader.feed(said + answer.body if answer.streamed else answer.body)
    reader.finish(True)
    assert not reader.failed


@pytest.mark.parametrize(
    ("body", "streamed"),
    [
        (b"data: {}\n\n", True),
        (b"event: x\ndata: {}\n\n", True),
        (b": hello\n\n", True),
        (b"\xef\xbb\xbf\n\nid: 1\ndata: {}\n\n", True),
        (b"{}", False),
        (b" \n[{}]", False),
        (b"data", False),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("said", [True, False])
def test_the_bytes_say_what_is_a_stream(body: bytes, streamed: bool, size: int, said: bool) -> None:
    reader = usage_reader(Dialect.OPENAI, streamed=said)
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
    reader.finish(True)
    assert reader.streamed is streamed or (said and body == b"data")


SUMS = [
    {"id": "x", "model": "m-1", "choices": [{"delta": {"content": "a"}}]},
    {"response": "a"},
    {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "modelVersion": "m-1"},
]
"""Events and documents beside which a provider tells what was taken so far."""


@pytest.mark.slow
@pytest.mark.parametrize("size", [97, 1 << 20])
@pytest.mark.parametrize("part", SUMS)
@pytest.mark.parametrize("form", ["events", "events with carriage returns", "array", "lines"])
def test_thousands_of_parts_that_tell_sums_give_exact_counts(part: dict[str, Any], form: str, size: int) -> None:
    parts = [orjson.dumps({**part, "usage": {"prompt_tokens": 7, "completion_tokens": number}}) for number in range(1, 6_001)]
    bodies = {
        "events": sse(*parts, b"[DONE]"),
        "events with carriage returns": sse(*parts, end=b"\r\n\r\n"),
        "array": b"[" + b",".join(parts) + b"]",
        "lines": b"\n".join(parts) + b"\n",
    }
    usage = read(bodies[form], streamed=form.startswith("events"), size=size, limit=65536)
    assert usage[:2] == (7, 6_000)
    assert usage.exactness == "exact"


def test_what_came_before_thousands_of_others_is_not_forgotten() -> None:
    start = {**MESSAGE_START, "message": {"model": "claude-1", "usage": {"input_tokens": 25, "output_tokens": 1}}}
    between = [{"type": "message_delta", "delta": {}, "usage": {"output_tokens": number}} for number in range(3_000)]
    usage = read(
        sse(start, *between, {**MESSAGE_DELTA, "usage": {"output_tokens": 3_001}}), streamed=True, dialect=Dialect.ANTHROPIC
    )
    assert usage == Usage(25, 3_001, None, None, "claude-1", "exact")


def test_counts_out_of_an_answer_that_was_not_read_to_its_end_are_not_exact() -> None:
    body = orjson.dumps({"usage": OPENAI_USAGE, "model": "m-1"}) + b"{" + b'"a":1,' * 50_000
    assert read(body + b'"b":2}', streamed=False) == FULL._replace(exactness="partial")


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [b'data:{"usage":{}}\n\n', b'data:{"usage":{"prompt_tokens":1}}\r\r', b'data:{"error":1}\n\n', b"event:error\ndata\n\n",
     b'data:"usage"\n\n', b"data\n\n", b"data:" + b"{}" * 40_000 + b"\n\n", b"data:{" + b'"a":1,' * 12_000 + b"\n\n"],
    ids=lambda piece: piece[:24].decode(),
)  # fmt: skip
@pytest.mark.parametrize("size", [100, 65536])
def test_a_stream_costs_no_more_steps_than_its_bytes_allow(piece: bytes, size: int) -> None:
    body = piece * max(2, 1_000_000 // len(piece))
    reader: Any = usage_reader(Dialect.OPENAI, streamed=True)
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
    reader.finish(True)
    assert reader._splitter.steps <= 64 + len(body) // 512 + 1
    assert reader._long._picker._steps <= 4_000 + len(body) // 32 + 50
