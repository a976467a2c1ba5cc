import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.run.mock_provider import ANSWER, mock_provider


@pytest.fixture
async def provider() -> AsyncIterator[Any]:
    async with TestClient(TestServer(mock_provider(pause_s=0))) as client:
        yield client


CHAT = "/v1/chat/completions"
GEMINI = "/v1beta/models/gemini-2.5-flash"


def events(text: str) -> list[dict[str, Any]]:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [orjson.loads(line) for line in data if line != "[DONE]"]


async def test_chat_whole_and_streamed_say_the_same(provider: Any) -> None:
    whole = await (await provider.post(CHAT, json={"model": "m"})).json()
    assert whole["choices"][0]["message"]["content"] == ANSWER
    assert whole["usage"]["total_tokens"] == whole["usage"]["prompt_tokens"] + whole["usage"]["completion_tokens"]
    asked = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
    streamed = await provider.post(CHAT, json=asked)
    assert streamed.content_type == "text/event-stream"
    text = await streamed.text()
    assert text.endswith("data: [DONE]\n\n")
    parts = events(text)
    assert "".join(part["choices"][0]["delta"].get("content", "") for part in parts if part["choices"]) == ANSWER
    assert parts[-1]["usage"] == whole["usage"]


async def test_usage_in_a_chat_stream_only_when_asked_for(provider: Any) -> None:
    text = await (await provider.post(CHAT, json={"stream": True})).text()
    assert "usage" not in text


async def test_responses(provider: Any) -> None:
    whole = await (await provider.post("/v1/responses", json={"model": "m"})).json()
    assert whole["output"][0]["content"][0]["text"] == ANSWER
    parts = events(await (await provider.post("/v1/responses", json={"model": "m", "stream": True})).text())
    assert [part["sequence_number"] for part in parts] == list(range(len(parts)))
    assert "".join(part["delta"] for part in parts if part["type"] == "response.output_text.delta") == ANSWER
    assert parts[-1]["type"] == "response.completed"
    assert parts[-1]["response"]["usage"] == whole["usage"]


async def test_messages(provider: Any) -> None:
    whole = await (await provider.post("/v1/messages", json={"model": "m"})).json()
    assert whole["content"] == [{"type": "text", "text": ANSWER}]
    text = await (await provider.post("/v1/messages", json={"model": "m", "stream": True})).text()
    parts = events(text)
    assert [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")] == [
        part["type"] for part in parts
    ]
    assert "".join(part["delta"]["text"] for part in parts if part["type"] == "content_block_delta") == ANSWER
    assert (parts[0]["type"], parts[-1]["type"]) == ("message_start", "message_stop")


async def test_gemini(provider: Any) -> None:
    whole = await (await provider.post(f"{GEMINI}:generateContent", json={})).json()
    assert whole["candidates"][0]["content"]["parts"] == [{"text": ANSWER}]
    parts = events(await (await provider.post(f"{GEMINI}:streamGenerateContent?alt=sse", json={})).text())
    assert "".join(part["candidates"][0]["content"]["parts"][0]["text"] for part in parts) == ANSWER
    assert parts[-1]["usageMetadata"] == whole["usageMetadata"]


@pytest.mark.parametrize(("asked", "kind"), [({}, list), ({"encoding_format": "base64"}, str)])
async def test_embeddings(provider: Any, asked: dict[str, str], kind: type) -> None:
    found = await (await provider.post("/v1/embeddings", json={"input": ["a", "b"], **asked})).json()
    assert [type(row["embedding"]) for row in found["data"]] == [kind, kind]
    assert found["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/v1/images", b"{}", 404), (CHAT, b"no json", 400), (CHAT, b"[1]", 400)],
)
async def test_what_it_does_not_know(provider: Any, path: str, body: bytes, status: int) -> None:
    answer = await provider.post(path, data=body)
    assert answer.status == status
    assert "error" in await answer.json()


async def test_models(provider: Any) -> None:
    assert (await (await provider.get("/v1/models")).json())["object"] == "list"


async def test_a_client_that_leaves_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with TestServer(mock_provider(pause_s=0.001)) as server, TestClient(server) as client:
        answer = await client.post(CHAT, json={"model": "m", "stream": True})
        await answer.content.readany()
        answer.close()
        # The server ends what is under way when it stops: whatever it had to say of it, it has said by then.
        await server.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
