"""Answers as providers document them, whole, and what is to be read from each."""

# ruff: noqa: E501 - events stand on one line, as they travel

from dataclasses import dataclass

from gateway.model.records import Usage
from gateway.model.targets import Dialect


@dataclass(frozen=True)
class Answer:
    name: str
    dialect: Dialect
    body: bytes
    usage: Usage

    @property
    def streamed(self) -> bool:
        return self.body.startswith((b"data:", b"event:", b":"))


def _lines(text: str, end: str = "\n") -> bytes:
    return text.strip("\n").replace("\n", end).encode() + (end * 2).encode()


_OPENAI, _COHERE = Dialect.OPENAI, Dialect.COHERE

ANSWERS = (
    Answer(
        "openai chat",
        _OPENAI,
        b"""{
  "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
  "object": "chat.completion",
  "created": 1741569952,
  "model": "gpt-4.1-2025-04-14",
  "choices": [
    {
      "index": 0,
      "message": {"role": "assistant", "content": "Hello! How can I assist you today?", "refusal": null, "annotations": []},
      "logprobs": null,
      "finish_reason": "stop"
    }
  ],
  "usage": {
    "prompt_tokens": 2019,
    "completion_tokens": 310,
    "total_tokens": 2329,
    "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
    "completion_tokens_details": {
      "reasoning_tokens": 256, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
    }
  },
  "service_tier": "default",
  "system_fingerprint": "fp_b376dfbbd5"
}
""",
        Usage(2019, 310, 1920, 256, "gpt-4.1-2025-04-14", "exact"),
    ),
    Answer(
        "openai chat, streamed with include_usage",
        _OPENAI,
        _lines("""
data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x8Pq"}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"1l"}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"obfuscation":"a"}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"obfuscation":""}

data: [DONE]"""),
        Usage(19, 10, 0, 0, "gpt-4o-mini", "exact"),
    ),
    Answer(
        "openai responses",
        _OPENAI,
        b"""{
  "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "object": "response", "created_at": 1741476542,
  "status": "completed", "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null,
  "model": "gpt-5-2025-08-07",
  "output": [{"type": "message", "id": "msg_67", "status": "completed", "role": "assistant",
    "content": [{"type": "output_text", "text": "In a peaceful grove \\"usage\\": {", "annotations": []}]}],
  "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": "low", "summary": null}, "store": true,
  "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
  "truncation": "disabled",
  "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 12}, "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 64}, "total_tokens": 123},
  "user": null, "metadata": {}
}""",
        Usage(36, 87, 12, 64, "gpt-5-2025-08-07", "exact"),
    ),
    Answer(
        "openai responses, streamed",
        _OPENAI,
        _lines("""
event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"in_progress","error":null,"model":"gpt-4.1-2025-04-14","output":[],"usage":null,"user":null,"metadata":{}}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_67c9","output_index":0,"content_index":0,"delta":"Hi"}

event: response.completed
data: {"type":"response.completed","sequence_number":9,"response":{"id":"resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654","object":"response","created_at":1741290958,"status":"completed","error":null,"model":"gpt-4.1-2025-04-14","output":[{"id":"msg_67c9","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there!","annotations":[]}]}],"usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":0},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48},"user":null,"metadata":{}}}"""),
        Usage(37, 11, 0, 0, "gpt-4.1-2025-04-14", "exact"),
    ),
    Answer(
        "openai embeddings",
        _OPENAI,
        b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0023064255,-0.009327292,-0.0028842222]}],'
        b'"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}',
        Usage(8, None, None, None, "text-embedding-3-small", "exact"),
    ),
    Answer(
        "anthropic messages",
        Dialect.ANTHROPIC,
        b'{"model":"claude-sonnet-4-5-20250929","id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant",'
        b'"content":[{"type":"text","text":"Hi!"}],"stop_reason":"end_turn","stop_sequence":null,'
        b'"usage":{"input_tokens":21,"cache_creation_input_tokens":188086,"cache_read_input_tokens":1800,'
        b'"cache_creation":{"ephemeral_5m_input_tokens":188086,"ephemeral_1h_input_tokens":0},'
        b'"output_tokens":393,"service_tier":"standard"}}',
        Usage(21, 393, 1800, None, "claude-sonnet-4-5-20250929", "exact", 188086),
    ),
    Answer(
        "anthropic messages, streamed",
        Dialect.ANTHROPIC,
        _lines("""
event: message_start
data: {"type":"message_start","message":{"model":"claude-sonnet-4-5-20250929","id":"msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":1111,"cache_read_input_tokens":2222,"cache_creation":{"ephemeral_5m_input_tokens":1111,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}"""),
        Usage(25, 15, 2222, None, "claude-sonnet-4-5-20250929", "exact", 1111),
    ),
    Answer(
        "gemini",
        Dialect.GEMINI,
        b"""{
  "candidates": [
    {
      "content": {"parts": [{"text": "AI learns patterns."}], "role": "model"},
      "finishReason": "STOP",
      "avgLogprobs": -0.11
    }
  ],
  "usageMetadata": {
    "promptTokenCount": 4096,
    "candidatesTokenCount": 10,
    "totalTokenCount": 4141,
    "cachedContentTokenCount": 2048,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4096}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 2048}],
    "thoughtsTokenCount": 35
  },
  "modelVersion": "gemini-2.5-flash",
  "responseId": "mpKXaLCqM-Xu1PIPxbPJ8Q4"
}
""",
        Usage(4096, 45, 2048, 35, "gemini-2.5-flash", "exact"),
    ),
    Answer(
        "gemini, streamed",
        Dialect.GEMINI,
        _lines(
            """
data: {"candidates": [{"content": {"parts": [{"text": "AI"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 8,"totalTokenCount": 40,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 8}],"thoughtsTokenCount": 32},"modelVersion": "gemini-2.5-flash","responseId": "r"}

data: {"candidates": [{"content": {"parts": [{"text": " learns."}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 8,"candidatesTokenCount": 5,"totalTokenCount": 45,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 8}],"thoughtsTokenCount": 32},"modelVersion": "gemini-2.5-flash","responseId": "r"}""",
            "\r\n",
        ),
        Usage(8, 37, None, 32, "gemini-2.5-flash", "exact"),
    ),
    Answer(
        "cohere v2 chat",
        _COHERE,
        b'{"id":"c14c80c3-18eb-4519-9460-6c92edd8cfb4","finish_reason":"COMPLETE","message":{"role":"assistant",'
        b'"content":[{"type":"text","text":"LLMs stand for Large Language Models."}]},"usage":{"billed_units":'
        b'{"input_tokens":5,"output_tokens":418},"tokens":{"input_tokens":71,"output_tokens":420},"cached_tokens":64}}',
        Usage(71, 420, 64, None, "", "exact"),
    ),
    Answer(
        "cohere v2 chat, streamed",
        _COHERE,
        _lines("""
event: message-start
data: {"id":"29f14a5a-11de-4cae-9800-25e4747408ea","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}

event: content-delta
data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hello"}}}}

event: message-end
data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":9},"tokens":{"input_tokens":69,"output_tokens":10}}}}

data: [DONE]"""),
        Usage(69, 10, None, None, "", "exact"),
    ),
    Answer(
        "cohere v1 chat",
        _COHERE,
        b'{"response_id":"0385c7cf-9247-43a1-a450-a25b547a31e1","text":"Isaac Newton","generation_id":"8b",'
        b'"chat_history":[{"role":"USER","message":"Who?"}],"finish_reason":"COMPLETE","meta":{"api_version":{"version":"1"},'
        b'"billed_units":{"input_tokens":31,"output_tokens":35},"tokens":{"input_tokens":812,"output_tokens":36}}}',
        Usage(812, 36, None, None, "", "exact"),
    ),
    Answer(
        "cohere v1 embeddings",
        _COHERE,
        b'{"id":"3198467e","texts":["hello"],"embeddings":[[0.016,-0.008]],"meta":{"api_version":{"version":"1"},'
        b'"billed_units":{"input_tokens":2}},"response_type":"embeddings_floats"}',
        Usage(2, None, None, None, "", "exact"),
    ),
    Answer(
        "workers ai, its own envelope",
        _OPENAI,
        b'{"result":{"response":"Hello, World first appeared in 1974.","tool_calls":[],'
        b'"usage":{"prompt_tokens":26,"completion_tokens":98,"total_tokens":124}},"success":true,"errors":[],"messages":[]}',
        Usage(26, 98, None, None, "", "exact"),
    ),
    Answer(
        "workers ai, streamed",
        _OPENAI,
        _lines("""
data: {"response":"Hello","p":"abdefghijklmnopqrstuvwxyz0123456"}

data: {"response":"","tool_calls":[],"p":"abdefghijklmnop","usage":{"prompt_tokens":26,"completion_tokens":2,"total_tokens":28}}

data: [DONE]"""),
        Usage(26, 2, None, None, "", "exact"),
    ),
    Answer(
        "mistral, streamed",
        _OPENAI,
        _lines("""
data: {"id":"cmpl-e5cc70bb28c444948073e77776eb30ef","object":"chat.completion.chunk","created":1702256327,"model":"mistral-small-latest","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"cmpl-e5cc70bb28c444948073e77776eb30ef","object":"chat.completion.chunk","created":1702256327,"model":"mistral-small-latest","choices":[{"index":0,"delta":{"content":"!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":16,"total_tokens":50,"completion_tokens":34}}

data: [DONE]"""),
        Usage(16, 34, None, None, "mistral-small-latest", "exact"),
    ),
    Answer(
        "groq, streamed",
        _OPENAI,
        _lines("""
data: {"id":"chatcmpl-f51b2cd2","object":"chat.completion.chunk","created":1730241104,"model":"llama-3.3-70b-versatile","system_fingerprint":"fp_179b0f92c9","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"x_groq":{"id":"req_01jbd6g2qdfw2adyrt2az8hz4w"}}

data: {"id":"chatcmpl-f51b2cd2","object":"chat.completion.chunk","created":1730241104,"model":"llama-3.3-70b-versatile","system_fingerprint":"fp_179b0f92c9","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"x_groq":{"id":"req_01jbd6g2qdfw2adyrt2az8hz4w","usage":{"queue_time":0.037493756,"prompt_tokens":18,"prompt_time":0.000680594,"completion_tokens":556,"completion_time":0.463333333,"total_tokens":574,"total_time":0.464013927,"prompt_tokens_details":{"cached_tokens":16}}}}

data: [DONE]"""),
        Usage(18, 556, 16, None, "llama-3.3-70b-versatile", "exact"),
    ),
    Answer(
        "deepseek",
        _OPENAI,
        b'{"id":"930c60df","object":"chat.completion","created":1705651092,"model":"deepseek-reasoner","choices":[{"index":0,'
        b'"message":{"content":"9.8 is greater.","reasoning_content":"hm","role":"assistant"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":70,"completion_tokens":30,"total_tokens":100,"prompt_tokens_details":{"cached_tokens":64},'
        b'"completion_tokens_details":{"reasoning_tokens":21},"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":6}}',
        Usage(70, 30, 64, 21, "deepseek-reasoner", "exact"),
    ),
    Answer(
        "openrouter, streamed",
        _OPENAI,
        b": OPENROUTER PROCESSING\n\n"
        + _lines("""
data: {"id":"gen-1","provider":"Anthropic","model":"anthropic/claude-sonnet-4.5","object":"chat.completion.chunk","created":1750000000,"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}

data: {"id":"gen-1","provider":"Anthropic","model":"anthropic/claude-sonnet-4.5","object":"chat.completion.chunk","created":1750000000,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":4194,"completion_tokens":12,"total_tokens":4206,"cost":0.0189,"prompt_tokens_details":{"cached_tokens":1000,"cache_write_tokens":3000},"completion_tokens_details":{"reasoning_tokens":0}}}

data: [DONE]"""),
        Usage(4194, 12, 1000, 0, "anthropic/claude-sonnet-4.5", "exact", 3000),
    ),
    Answer(
        "perplexity",
        _OPENAI,
        b'{"id":"66f3900f","model":"sonar-deep-research","created":1756485272,"usage":{"prompt_tokens":33,"completion_tokens":'
        b'7163,"total_tokens":7196,"search_context_size":"low","citation_tokens":20016,"num_search_queries":18,'
        b'"reasoning_tokens":73997,"cost":{"input_tokens_cost":0.0,"output_tokens_cost":0.057,"total_cost":0.409}},'
        b'"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"content":"x","role":"assistant"}}]}',
        Usage(33, 81160, None, 73997, "sonar-deep-research", "exact"),
    ),
    Answer(
        "xai",
        _OPENAI,
        b'{"id":"a3d1008e","object":"chat.completion","created":1752854522,"model":"grok-4-0709","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"101 * 3 is 303.","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":32,'
        b'"completion_tokens":9,"total_tokens":135,"prompt_tokens_details":{"text_tokens":32,"audio_tokens":0,"image_tokens":0,'
        b'"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":94,"audio_tokens":0},"num_sources_used":0},'
        b'"system_fingerprint":"fp_3a7881249c"}',
        Usage(32, 103, 6, 94, "grok-4-0709", "exact"),
    ),
)
