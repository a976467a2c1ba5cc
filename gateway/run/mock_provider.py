"""A provider for `gateway demo`: answers in the shapes of OpenAI, Anthropic and Gemini, streaming word by word, with usage.

It knows no keys and no models; what it says depends on nothing but the endpoint.
"""

import asyncio
import base64
import re
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import orjson
from aiohttp import web

ANSWER: Final = "Hello from the mock provider: every word of this answer came through the gateway as it was said."
_WORDS: Final = tuple(re.findall(r"\S+\s?", ANSWER))
_VECTOR: Final = tuple(round(0.1 * (place - 4), 1) for place in range(8))
_TOKENS_IN: Final = 12
_TOKENS_OUT: Final = len(_WORDS)

Json = dict[str, Any]


def mock_provider(pause_s: float = 0.04) -> web.Application:
    """`pause_s`: between the words of a stream."""
    provider = _Provider(pause_s)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", provider.answer)
    return app


class _Provider:
    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Told apart by the end of the path: each provider has another beginning."""
        path = request.path
        if request.method == "GET" and path.endswith("/models"):
            return _json({"object": "list", "data": [{"id": "mock-1", "object": "model", "owned_by": "mock"}]})
        try:
            asked = orjson.loads(await request.read())
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return _json({"error": {"message": "the body is not a JSON object", "type": "invalid_request_error"}}, status=400)
        for ending, whole, events in _ENDPOINTS:
            if path.endswith(ending):
                streamed = asked.get("stream") is True or ending == ":streamGenerateContent"
                return await self._stream(request, events(asked)) if streamed else _json(whole(asked))
        return _json({"error": {"message": "the mock provider has no such endpoint", "type": "not_found"}}, status=404)

    async def _stream(self, request: web.Request, events: Iterator[bytes]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        # Clients close the connection when they have read the last event, or no longer want the rest: no news to anybody.
        with suppress(ConnectionResetError):
            await response.prepare(request)
            async for event in self._paced(events):
                await response.write(event)
            await response.write_eof()
        return response

    async def _paced(self, events: Iterator[bytes]) -> AsyncIterator[bytes]:
        for event in events:
            yield event
            await asyncio.sleep(self._pause_s)


def _json(value: Json, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def _event(value: Json, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + orjson.dumps(value) + b"\n\n"


def _model(asked: Json) -> str:
    return str(asked.get("model", "mock-1"))


# --- OpenAI chat completions

_CHAT_USAGE: Final = {
    "prompt_tokens": _TOKENS_IN,
    "completion_tokens": _TOKENS_OUT,
    "total_tokens": _TOKENS_IN + _TOKENS_OUT,
}


def _chat(asked: Json) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    return _chat_head(asked, "chat.completion") | {"choices": [choice], "usage": _CHAT_USAGE}


def _chat_head(asked: Json, kind: str) -> Json:
    return {"id": "chatcmpl-mock", "object": kind, "created": int(time.time()), "model": _model(asked)}


def _chat_events(asked: Json) -> Iterator[bytes]:
    head = _chat_head(asked, "chat.completion.chunk")
    for place, word in enumerate(_WORDS):
        delta = {"content": word} if place else {"role": "assistant", "content": word}
        yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield _event(head | {"choices": [], "usage": _CHAT_USAGE})
    yield b"data: [DONE]\n\n"


# --- OpenAI responses


def _response(asked: Json) -> Json:
    return _response_head(asked, "completed", [_response_message()]) | {"usage": _RESPONSE_USAGE}


_RESPONSE_USAGE: Final = {
    "input_tokens": _TOKENS_IN,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": _TOKENS_OUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": _TOKENS_IN + _TOKENS_OUT,
}


def _response_head(asked: Json, status: str, output: list[Json]) -> Json:
    return {
        "id": "resp_mock",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "model": _model(asked),
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _response_message(text: str = ANSWER, status: str = "completed") -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
    return {"id": "msg_mock", "type": "message", "role": "assistant", "status": status, "content": content}


def _response_events(asked: Json) -> Iterator[bytes]:
    number = iter(range(10_000))

    def event(kind: str, **fields: Any) -> bytes:
        return _event({"type": kind, "sequence_number": next(number)} | fields, kind)

    place = {"item_id": "msg_mock", "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": []}
    yield event("response.created", response=_response_head(asked, "in_progress", []))
    yield event("response.output_item.added", output_index=0, item=_response_message("", "in_progress"))
    yield event("response.content_part.added", **place, part=empty)
    for word in _WORDS:
        yield event("response.output_text.delta", **place, delta=word, logprobs=[])
    yield event("response.output_text.done", **place, text=ANSWER, logprobs=[])
    yield event("response.content_part.done", **place, part=empty | {"text": ANSWER})
    yield event("response.output_item.done", output_index=0, item=_response_message())
    yield event("response.completed", response=_response(asked))


# --- Anthropic messages


def _message(asked: Json) -> Json:
    return {
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": _model(asked),
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": _TOKENS_IN, "output_tokens": _TOKENS_OUT},
    }


def _message_events(asked: Json) -> Iterator[bytes]:
    def event(kind: str, **fields: Any) -> bytes:
        return _event({"type": kind} | fields, kind)

    usage = {"input_tokens": _TOKENS_IN, "output_tokens": 1}
    yield event("message_start", message=_message(asked) | {"content": [], "stop_reason": None, "usage": usage})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in _WORDS:
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield event("content_block_stop", index=0)
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=ending, usage={"output_tokens": _TOKENS_OUT})
    yield event("message_stop")


# --- Gemini


def _gemini(asked: Json, text: str = ANSWER, finish: str | None = "STOP") -> Json:
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
    if finish:
        candidate["finishReason"] = finish
    usage = {
        "promptTokenCount": _TOKENS_IN,
        "candidatesTokenCount": _TOKENS_OUT,
        "totalTokenCount": _TOKENS_IN + _TOKENS_OUT,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": _model(asked)}


def _gemini_events(asked: Json) -> Iterator[bytes]:
    for place, word in enumerate(_WORDS, 1):
        yield _event(_gemini(asked, word, "STOP" if place == len(_WORDS) else None))


# --- embeddings


def _embeddings(asked: Json) -> Json:
    inputs = asked.get("input")
    count = len(inputs) if isinstance(inputs, list) else 1
    packed = base64.b64encode(struct.pack(f"<{len(_VECTOR)}f", *_VECTOR)).decode()
    vector: Any = packed if asked.get("encoding_format") == "base64" else list(_VECTOR)
    data = [{"object": "embedding", "index": place, "embedding": vector} for place in range(count)]
    usage = {"prompt_tokens": _TOKENS_IN, "total_tokens": _TOKENS_IN}
    return {"object": "list", "model": _model(asked), "data": data, "usage": usage}


def _no_events(asked: Json) -> Iterator[bytes]:
    yield _event({"error": {"message": "embeddings do not stream", "type": "invalid_request_error"}})


_Endpoint = tuple[str, Callable[[Json], Json], Callable[[Json], Iterator[bytes]]]
_ENDPOINTS: Final[tuple[_Endpoint, ...]] = (
    ("/chat/completions", _chat, _chat_events),
    ("/responses", _response, _response_events),
    ("/messages", _message, _message_events),
    ("/embeddings", _embeddings, _no_events),
    (":generateContent", _gemini, _gemini_events),
    (":streamGenerateContent", _gemini, _gemini_events),
)
