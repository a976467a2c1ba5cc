"""The provider table and the URLs that follow from it (specification sections 10 and 11)."""

import pytest

from gateway.model.routes import Endpoint
from gateway.model.targets import BEARER, Dialect, Provider, parse_base
from gateway.providers.registry import PROVIDERS, custom, endpoint_url, find, native_url, split_model

ACCOUNT = "0123456789abcdef0123456789abcdef"
SPECIFIED = [
    "openai",
    "anthropic",
    "google-ai-studio",
    "google-vertex-ai",
    "azure-openai",
    "aws-bedrock",
    "groq",
    "grok",
    "mistral",
    "deepseek",
    "perplexity-ai",
    "cerebras",
    "cohere",
    "openrouter",
    "fireworks",
    "huggingface",
    "replicate",
    "workers-ai",
    "fal",
    "ideogram",
    "cartesia",
    "deepgram",
    "elevenlabs",
    "baseten",
    "parallel",
    "adobe-firefly",
    "alibaba",
    "minimax",
]


def provider(slug: str) -> Provider:
    found = find(slug)
    assert found is not None, slug
    return found


def test_every_specified_provider_has_a_row() -> None:
    assert sorted(row.slug for row in PROVIDERS) == sorted(SPECIFIED)


@pytest.mark.parametrize(
    ("alias", "slug"),
    [
        ("xai", "grok"),
        ("google", "google-ai-studio"),
        ("google-vertex", "google-vertex-ai"),
        ("bedrock", "aws-bedrock"),
        ("azure", "azure-openai"),
    ],
)
def test_aliases(alias: str, slug: str) -> None:
    assert find(alias) is find(slug) is not None


@pytest.mark.parametrize("slug", ["", "OpenAI", "openai ", "compat", "dynamic", "custom-x", "unknown"])
def test_names_are_exact(slug: str) -> None:
    assert find(slug) is None


def test_names_are_unique() -> None:
    names = [name for row in PROVIDERS for name in (row.slug, *row.aliases)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.slug)
def test_rows_are_sound(row: Provider) -> None:
    if row.base_url:
        origin, _ = parse_base(row.base_url)
        assert origin.scheme == "https"
        assert not row.base_url.endswith("/")
    assert row.credential.header in row.key_slots
    assert all(slot == slot.lower() for slot in (*row.key_slots, *row.extra_headers, row.credential.header))
    assert row.endpoint_credential.header in row.key_slots or not row.endpoints
    for path in row.endpoints.values():
        assert not path.startswith("/")


NATIVE = [
    ("openai", "chat/completions", "https://api.openai.com/v1/chat/completions"),
    ("openai", "v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
    ("openai", "v1/files?limit=2&order=a", "https://api.openai.com/v1/files?limit=2&order=a"),
    ("openai", "v1/v1/x", "https://api.openai.com/v1/x"),
    ("openai", "chat/completions/chat/completions", "https://api.openai.com/v1/chat/completions"),
    ("openai", "v1/chat/completions/v1/chat/completions?a=v1/v1/", "https://api.openai.com/v1/chat/completions?a=v1/v1/"),
    ("openai", "responses/resp_1/input_items", "https://api.openai.com/v1/responses/resp_1/input_items"),
    ("openai", "chat/completions/c_1/messages", "https://api.openai.com/v1/chat/completions/c_1/messages"),
    ("openai", "threads/t_1/messages", "https://api.openai.com/v1/threads/t_1/messages"),
    ("openai", "v1beta/x", "https://api.openai.com/v1/v1beta/x"),
    ("anthropic", "v1/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("anthropic", "v1/messages/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("anthropic", "v1/messages/v1/messages/count_tokens", "https://api.anthropic.com/v1/messages/count_tokens"),
    ("anthropic", "v1/messages/batches", "https://api.anthropic.com/v1/messages/batches"),
    ("anthropic", "v1/v2/x", "https://api.anthropic.com/v1/v2/x"),
    ("google-ai-studio", "v1beta/v1beta/models/g:x", "https://generativelanguage.googleapis.com/v1beta/models/g:x"),
    (
        "google-ai-studio",
        "v1beta/openai/chat/completions",
        "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    ),
    ("groq", "v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
    ("groq", "openai/v1/openai/v1/models", "https://api.groq.com/openai/v1/models"),
    ("groq", "openai/v1/v1/models", "https://api.groq.com/openai/v1/models"),
    ("fireworks", "v1/chat/completions", "https://api.fireworks.ai/inference/v1/chat/completions"),
    ("fireworks", "inference/v1/chat/completions", "https://api.fireworks.ai/inference/v1/chat/completions"),
    ("alibaba", "v1/embeddings", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/embeddings"),
    ("alibaba", "compatible-mode/v1/embeddings", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/embeddings"),
    ("minimax", "v1/chat/completions", "https://api.minimax.io/v1/chat/completions"),
    ("openrouter", "api/v1/models", "https://openrouter.ai/api/v1/models"),
    ("openrouter", "v1/v1/models", "https://openrouter.ai/api/v1/models"),
    ("cerebras", "v1/v1/models", "https://api.cerebras.ai/v1/models"),
    ("mistral", "v1/v1/embeddings", "https://api.mistral.ai/v1/embeddings"),
    ("deepseek", "v1/v1/chat/completions", "https://api.deepseek.com/v1/chat/completions"),
    ("cohere", "v2/chat", "https://api.cohere.com/v2/chat"),
    (
        "azure-openai",
        "my-res/openai/deployments/dep/chat/completions?api-version=1",
        "https://my-res.openai.azure.com/openai/deployments/dep/chat/completions?api-version=1",
    ),
    ("azure-openai", "my-res/openai/v1/responses", "https://my-res.openai.azure.com/openai/v1/responses"),
    ("azure-openai", "my-res/openai/models?api-version=1", "https://my-res.openai.azure.com/openai/models?api-version=1"),
    (
        "azure-openai",
        "my-res/openai/chat/completions",
        "https://my-res.openai.azure.com/openai/deployments/openai/chat/completions",
    ),
    (
        "workers-ai",
        "chat/completions?x=1",
        f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/v1/chat/completions?x=1",
    ),
    (
        "workers-ai",
        "v1/v1/embeddings",
        f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/v1/embeddings",
    ),
    ("anthropic", "v1/messages?beta=true", "https://api.anthropic.com/v1/messages?beta=true"),
    ("anthropic", "v1/messages/count_tokens", "https://api.anthropic.com/v1/messages/count_tokens"),
    (
        "google-ai-studio",
        "v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    ),
    (
        "google-vertex-ai",
        "v1/projects/p/locations/us-central1/publishers/google/models/g:generateContent",
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/g:generateContent",
    ),
    (
        "azure-openai",
        "my-res/dep%20x/chat/completions?api-version=2024-10-21",
        "https://my-res.openai.azure.com/openai/deployments/dep%20x/chat/completions?api-version=2024-10-21",
    ),
    (
        "aws-bedrock",
        "bedrock-runtime/us-east-1/model/amazon.nova%3A0/invoke",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova%3A0/invoke",
    ),
    ("groq", "chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
    ("groq", "openai/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
    ("grok", "v1/responses", "https://api.x.ai/v1/responses"),
    ("mistral", "v1/chat/completions", "https://api.mistral.ai/v1/chat/completions"),
    ("deepseek", "v1/chat/completions", "https://api.deepseek.com/v1/chat/completions"),
    ("deepseek", "chat/completions", "https://api.deepseek.com/chat/completions"),
    ("perplexity-ai", "chat/completions", "https://api.perplexity.ai/chat/completions"),
    ("cerebras", "v1/chat/completions", "https://api.cerebras.ai/v1/chat/completions"),
    ("cerebras", "chat/completions", "https://api.cerebras.ai/v1/chat/completions"),
    ("cohere", "v2/chat", "https://api.cohere.com/v2/chat"),
    ("openrouter", "chat/completions", "https://openrouter.ai/api/v1/chat/completions"),
    ("openrouter", "v1/chat/completions", "https://openrouter.ai/api/v1/chat/completions"),
    ("fireworks", "chat/completions", "https://api.fireworks.ai/inference/v1/chat/completions"),
    ("huggingface", "bigcode/starcoder", "https://api-inference.huggingface.co/models/bigcode/starcoder"),
    ("replicate", "predictions", "https://api.replicate.com/v1/predictions"),
    ("replicate", "v1/predictions", "https://api.replicate.com/v1/predictions"),
    ("fal", "fal-ai/fast-sdxl", "https://fal.run/fal-ai/fast-sdxl"),
    ("ideogram", "v1/ideogram-v3/generate", "https://api.ideogram.ai/v1/ideogram-v3/generate"),
    ("deepgram", "v1/listen?model=nova-3", "https://api.deepgram.com/v1/listen?model=nova-3"),
    ("elevenlabs", "v1/text-to-speech/x", "https://api.elevenlabs.io/v1/text-to-speech/x"),
    ("cartesia", "tts/bytes", "https://api.cartesia.ai/tts/bytes"),
    ("baseten", "v1/chat/completions", "https://inference.baseten.co/v1/chat/completions"),
    ("baseten", "model/abc123", "https://model-abc123.api.baseten.co/production/predict"),
    ("baseten", "model/abc123?x=1", "https://model-abc123.api.baseten.co/production/predict?x=1"),
    ("baseten", "model/abc123/async_predict", "https://model-abc123.api.baseten.co/async_predict"),
    ("parallel", "v1/tasks/runs", "https://api.parallel.ai/v1/tasks/runs"),
    (
        "workers-ai",
        "@cf/meta/llama-3.1-8b-instruct",
        f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.1-8b-instruct",
    ),
    (
        "workers-ai",
        "run/@cf%2Fmeta%2Fllama",
        f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run/@cf%2Fmeta%2Fllama",
    ),
    (
        "workers-ai",
        "v1/chat/completions",
        f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/v1/chat/completions",
    ),
    ("anthropic", "a//b/%2F?q=%20&q=/..", "https://api.anthropic.com/a//b/%2F?q=%20&q=/.."),
]


@pytest.mark.parametrize(("slug", "tail", "url"), NATIVE)
def test_native_url(slug: str, tail: str, url: str) -> None:
    assert native_url(provider(slug), tail, account_id=ACCOUNT) == url


OVERRIDDEN = [
    ("openai", "v1/chat/completions", "http://mock:9/chat/completions"),
    ("cerebras", "chat/completions", "http://mock:9/v1/chat/completions"),
    ("anthropic", "v1/messages", "http://mock:9/v1/messages"),
    ("azure-openai", "res/dep/chat/completions?api-version=1", "http://mock:9/res/dep/chat/completions?api-version=1"),
    ("azure-openai", "chat", "http://mock:9/chat"),
    ("baseten", "model/abc", "http://mock:9/model/abc"),
    ("huggingface", "org/model", "http://mock:9/org/model"),
    ("workers-ai", "@cf/a/b", "http://mock:9/run/@cf/a/b"),
    ("workers-ai", "v1/embeddings", "http://mock:9/v1/embeddings"),
]


@pytest.mark.parametrize(("slug", "tail", "url"), OVERRIDDEN)
@pytest.mark.parametrize("base", ["http://mock:9", "http://mock:9/"])
def test_the_operator_s_base_takes_the_place_of_the_provider_s(slug: str, tail: str, url: str, base: str) -> None:
    assert native_url(provider(slug), tail, account_id="not/needed", base_url=base) == url


@pytest.mark.parametrize(
    ("slug", "tail"),
    [
        ("azure-openai", "res/dep"),
        ("azure-openai", "res//chat/completions"),
        ("azure-openai", "evil.com%2F/dep/chat"),
        ("azure-openai", "evil.com/dep/chat"),
        ("azure-openai", "evil.com#/dep/chat"),
        ("azure-openai", "user@evil/dep/chat"),
        ("azure-openai", "res/dep?x/chat"),
        ("azure-openai", "-res/dep/chat"),
        ("azure-openai", "a" * 64 + "/dep/chat"),
        ("google-vertex-ai", "v1/models"),
        ("google-vertex-ai", "v1/projects/p/locations/global/publishers/x"),
        ("google-vertex-ai", "v1/projects/p/locations/evil.com:1/publishers/x"),
        ("aws-bedrock", "model/x/invoke"),
        ("aws-bedrock", "bedrock-runtime/evil.com/x/invoke"),
        ("baseten", "model/"),
        ("baseten", "model/a.b"),
        ("baseten", "model/@evil"),
    ],
)
def test_names_in_a_host_are_checked(slug: str, tail: str) -> None:
    with pytest.raises(ValueError) as caught:
        native_url(provider(slug), tail, account_id=ACCOUNT)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("account", ["", "a/b", "a?b", "..", "a b", "x" * 65])
def test_an_account_that_cannot_stand_in_a_url(account: str) -> None:
    with pytest.raises(ValueError):
        native_url(provider("workers-ai"), "@cf/a/b", account_id=account)
    with pytest.raises(ValueError):
        endpoint_url(provider("workers-ai"), Endpoint.CHAT, account_id=account)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("https://queue.fal.run/fal-ai/x?y=%20", "https://queue.fal.run/fal-ai/x?y=%20"),
        ("https://rest.alpha.fal.ai/storage", "https://rest.alpha.fal.ai/storage"),
        ("https://FAL.run/x", "https://fal.run/x"),
        ("https://fal.run:443/x", "https://fal.run/x"),
        ("https://fal.run", "https://fal.run/"),
    ],
)
def test_fal_target(target: str, url: str) -> None:
    assert native_url(provider("fal"), "ignored", account_id=ACCOUNT, fal_target=target) == url


def test_fal_target_keeps_to_the_operator_s_base() -> None:
    url = native_url(
        provider("fal"), "ignored", account_id=ACCOUNT, base_url="http://mock:9", fal_target="https://queue.fal.run/a?b=1"
    )
    assert url == "http://mock:9/a?b=1"


@pytest.mark.parametrize(
    "target",
    [
        "http://fal.run/x",
        "https://fal.run.evil.com/x",
        "https://evilfal.run/x",
        "https://evil.com/fal.run",
        "https://fal.run@evil.com/",
        "https://u:p@fal.run/",
        "https://fal.run:8443/",
        "https://fal.run\\@evil.com/",
        "https://evil.com#.fal.run/",
        "https://evil.com?.fal.run/",
        "https://fal.run/a/../b",
        "https://fal.run/%2e%2e/b",
        "https://fal.run/#x",
        "https://fal.run/a b",
        "https://fal.run/\r\n",
        "https://.fal.run/",
        "//fal.run/x",
        "fal.run/x",
        "https://169.254.169.254/",
    ],
)
def test_fal_target_elsewhere_is_refused(target: str) -> None:
    with pytest.raises(ValueError) as caught:
        native_url(provider("fal"), "x", account_id=ACCOUNT, fal_target=target)
    assert "evil" not in str(caught.value)


def test_the_fal_field_means_nothing_to_others() -> None:
    url = native_url(provider("openai"), "models", account_id=ACCOUNT, fal_target="https://evil.com/")
    assert url == "https://api.openai.com/v1/models"


ENDPOINTS = [
    ("openai", Endpoint.CHAT, "https://api.openai.com/v1/chat/completions"),
    ("openai", Endpoint.RESPONSES, "https://api.openai.com/v1/responses"),
    ("openai", Endpoint.EMBEDDINGS, "https://api.openai.com/v1/embeddings"),
    ("openai", Endpoint.MESSAGES, None),
    ("anthropic", Endpoint.CHAT, "https://api.anthropic.com/v1/chat/completions"),
    ("anthropic", Endpoint.MESSAGES, "https://api.anthropic.com/v1/messages"),
    ("anthropic", Endpoint.EMBEDDINGS, None),
    ("google", Endpoint.CHAT, "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
    ("google", Endpoint.EMBEDDINGS, "https://generativelanguage.googleapis.com/v1beta/openai/embeddings"),
    ("cohere", Endpoint.CHAT, "https://api.cohere.com/compatibility/v1/chat/completions"),
    ("groq", Endpoint.CHAT, "https://api.groq.com/openai/v1/chat/completions"),
    ("grok", Endpoint.RESPONSES, "https://api.x.ai/v1/responses"),
    ("cerebras", Endpoint.CHAT, "https://api.cerebras.ai/v1/chat/completions"),
    ("openrouter", Endpoint.MESSAGES, "https://openrouter.ai/api/v1/messages"),
    (
        "workers-ai",
        Endpoint.EMBEDDINGS,
        f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/v1/embeddings",
    ),
    ("huggingface", Endpoint.CHAT, None),
    ("azure-openai", Endpoint.CHAT, None),
    ("aws-bedrock", Endpoint.CHAT, None),
    ("openai", Endpoint.MODELS, None),
]


@pytest.mark.parametrize(("slug", "endpoint", "url"), ENDPOINTS)
def test_endpoint_url(slug: str, endpoint: Endpoint, url: str | None) -> None:
    assert endpoint_url(provider(slug), endpoint, account_id=ACCOUNT) == url


def test_endpoints_on_the_operator_s_base() -> None:
    base = "https://res.openai.azure.com/"
    url = endpoint_url(provider("azure"), Endpoint.CHAT, account_id="", base_url=base)
    assert url == "https://res.openai.azure.com/openai/v1/chat/completions"
    assert endpoint_url(provider("workers-ai"), Endpoint.CHAT, account_id="", base_url="http://m") == (
        "http://m/v1/chat/completions"
    )


@pytest.mark.parametrize(
    ("model", "slug", "name"),
    [
        ("openai/gpt-4.1-mini", "openai", "gpt-4.1-mini"),
        ("google/gemini-2.5-pro", "google-ai-studio", "gemini-2.5-pro"),
        ("xai/grok-4", "grok", "grok-4"),
        ("groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ("google-vertex-ai/google/gemini", "google-vertex-ai", "google/gemini"),
        ("workers-ai/@cf/meta/llama", "workers-ai", "@cf/meta/llama"),
        ("@cf/meta/llama", "workers-ai", "@cf/meta/llama"),
        ("@hf/thebloke/x", "workers-ai", "@hf/thebloke/x"),
        ("gpt-4", None, "gpt-4"),
        ("unknown/x", None, "unknown/x"),
        ("custom-x/m", None, "custom-x/m"),
        ("openai/", None, "openai/"),
        ("/x", None, "/x"),
        ("", None, ""),
    ],
)
def test_split_model(model: str, slug: str | None, name: str) -> None:
    found, rest = split_model(model)
    assert (found.slug if found else None, rest) == (slug, name)


@pytest.mark.parametrize(
    ("base", "chat", "native"),
    [
        ("https://llm.example", "https://llm.example/v1/chat/completions", "https://llm.example/v2/x?y"),
        ("https://llm.example/", "https://llm.example/v1/chat/completions", "https://llm.example/v2/x?y"),
        ("https://llm.example/v1", "https://llm.example/v1/chat/completions", "https://llm.example/v1/v2/x?y"),
    ],
)
def test_custom_provider(base: str, chat: str, native: str) -> None:
    row = custom("mine", base)
    assert row.slug == "custom-mine"
    assert row.keyless_ok
    assert row.dialect is Dialect.OPENAI
    assert row.credential == BEARER
    assert endpoint_url(row, Endpoint.CHAT, account_id="") == chat
    assert native_url(row, "v2/x?y", account_id="") == native


def test_custom_provider_with_an_unusable_base() -> None:
    with pytest.raises(ValueError):
        custom("mine", "ftp://llm.example")


def test_where_keys_travel() -> None:
    anthropic, google = provider("anthropic"), provider("google")
    assert anthropic.credential_for(Endpoint.MESSAGES).header == "x-api-key"
    assert anthropic.credential_for(Endpoint.CHAT) == BEARER
    assert google.credential_for(None).header == "x-goog-api-key"
    assert google.credential_for(Endpoint.CHAT) == BEARER
    assert provider("azure").credential_for(Endpoint.CHAT).header == "api-key"
    assert provider("fal").credential.scheme == "Key"
    assert provider("deepgram").credential.scheme == "Token"
    assert [row.slug for row in PROVIDERS if row.signed] == ["google-vertex-ai", "aws-bedrock"]
