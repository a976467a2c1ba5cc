"""What a row tells of an answer: streams under any media type, errors within a 200, codings, and calls that only read."""

import gzip

import brotli
import pytest
from fakes.edge import RunningEdge
from fakes.provider import FakeProvider, reply, stream

from gateway.protocol.inflate import zstd

KEY = {"authorization": "Bearer sk-own"}
EVENTS = (
    b'data: {"model":"m","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n',
    b'data: {"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n',
    b"data: [DONE]\n\n",
)
WHOLE = b'{"id":"resp_1","model":"m","usage":{"input_tokens":3,"output_tokens":5,"total_tokens":8}}'


@pytest.mark.parametrize(
    "content_type",
    ["text/event-stream", "Text/Event-Stream; charset=utf-8", "application/json", "text/plain", "application/x-x", ""],
)
async def test_a_stream_is_one_whatever_its_media_type(edge: RunningEdge, provider: FakeProvider, content_type: str) -> None:
    provider.script(stream(EVENTS, (("Content-Type", content_type),) if content_type else ()))
    answer = await edge.ask("POST", edge.native("open", "openai/chat/completions"), KEY, b"{}")
    assert answer.body == b"".join(EVENTS)
    record = await edge.record()
    assert (record.streamed, record.events, record.outcome, record.success) == (True, 3, "completed", True)
    assert (record.model, record.tokens_in, record.tokens_out) == ("m", 3, 5)


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("openai/chat/completions", b'data: {"error":{"message":"x","type":"server_error"}}\n\n'),
        ("openai/responses", b'event: error\ndata: {"type":"error","code":"server_error","message":"x"}\n\n'),
        ("openai/responses", b'data: {"type":"response.failed","response":{"status":"failed","error":{"code":"x"}}}\n\n'),
        ("anthropic/v1/messages", b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'),
        ("google-ai-studio/v1beta/models/m:streamGenerateContent", b'data: {"error":{"code":503}}\r\n\r\n'),
        ("openai/chat/completions", b'data: {"error":{"code":502},"choices":[{"finish_reason":"error"}]}\n\n'),
    ],
)
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
async def test_an_error_within_a_stream_is_its_outcome(
    edge: RunningEdge, provider: FakeProvider, path: str, event: bytes, content_type: str
) -> None:
    provider.script(stream((EVENTS[0], event), (("Content-Type", content_type),)))
    answer = await edge.ask("POST", edge.native("open", path), KEY, b"{}")
    assert (answer.status, answer.body) == (200, EVENTS[0] + event)
    record = await edge.record()
    assert (record.status_code, record.outcome, record.success) == (200, "upstream_error", False)


@pytest.mark.parametrize(
    ("coding", "code"), [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstd.compress), ("Identity", bytes)]
)
async def test_answers_in_any_coding_cross_as_they_are_and_are_counted(
    edge: RunningEdge, provider: FakeProvider, coding: str, code
) -> None:
    coded = code(b"".join(EVENTS))
    provider.script(reply(coded, headers=(("Content-Type", "text/event-stream"), ("Content-Encoding", coding))))
    answer = await edge.ask(
        "POST", edge.native("open", "openai/chat/completions"), {**KEY, "accept-encoding": "br, zstd"}, b"{}"
    )
    assert answer.body == coded
    assert provider.only.header("accept-encoding") == "br, zstd"
    record = await edge.record()
    assert (record.tokens_in, record.tokens_out, record.model, record.streamed) == (3, 5, "m", True)


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("POST", "openai/responses", True),
        ("GET", "openai/responses/resp_1", False),
        ("POST", "openai/responses/resp_1/cancel", False),
        ("DELETE", "openai/responses/resp_1", False),
        ("GET", "openai/chat/completions", False),
        ("POST", "anthropic/v1/messages/count_tokens", False),
    ],
)
async def test_reading_an_answer_again_counts_nothing(
    edge: RunningEdge, provider: FakeProvider, method: str, path: str, counted: bool
) -> None:
    provider.script(reply(WHOLE))
    answer = await edge.ask(method, edge.native("open", path), KEY, b"{}" if method == "POST" else b"")
    assert answer.body == WHOLE
    record = await edge.record()
    assert (record.tokens_in, record.tokens_out) == ((3, 5) if counted else (None, None))
