"""Which calls make a model work: all providers, and the neighbours of each call that only read, list, count or cancel."""

import pytest

from gateway.model.routes import Endpoint
from gateway.providers.calls import WORK, Call, Work, called
from gateway.providers.registry import PROVIDERS

MODEL, NONE, UNKNOWN = Work.MODEL, Work.NONE, Work.UNKNOWN


def test_every_provider_has_its_row() -> None:
    assert WORK.keys() == {provider.slug for provider in PROVIDERS}


WORKING = [
    ("openai", "responses"),
    ("openai", "v1/responses"),
    ("openai", "responses/compact"),
    ("openai", "chat/completions"),
    ("openai", "chat/completions/"),
    ("openai", "completions"),
    ("openai", "embeddings"),
    ("openai", "audio/transcriptions"),
    ("openai", "audio/speech"),
    ("openai", "images/edits"),
    ("openai", "threads/runs"),
    ("openai", "threads/thread_1/runs"),
    ("openai", "threads/thread_1/runs/run_1/submit_tool_outputs"),
    ("anthropic", "v1/chat/completions"),
    ("anthropic", "v1/complete"),
    ("google-ai-studio", "v1beta/openai/chat/completions"),
    ("google-ai-studio", "v1beta/interactions"),
    ("azure-openai", "res/openai/v1/responses"),
    ("groq", "chat/completions"),
    ("groq", "openai/v1/audio/transcriptions"),
    ("grok", "v1/chat/completions"),
    ("mistral", "v1/fim/completions"),
    ("mistral", "v1/agents/completions"),
    ("mistral", "v1/moderations"),
    ("mistral", "v1/conversations"),
    ("mistral", "v1/conversations/conv_1"),
    ("deepseek", "chat/completions"),
    ("deepseek", "beta/completions"),
    ("perplexity-ai", "chat/completions"),
    ("cerebras", "v1/chat/completions"),
    ("cohere", "v1/chat"),
    ("cohere", "v2/chat"),
    ("cohere", "v2/embed"),
    ("cohere", "v2/rerank"),
    ("cohere", "compatibility/v1/chat/completions"),
    ("openrouter", "v1/chat/completions"),
    ("openrouter", "v1/responses"),
    ("fireworks", "chat/completions"),
    ("huggingface", "bigcode/starcoder"),
    ("replicate", "predictions"),
    ("workers-ai", "v1/chat/completions"),
    ("fal", "fal-ai/flux/dev"),
    ("ideogram", "generate"),
    ("cartesia", "tts/bytes"),
    ("deepgram", "v1/listen"),
    ("elevenlabs", "v1/text-to-speech/voice/stream"),
    ("baseten", "v1/chat/completions"),
    ("parallel", "chat/completions"),
    ("adobe-firefly", "v3/images/generate"),
    ("alibaba", "chat/completions"),
    ("minimax", "chat/completions"),
    ("custom-mine", "chat/completions"),
    ("custom-mine", "api/v1/chat/completions"),
    ("custom-mine", "v1/embeddings"),
]
ENDPOINTS = [endpoint.value for endpoint in Endpoint if endpoint in (Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.EMBEDDINGS)]


@pytest.mark.parametrize(("provider", "path"), [*WORKING, *[(slug, path) for slug in WORK for path in ENDPOINTS]])
def test_what_makes_a_model_work(provider: str, path: str) -> None:
    assert called(provider, "POST", path)[::2] == (MODEL, False)
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "get", "post"):
        assert called(provider, method, path).work is NONE


@pytest.mark.parametrize(
    ("provider", "path", "model"),
    [
        ("google-ai-studio", "v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("google-ai-studio", "v1beta/models/gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash"),
        ("google-ai-studio", "v1/models/gemini-embedding-001:embedContent", "gemini-embedding-001"),
        ("google-ai-studio", "v1beta/models/gemini-embedding-001:batchEmbedContents", "gemini-embedding-001"),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-pro:generateContent",
            "gemini-2.5-pro",
        ),
        ("azure-openai", "res/gpt-4o/chat/completions", "gpt-4o"),
        ("azure-openai", "res/openai/deployments/gpt-4o/embeddings", "gpt-4o"),
        ("aws-bedrock", "bedrock-runtime/us-east-1/model/anthropic.claude-3/converse", "anthropic.claude-3"),
        ("aws-bedrock", "bedrock-runtime/us-east-1/model/meta.llama3/invoke-with-response-stream", "meta.llama3"),
        ("workers-ai", "@cf/meta/llama-3.1-8b-instruct", "@cf/meta/llama-3.1-8b-instruct"),
        ("workers-ai", "run/@cf/meta/llama-3.1-8b-instruct", "@cf/meta/llama-3.1-8b-instruct"),
        ("workers-ai", "run/%40cf%2Fmeta%2Fllama-3.1-8b-instruct", "@cf/meta/llama-3.1-8b-instruct"),
        ("replicate", "models/black-forest-labs/flux/predictions", "black-forest-labs/flux"),
        ("custom-mine", "v1beta/models/gemini-x:generateContent", "gemini-x"),
    ],
)
def test_models_that_the_path_names(provider: str, path: str, model: str) -> None:
    assert called(provider, "POST", path) == Call(MODEL, model)


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("anthropic", "v1/messages"),
        ("anthropic", "messages"),
        ("anthropic", "run"),
        ("openrouter", "v1/messages"),
        ("openrouter", "messages"),
        ("deepseek", "anthropic/v1/messages"),
        ("minimax", "anthropic/v1/messages"),
        ("azure-openai", "res/anthropic/v1/messages"),
        ("google-vertex-ai", "v1/projects/p/locations/eu/publishers/anthropic/models/claude:rawPredict"),
        ("custom-mine", "any/v1/messages"),
    ],
)
def test_messages_tell_the_cache_apart(provider: str, path: str) -> None:
    assert (called(provider, "POST", path).work, called(provider, "POST", path).cache_apart) == (MODEL, True)


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "responses/resp_1/cancel"),
        ("openai", "responses/input_tokens"),
        ("openai", "chat/completions/chatcmpl-1"),
        ("openai", "batches"),
        ("openai", "batches/batch_1/cancel"),
        ("openai", "files"),
        ("openai", "uploads/u/parts"),
        ("openai", "moderations"),
        ("openai", "fine_tuning/jobs"),
        ("openai", "vector_stores/vs/search"),
        ("openai", "threads"),
        ("openai", "threads/t/messages"),
        ("openai", "threads/t/runs/run_1"),
        ("openai", "threads/t/runs/run_1/cancel"),
        ("openai", "assistants"),
        ("openai", "conversations/c/items"),
        ("openai", "realtime/client_secrets"),
        ("anthropic", "v1/messages/count_tokens"),
        ("anthropic", "v1/messages/batches"),
        ("anthropic", "v1/messages/batches/b/cancel"),
        ("anthropic", "v1/files"),
        ("anthropic", "messages/count_tokens"),
        ("google-ai-studio", "v1beta/models/gemini-2.5-flash:countTokens"),
        ("google-ai-studio", "v1beta/models/gemini-2.5-flash:batchGenerateContent"),
        ("google-ai-studio", "v1beta/cachedContents"),
        ("google-ai-studio", "upload/v1beta/files"),
        ("cohere", "v1/tokenize"),
        ("cohere", "v1/datasets"),
        ("mistral", "v1/files"),
        ("mistral", "v1/batch/jobs"),
        ("mistral", "v1/fine_tuning/jobs"),
        ("replicate", "predictions/p/cancel"),
        ("groq", "openai/v1/batches"),
        ("custom-mine", "v1/files"),
        ("custom-mine", "models"),
    ],
)
def test_what_costs_nothing(provider: str, path: str) -> None:
    assert called(provider, "POST", path).work is NONE


@pytest.mark.parametrize(
    ("provider", "path"),
    [("openai", "something/new"), ("custom-mine", "v1/my-chat/completionsx"), ("nobody", ""), ("openai", "/" * 3000)],
)
def test_what_nobody_knows(provider: str, path: str) -> None:
    assert called(provider, "POST", path).work is UNKNOWN
