"""A row names the model of a native request also where the answer names none: errors, embeddings, uploads that stream."""

import json
from typing import Any

import pytest
from fakes.edge import RunningEdge
from fakes.provider import FakeProvider, reply, reply_json

LONG = "x" * 300_000
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + LONG.encode() + b"\r\n"
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n'
)


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status", "model"),
    [
        ("openai/chat/completions", "application/json", {"model": "gpt-5", "messages": []}, 429, "gpt-5"),
        ("anthropic/v1/messages", "application/json", {"max_tokens": 1, "model": "claude-x"}, 529, "claude-x"),
        ("openai/chat/completions", "application/json", {"messages": [LONG], "model": "gpt-5"}, 200, "gpt-5"),
        ("openai/chat/completions", "application/json", {"model": "gpt-5", "messages": [LONG]}, 400, "gpt-5"),
        ("workers-ai/@cf/meta/llama-3-8b", "application/json", {"prompt": "x"}, 200, "@cf/meta/llama-3-8b"),
        ("google-ai-studio/v1beta/models/embedding-001:embedContent", "application/json", {}, 200, "embedding-001"),
        ("openai/audio/transcriptions", "multipart/form-data; boundary=b", FORM, 200, "whisper-1"),
        ("openai/files", "application/octet-stream", LONG.encode(), 200, ""),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_model_of_the_request_where_the_answer_names_none(
    edge: RunningEdge, provider: FakeProvider, path: str, content_type: str, body: Any, status: int, model: str, chunked: bool
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    provider.script(reply_json({"error": {}}, status=status))
    fields = {"authorization": "Bearer sk-own", "content-type": content_type}
    how = {"chunks": [raw[:9000], raw[9000:]] if len(raw) > 9000 else [raw]} if chunked else {"body": raw}
    answer = await edge.ask("POST", edge.native("open", path), fields, **how)
    assert answer.status == status
    record = await edge.record()
    assert record.model == model
    assert provider.only.body == raw


async def test_the_answers_name_counts_more(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(reply(b'{"model":"gpt-5-2026","usage":{"prompt_tokens":1,"completion_tokens":1}}'))
    await edge.ask("POST", edge.native("open", "openai/x"), {"authorization": "Bearer sk-own"}, b'{"model":"gpt-5"}')
    assert (await edge.record()).model == "gpt-5-2026"
