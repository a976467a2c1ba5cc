"""A provider that lets a coding agent look something up: it has the agent read a file, and says what stood there.

Whatever the dialect, and whichever tools the agent offers: the first turn asks for one that reads `note.txt`, the second
repeats the word that came back. Answers are coded as told, where the agent takes that coding.
"""

import gzip
import json
import re
from typing import Any

import brotli
from fakes.dialects import TOKENS_IN, TOKENS_OUT, data_event, message, named_event, response
from fakes.provider import Behaviour, Exchange

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from backports import zstd

WORD = "tangerine-4711"
"""Stands in the note, and nowhere in what the agent is asked."""
_NOTE = re.compile(r"/[^\s\"'\\]*note\.txt")
_CODERS = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress}

Call = tuple[str, dict[str, Any]]


def agent_turns(coding: str, codings: list[tuple[str, str]]) -> Behaviour:
    """One such turn after the other, by what was asked; `codings` tells of each what was offered and what was sent."""

    async def behaviour(exchange: Exchange) -> None:
        sent = await exchange.body()
        if exchange.received.header("content-encoding") == "zstd":
            sent = zstd.decompress(sent)
        whole = b"".join(_turn(exchange.received.path, json.loads(sent or b"{}"), sent.decode()))
        offered = exchange.received.header("accept-encoding") or ""
        accepted = {part.partition(";")[0].strip() for part in offered.split(",")}
        fields = [("Content-Type", "text/event-stream; charset=utf-8")]
        codings.append((offered, coding if coding in accepted else ""))
        if coding in accepted:
            whole = _CODERS[coding](whole)
            fields.append(("Content-Encoding", coding))
        await exchange.head(200, fields)
        half = len(whole) // 2
        for piece in (whole[:half], whole[half:]):
            await exchange.part(piece)
        await exchange.end()

    return behaviour


def _turn(path: str, asked: dict[str, Any], text: str) -> list[bytes]:
    model = str(asked.get("model", ""))
    if WORD in text:
        said, call = f"The word is {WORD}.", None
    else:
        said, call = "Reading the note.", _call(path, asked, text)
    if path.endswith("/messages"):
        return _messages(model, said, call)
    if path.endswith("/responses"):
        return _responses(model, said, call)
    return _gemini(model, said, call) if "GenerateContent" in path else _chat(model, said, call)


def _call(path: str, asked: dict[str, Any], text: str) -> Call | None:
    """The offered tool that reads a file, and what to give it; None where none is offered (titles, summaries)."""
    found = _NOTE.search(text)
    if found is None:
        return None
    note = found[0]
    tools = asked.get("tools") or []
    if "GenerateContent" in path:
        tools = [one for tool in tools for one in tool.get("functionDeclarations", [])]
    offered = {(tool.get("function") or tool).get("name") for tool in tools}
    arguments: dict[str, dict[str, Any]] = {
        "Read": {"file_path": note},
        "read": {"filePath": note},
        "read_file": {"file_path": note, "absolute_path": note},
        "exec_command": {"cmd": f"cat {note}"},
        "shell_command": {"command": f"cat {note}"},
        "shell": {"command": ["cat", note]},
    }
    return next(((name, given) for name, given in arguments.items() if name in offered), None)


def _messages(model: str, said: str, call: Call | None) -> list[bytes]:
    start = {**message(model), "content": [], "stop_reason": None}
    values: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}},
        {"type": "content_block_stop", "index": 0},
    ]
    if call is not None:
        block = {"type": "tool_use", "id": "toolu_fake", "name": call[0], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
        values += [
            {"type": "content_block_start", "index": 1, "content_block": block},
            {"type": "content_block_delta", "index": 1, "delta": delta},
            {"type": "content_block_stop", "index": 1},
        ]
    reason = "tool_use" if call is not None else "end_turn"
    ended = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
    return [
        *map(named_event, values),
        named_event({**ended, "usage": {"output_tokens": TOKENS_OUT}}),
        named_event({"type": "message_stop"}),
    ]


def _responses(model: str, said: str, call: Call | None) -> list[bytes]:
    if call is None:
        part = {"type": "output_text", "text": said, "annotations": []}
        item = {"id": "msg_fake", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    else:
        item = {"id": "fc_fake", "type": "function_call", "status": "completed", "call_id": "call_fake", "name": call[0]}
        item["arguments"] = json.dumps(call[1])
    whole = {**response(model, said), "output": [item]}
    values = [
        {"type": "response.created", "response": response(model, status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return [named_event({**value, "sequence_number": number}) for number, value in enumerate(values)]


def _chat(model: str, said: str, call: Call | None) -> list[bytes]:
    base = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return data_event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    events = [chunk({"role": "assistant", "content": said})]
    if call is not None:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        events.append(chunk({"tool_calls": [{"index": 0, "id": "call_fake", "type": "function", "function": function}]}))
    usage = {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT}
    ended = chunk({}, "stop" if call is None else "tool_calls")
    return [*events, ended, data_event({**base, "choices": [], "usage": usage}), b"data: [DONE]\n\n"]


def _gemini(model: str, said: str, call: Call | None) -> list[bytes]:
    parts: list[dict[str, Any]] = [{"text": said}]
    if call is not None:
        parts.append({"functionCall": {"name": call[0], "args": call[1]}})
    usage = {"promptTokenCount": TOKENS_IN, "candidatesTokenCount": TOKENS_OUT, "totalTokenCount": TOKENS_IN + TOKENS_OUT}
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, "finishReason": "STOP"}
    return [
        data_event(
            {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "fake"}
        )
    ]
