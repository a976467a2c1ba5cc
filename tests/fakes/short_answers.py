"""Usage as each API spells it, the rest of the answer left out but for what the reader looks at; as `answers.py` otherwise."""

# ruff: noqa: E501 - an answer stands on as few lines as it may

from typing import Any

import orjson
from fakes.answers import Answer

from gateway.model.records import Usage
from gateway.model.targets import Dialect

OPENAI, ANTHROPIC, GEMINI, COHERE = Dialect.OPENAI, Dialect.ANTHROPIC, Dialect.GEMINI, Dialect.COHERE


def events(*documents: Any, end: bytes = b"\n\n") -> bytes:
    return b"".join(b"data: " + orjson.dumps(document) + end for document in documents)


def whole(name: str, document: Any, usage: Usage, dialect: Dialect = OPENAI) -> Answer:
    return Answer(name, dialect, orjson.dumps(document), usage)


def streamed(name: str, documents: list[Any], usage: Usage, dialect: Dialect = OPENAI) -> Answer:
    return Answer(name, dialect, events(*documents), usage)


def told(
    tokens_in: int | None,
    tokens_out: int | None = None,
    cached: int | None = None,
    reasoning: int | None = None,
    written: int | None = None,
    model: str = "m",
) -> Usage:
    return Usage(tokens_in, tokens_out, cached, reasoning, model, "exact", written)


def chat(usage: Any, **more: Any) -> dict[str, Any]:
    return {"object": "chat.completion", "model": "m", "choices": [{"finish_reason": "stop"}], "usage": usage, **more}


def message(usage: Any) -> dict[str, Any]:
    return {"type": "message", "model": "m", "content": [], "stop_reason": "end_turn", "usage": usage}


def gemini(usage: Any, finish: str | None = "STOP") -> dict[str, Any]:
    return {"candidates": [{"finishReason": finish}], "usageMetadata": usage, "modelVersion": "m"}


RESPONSES_USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 12},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 123,
}
TOOLS = [{"type": "function", "name": f"t{number}", "description": 'Say "usage": {' * 40} for number in range(150)]
ECHO = {"instructions": "x" * 70_000, "model": "m", "tools": TOOLS, "usage": RESPONSES_USAGE, "metadata": {"k": "v" * 20_000}}
START = {"input_tokens": 15, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 100, "output_tokens": 1}

SHORT_ANSWERS = (
    # --- OpenAI chat and its kin
    whole("chat beside Responses' names without counts", chat({
        "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "input_tokens": 31493594, "output_tokens": 19786241,
        "input_tokens_details": {"cached_tokens": 24045184},
    }), told(31493594, 19786241, 24045184)),
    whole("Responses' names beside chat's without counts", chat({
        "input_tokens": 0, "output_tokens": 0, "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10,
    }), told(7, 3)),
    whole("chat with null details", chat({
        "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }), told(7, 3)),
    whole("chat with a cache bigger than the prompt", chat({
        "prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 70},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }), told(7, 3, 7, 3)),
    whole("counts as text", chat({"prompt_tokens": "26", "completion_tokens": "98", "total_tokens": "124"}), told(26, 98)),
    whole("counts with a point", chat({"prompt_tokens": 26.0, "completion_tokens": 98.5}), told(26)),
    whole("a total alone", chat({"total_tokens": 26}), Usage(model="m")),
    whole("counts that are none", chat({"prompt_tokens": True, "completion_tokens": -4, "total_tokens": 10**18}), Usage(model="m")),
    Answer("counts beyond all numbers", OPENAI, b'{"model":"m","usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":'
           b'1000000000000000000000000000000,"input_tokens":1e300,"prompt_tokens_details":{"cached_tokens":-0.5}}}', told(7, 3)),
    Answer("a count that is no JSON", OPENAI, b'{"model":"m","usage":{"prompt_tokens":NaN,"completion_tokens":3}}', Usage(model="m")),
    whole("a total below its parts", chat({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 4}), told(7, 3)),
    whole("gemini by compat", chat({"prompt_tokens": 41, "completion_tokens": 5, "total_tokens": 389}), told(41, 348, None, 343)),
    streamed("gemini by compat, streamed", [
        chat({"prompt_tokens": 41, "completion_tokens": 0, "total_tokens": 41}),
        chat({"prompt_tokens": 41, "completion_tokens": 5, "total_tokens": 389}),
    ], told(41, 348, None, 343)),
    whole("xai", chat({
        "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, "completion_tokens_details": {"reasoning_tokens": 94},
    }), told(32, 103, None, 94)),
    whole("moonshot", {"model": "m", "choices": [{"finish_reason": "stop", "usage": {
        "prompt_tokens": 19, "completion_tokens": 21, "total_tokens": 40, "cached_tokens": 10,
    }}]}, told(19, 21, 10)),
    streamed("moonshot, streamed", [
        {"model": "m", "choices": [{"delta": {"content": "a"}, "finish_reason": None}]},
        {"model": "m", "choices": [{"finish_reason": "stop", "usage": {"prompt_tokens": 19, "completion_tokens": 21}}]},
    ], told(19, 21)),
    whole("alibaba, explicit cache", chat({
        "prompt_tokens": 3019, "completion_tokens": 104, "total_tokens": 3123,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 2048, "cache_type": "ephemeral"},
    }), told(3019, 104, 0, None, 2048)),
    whole("litellm", chat({
        "prompt_tokens": 1015, "completion_tokens": 30, "total_tokens": 1045, "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 100, "prompt_tokens_details": {"cached_tokens": 900},
    }), told(1015, 30, 900, None, 100)),
    whole("a proxy that leaves the cache out of the prompt", chat({
        "prompt_tokens": 15, "completion_tokens": 30, "total_tokens": 1045,
        "prompt_tokens_details": {"cached_tokens": 900, "cache_creation_tokens": 100},
    }), told(1015, 30, 900, None, 100)),
    whole("perplexity, short reasoning", chat({
        "prompt_tokens": 33, "completion_tokens": 7163, "total_tokens": 7196, "num_search_queries": 3, "reasoning_tokens": 400,
    }), told(33, 7563, None, 400)),
    whole("reasoning at the top, within", chat({
        "prompt_tokens": 33, "completion_tokens": 500, "total_tokens": 533, "reasoning_tokens": 400,
    }), told(33, 500, None, 400)),
    whole("azure", chat({
        "prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 2},
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0, "audio_tokens": 0, "reasoning_tokens": 1, "rejected_prediction_tokens": 0,
        },
    }, prompt_filter_results=[]), told(10, 4, 2, 1)),
    whole("mistral", chat({"prompt_tokens": 10, "total_tokens": 14, "completion_tokens": 4, "num_cached_tokens": 0}), told(10, 4)),
    streamed("usage in each event, zeros behind", [
        {"model": "m", "choices": [{"finish_reason": None}], "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
        {"model": "m", "choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 12}},
        {"model": "m", "choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}},
    ], told(9, 12)),
    whole("embeddings", {"model": "m", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}, told(8)),
    # --- OpenAI Responses, transcriptions, images
    streamed("responses that echo their tools", [
        {"type": "response.created", "response": {**ECHO, "usage": None}},
        {"type": "response.in_progress", "response": {**ECHO, "usage": None}},
        {"type": "response.output_text.delta", "delta": "hi"},
        {"type": "response.completed", "response": ECHO},
    ], told(36, 87, 12, 64)),
    whole("responses over the limit", ECHO, told(36, 87, 12, 64)),
    whole("usage before a long content", {"usage": RESPONSES_USAGE, "model": "m", "output": ["x" * 200_000]}, told(36, 87, 12, 64)),
    whole("usage amid a long content", {"a": ["x" * 90_000], "usage": RESPONSES_USAGE, "model": "m", "b": TOOLS}, told(36, 87, 12, 64)),
    whole("a transcription", {"text": "hi", "usage": {
        "type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 0, "audio_tokens": 14}, "output_tokens": 45,
        "total_tokens": 59,
    }}, told(14, 45, model="")),
    whole("a transcription by seconds", {"text": "hi", "usage": {"type": "duration", "seconds": 9}}, Usage()),
    streamed("a transcription, streamed", [
        {"type": "transcript.text.delta", "delta": "hi"},
        {"type": "transcript.text.done", "text": "hi", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45}},
    ], told(14, 45, model="")),
    whole("an image", {"created": 1, "data": [{"b64_json": "A" * 300_000}], "usage": {
        "total_tokens": 100, "input_tokens": 50, "output_tokens": 50, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    }}, told(50, 50, model="")),
    streamed("an image, streamed", [
        {"type": "image_generation.partial_image", "b64_json": "A" * 100_000},
        {"type": "image_generation.completed", "b64_json": "A" * 100_000, "usage": {"input_tokens": 50, "output_tokens": 50}},
    ], told(50, 50, model="")),
    streamed("a run of the assistants", [
        {"object": "thread.run", "model": "m", "usage": None},
        {"object": "thread.run", "model": "m", "usage": {"prompt_tokens": 20, "completion_tokens": 11, "total_tokens": 31}},
    ], told(20, 11)),
    # --- Anthropic
    streamed("messages whose delta repeats zeros", [
        {"type": "message_start", "message": {"model": "m", "usage": START}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
            "input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 30,
        }},
        {"type": "message_stop"},
    ], told(15, 30, 900, None, 100), ANTHROPIC),
    streamed("messages whose delta knows the input", [
        {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 0, "output_tokens": 0}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {**START, "output_tokens": 30}},
    ], told(15, 30, 900, None, 100), ANTHROPIC),
    whole("messages", message({**START, "output_tokens": 30}), told(15, 30, 900, None, 100), ANTHROPIC),
    whole("messages of another provider", message({**START, "output_tokens": 30}), told(15, 30, 900, None, 100)),
    whole("messages with the cache by its age alone", message({
        "input_tokens": 15, "output_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
    }), told(15, 30, None, None, 100), ANTHROPIC),
    # --- Gemini
    whole("gemini with tools", gemini({
        "promptTokenCount": 26, "toolUsePromptTokenCount": 12504, "candidatesTokenCount": 7, "totalTokenCount": 12537,
    }), told(12530, 7), GEMINI),
    whole("gemini that thinks", gemini({
        "promptTokenCount": 8, "candidatesTokenCount": 5, "thoughtsTokenCount": 32, "totalTokenCount": 45,
    }), told(8, 37, None, 32), GEMINI),
    whole("gemini whose answer holds the thoughts", gemini({
        "promptTokenCount": 8, "candidatesTokenCount": 37, "thoughtsTokenCount": 32, "totalTokenCount": 45,
    }), told(8, 37, None, 32), GEMINI),
    whole("gemini that was blocked", gemini({"promptTokenCount": 8, "totalTokenCount": 8}), told(8), GEMINI),
    streamed("gemini, streamed, with less behind", [
        gemini({"promptTokenCount": 8, "totalTokenCount": 40, "thoughtsTokenCount": 32}, None),
        gemini({"promptTokenCount": 8, "candidatesTokenCount": 5, "thoughtsTokenCount": 32, "totalTokenCount": 45}),
        gemini({"promptTokenCount": 8, "totalTokenCount": 8}),
    ], told(8, 37, None, 32), GEMINI),
    whole("gemini as an array", [
        gemini({"promptTokenCount": 8}, None), gemini({"promptTokenCount": 8, "candidatesTokenCount": 5}),
    ], told(8, 5), GEMINI),
    whole("gemini behind code assist", {"response": gemini({"promptTokenCount": 8, "candidatesTokenCount": 5})}, told(8, 5), GEMINI),
    whole("gemini embeddings", {"embedding": {"values": [0.1]}, "usageMetadata": {"promptTokenCount": 4}}, told(4, model=""), GEMINI),
    whole("gemini live", {"usageMetadata": {
        "promptTokenCount": 8, "responseTokenCount": 5, "totalTokenCount": 13,
    }}, told(8, 5, model=""), GEMINI),
    whole("gemini interactions", {"model": "m", "usage": {
        "total_input_tokens": 8, "total_output_tokens": 5, "total_thought_tokens": 32, "total_tool_use_tokens": 100,
        "total_cached_tokens": 2, "total_tokens": 145,
    }}, told(108, 37, 2, 32), GEMINI),
    # --- others
    whole("cohere v2", {"message": {}, "usage": {
        "billed_units": {"input_tokens": 5, "output_tokens": 418}, "tokens": {"input_tokens": 71, "output_tokens": 420.0},
    }}, told(71, 420, model=""), COHERE),
    whole("cohere v1 embeddings over the limit", {"embeddings": [[0.125] * 30_000], "meta": {"billed_units": {"input_tokens": 3}}},
          told(3, model=""), COHERE),
    streamed("cohere v1", [
        {"event_type": "text-generation", "text": "a"},
        {"event_type": "stream-end", "response": {"meta": {"tokens": {"input_tokens": 7, "output_tokens": 8}}}},
    ], told(7, 8, model=""), COHERE),
    whole("cohere rerank", {"results": [], "meta": {"billed_units": {"search_units": 1}}}, Usage(), COHERE),
    Answer("cohere v1 as lines", COHERE, b'{"event_type":"text-generation","text":"a"}\n'
           b'{"event_type":"stream-end","response":{"meta":{"tokens":{"input_tokens":7,"output_tokens":8}}}}\n',
           told(7, 8, model="")),
    whole("workers ai", {"result": {"response": "a", "usage": {"prompt_tokens": 26, "completion_tokens": 98}}, "success": True},
          told(26, 98, model="")),
    whole("bedrock converse", {"output": {}, "usage": {
        "inputTokens": 15, "outputTokens": 30, "totalTokens": 1045, "cacheReadInputTokens": 900, "cacheWriteInputTokens": 100,
    }}, told(1015, 30, 900, None, 100, "")),
    whole("bedrock converse without a cache", {"usage": {"inputTokens": 15, "outputTokens": 30, "totalTokens": 45}},
          told(15, 30, model="")),
)  # fmt: skip
