"""The model that a native request asks for, from its path and from the ends of its body."""

import json

import pytest

from gateway.model import bounds
from gateway.model.tokens import mint_token
from gateway.protocol.asked_model import model_in_body, model_in_path

JSON = b"application/json"
FORM = b'multipart/form-data; boundary="x"'
LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("provider", "tail", "model"),
    [
        ("workers-ai", "@cf/meta/llama-3.1-8b-instruct", "@cf/meta/llama-3.1-8b-instruct"),
        ("workers-ai", "run/@cf/baai/bge-base-en-v1.5?x=1", "@cf/baai/bge-base-en-v1.5"),
        ("workers-ai", "@cf%2Fmeta%2Fx", "@cf/meta/x"),
        ("workers-ai", "@hf/thebloke/x-awq", "@hf/thebloke/x-awq"),
        ("workers-ai", "v1/chat/completions", ""),
        ("google-ai-studio", "v1beta/models/gemini-embedding-001:embedContent?key=secret", "gemini-embedding-001"),
        ("google-ai-studio", "v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "gemini-2.5-pro"),
        ("google-ai-studio", "v1beta/tunedModels/mine-1:generateContent", "mine-1"),
        ("google-ai-studio", "v1beta/models", ""),
        (
            "google-vertex-ai",
            "v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent",
            "gemini-2.5-flash",
        ),
        ("huggingface", "hf-inference/models/org/name", "org/name"),
        ("huggingface", "hf-inference/models/org/name/pipeline/feature-extraction", "org/name"),
        ("replicate", "models/black-forest-labs/flux/predictions", "black-forest-labs/flux"),
        ("replicate", "predictions", ""),
        ("azure-openai", "res/gpt-4o/chat/completions?api-version=1", "gpt-4o"),
        ("azure-openai", "res/openai/deployments/gpt-4o/embeddings", "gpt-4o"),
        ("aws-bedrock", "bedrock-runtime/us-east-1/model/anthropic.claude-v2%3A1/invoke", "anthropic.claude-v2:1"),
        ("fal", "fal-ai/flux/dev", "fal-ai/flux/dev"),
        ("fal", "fal-ai/flux/requests/1/status", "fal-ai/flux"),
        ("deepgram", "v1/listen?model=nova-2&language=en", "nova-2"),
        ("openai", "chat/completions", ""),
        ("openai", "audio/transcriptions", ""),
        ("anthropic", "v1/messages", ""),
        ("", "", ""),
        ("google-ai-studio", "v1/models/" + "m" * 40_000 + ":generateContent", "m" * bounds.NAME),
        pytest.param("google-ai-studio", f"v1/models/{mint_token()}:generateContent", "agw_***", id="token"),
    ],
)
def test_paths(provider: str, tail: str, model: str) -> None:
    assert model_in_path(provider, tail) == model


def form(*parts: tuple[str, str]) -> bytes:
    lines = (f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    return ("".join(lines) + "--x--\r\n").encode()


@pytest.mark.parametrize(
    ("content_type", "body", "model"),
    [
        (JSON, b'{"model":"command-r","messages":[]}', "command-r"),
        (JSON, b' {"messages":[{"model":"no"}],"model":"m"}', "m"),
        (JSON, b'{"model":"first","model":"second"}', "second"),
        (JSON, b'{"model":5}', ""),
        (JSON, b'{"model":"m"', ""),
        (JSON, b"[]", ""),
        (JSON, b"", ""),
        (b"", b'{"model":"m"}', "m"),
        (JSON, b'{"model":"' + LONG.encode() + b'"}', "x" * bounds.NAME),
        pytest.param(JSON, f'{{"model":"{mint_token()}"}}'.encode(), "agw_***", id="token"),
        (FORM, form(("file", "RIFF"), ("model", "whisper-1")), "whisper-1"),
        (b"Multipart/Form-Data; boundary=x", form(("model", "whisper-1")), "whisper-1"),
        (FORM, form(("file", "RIFF")), ""),
        (FORM, form(("remodel", "no")), ""),
        (FORM, form(("model", "m" * 2000)), ""),
        (b"audio/wav", b"RIFF....", ""),
    ],
)
def test_whole_bodies(content_type: bytes, body: bytes, model: str) -> None:
    assert model_in_body(content_type, body) == model


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"model": "m", "messages": [LONG]}, "m"),
        ({"messages": [LONG], "model": "m"}, "m"),
        ({"messages": [LONG], "model": "m", "tools": [{"model": "no"}], "stream": True}, "m"),
        ({"messages": [LONG, {"model": "no"}]}, ""),
        ({"messages": [LONG, '","model":"no"']}, ""),
        ({"messages": [LONG], "metadata": {"model": "no"}}, ""),
        ({"messages": [LONG], "model": 'a"b\\'}, 'a"b\\'),
        ({"messages": [LONG], "model": "m", "more": [LONG]}, ""),
    ],
)
def test_long_bodies_by_their_ends(body: dict[str, object], model: str) -> None:
    raw = json.dumps(body).encode()
    assert model_in_body(JSON, raw[:16_384], raw[16_384:][-8192:]) == model


@pytest.mark.parametrize("parts", [(("model", "whisper-1"), ("file", LONG)), (("file", LONG), ("model", "whisper-1"))])
def test_long_forms_by_their_ends(parts: tuple[tuple[str, str], ...]) -> None:
    raw = form(*parts)
    assert model_in_body(FORM, raw[:16_384], raw[16_384:][-8192:]) == "whisper-1"
