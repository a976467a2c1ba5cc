"""Answers in the providers' own shapes, good enough for their official SDKs, with usage figures that tests can expect."""

import base64
import json
import struct
from dataclasses import dataclass
from typing import Any

TEXT = "Hello from the fake provider."
PIECES = ("Hello ", "from ", "the ", "fake ", "provider.")
TOKENS_IN = 11
TOKENS_OUT = 7
VECTOR = (0.25, -0.5, 1.0)


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    events: tuple[bytes, ...] | None = None
    """Set when the answer is an event stream."""
    status: int = 200
    content_type: str = "application/json"


def answer_for(method: str, target: str, body: bytes) -> Answer:
    """What a provider with this path would say."""
    path = target.partition("?")[0]
    asked = _object(body)
    model, streaming = str(asked.get("model", "")), asked.get("stream") is True
    if path.endswith("/chat/completions"):
        return _events(chat_events(model, usage=_wants_usage(asked))) if streaming else _whole(chat(model))
    if path.endswith("/responses"):
        return _events(response_events(model)) if streaming else _whole(response(model))
    if path.endswith("/messages"):
        return _events(message_events(model)) if streaming else _whole(message(model))
    if path.endswith("/messages/count_tokens"):
        return _whole({"input_tokens": TOKENS_IN})
    if path.endswith("/embeddings"):
        return _whole(embeddings(model, encoded=asked.get("encoding_format") == "base64"))
    if path.endswith("/models") and method == "GET":
        return _whole(models())
    if ":streamGenerateContent" in path:
        return _events(gemini_events())
    if ":generateContent" in path:
        return _whole(gemini())
    return _whole({"method": method, "target": target, "size": len(body)})


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _wants_usage(asked: dict[str, Any]) -> bool:
    return bool((asked.get("stream_options") or {}).get("include_usage"))


def _whole(value: Any) -> Answer:
    return Answer(json.dumps(value).encode())


def _events(events: tuple[bytes, ...]) -> Answer:
    return Answer(events=events, content_type="text/event-stream; charset=utf-8")


def data_event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    return b"event: " + value["type"].encode() + b"\n" + data_event(value)


# --- OpenAI chat completions


def chat(model: str, text: str = TEXT) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": _chat_usage(),
    }


def _chat_usage() -> dict[str, Any]:
    return {
        "prompt_tokens": TOKENS_IN,
        "completion_tokens": TOKENS_OUT,
        "total_tokens": TOKENS_IN + TOKENS_OUT,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def chat_events(model: str, pieces: tuple[str, ...] = PIECES, *, usage: bool = True) -> tuple[bytes, ...]:
    """One event per piece, a closing one, usage if asked for, and `[DONE]`."""
    base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return data_event({**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    first, *rest = pieces
    events = [chunk({"role": "assistant", "content": first}), *(chunk({"content": piece}) for piece in rest), chunk({}, "stop")]
    if usage:
        events.append(data_event({**base, "choices": [], "usage": _chat_usage()}))
    return (*events, b"data: [DONE]\n\n")


# --- OpenAI Responses


def response(model: str, text: str = TEXT, status: str = "completed") -> dict[str, Any]:
    done = status == "completed"
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [_output_item(text)] if done else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": TOKENS_IN,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens": TOKENS_OUT,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": TOKENS_IN + TOKENS_OUT,
        }
        if done
        else None,
    }


def _output_item(text: str, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}] if status == "completed" else []
    return {"id": "msg_fake", "type": "message", "status": status, "role": "assistant", "content": content}


def response_events(model: str, pieces: tuple[str, ...] = PIECES) -> tuple[bytes, ...]:
    place = {"item_id": "msg_fake", "output_index": 0, "content_index": 0}
    text = "".join(pieces)
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    values: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(model, status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": _output_item("", "in_progress")},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in pieces),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": _output_item(text)},
        {"type": "response.completed", "response": response(model, text)},
    ]
    return tuple(named_event({**value, "sequence_number": number}) for number, value in enumerate(values))


# --- OpenAI embeddings and models


def embeddings(model: str, *, encoded: bool) -> dict[str, Any]:
    vector: Any = base64.b64encode(struct.pack("<3f", *VECTOR)).decode() if encoded else list(VECTOR)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": model,
        "usage": {"prompt_tokens": TOKENS_IN, "total_tokens": TOKENS_IN},
    }


def models() -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"id": "gpt-4.1-mini", "object": "model", "created": 1_744_000_000, "owned_by": "openai"}],
    }


# --- Anthropic Messages


def message(model: str, text: str = TEXT) -> dict[str, Any]:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": TOKENS_IN,
            "output_tokens": TOKENS_OUT,
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 0,
        },
    }


def message_events(model: str, pieces: tuple[str, ...] = PIECES) -> tuple[bytes, ...]:
    start = {**message(model), "content": [], "stop_reason": None}
    start["usage"] = {**start["usage"], "output_tokens": 1}
    values: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in pieces),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": TOKENS_OUT},
        },
        {"type": "message_stop"},
    ]
    return tuple(map(named_event, values))


# --- Gemini


def gemini(text: str = TEXT, *, final: bool = True) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if final:
        candidate["finishReason"] = "STOP"
    usage = {
        "promptTokenCount": TOKENS_IN,
        "candidatesTokenCount": TOKENS_OUT - 2,
        "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 3,
        "totalTokenCount": TOKENS_IN + TOKENS_OUT,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "fake"}


def gemini_events(pieces: tuple[str, ...] = PIECES) -> tuple[bytes, ...]:
    last = len(pieces) - 1
    return tuple(
        b"data: " + json.dumps(gemini(piece, final=number == last)).encode() + b"\r\n\r\n"
        for number, piece in enumerate(pieces)
    )
