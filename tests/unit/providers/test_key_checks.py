"""Which request shows whether a provider takes a key, and what its answer says."""

import pytest

from gateway.providers import registry
from gateway.providers.key_checks import path_for, verdict_on


@pytest.mark.parametrize(
    ("slug", "url"),
    [
        ("openai", "https://api.openai.com/v1/models"),
        ("anthropic", "https://api.anthropic.com/v1/models"),
        ("google-ai-studio", "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1"),
        ("groq", "https://api.groq.com/openai/v1/models"),
        ("cerebras", "https://api.cerebras.ai/v1/models"),
        ("openrouter", "https://openrouter.ai/api/v1/key"),
        ("fireworks", "https://api.fireworks.ai/inference/v1/models"),
        ("minimax", "https://api.minimax.io/v1/models"),
    ],
)
def test_what_is_asked_for(slug: str, url: str) -> None:
    provider = registry.find(slug)
    assert provider is not None
    assert registry.native_url(provider, path_for(provider), account_id="a") == url


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://mine.example", "https://mine.example/v1/models"),
        ("https://mine.example/v1", "https://mine.example/v1/models"),
        ("https://mine.example/api/", "https://mine.example/api/v1/models"),
    ],
)
def test_custom_providers_speak_openai(base: str, url: str) -> None:
    provider = registry.custom("mine", base)
    assert registry.native_url(provider, path_for(provider), account_id="a") == url


@pytest.mark.parametrize("slug", ["azure-openai", "fal", "perplexity-ai", "workers-ai"])
def test_for_others_no_request_is_known(slug: str) -> None:
    provider = registry.find(slug)
    assert provider is not None
    assert path_for(provider) == ""


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "accepted"),
        (204, "accepted"),
        (301, "unclear"),
        (400, "refused"),
        (401, "refused"),
        (402, "unclear"),
        (403, "refused"),
        (404, "unclear"),
        (429, "unclear"),
        (500, "unclear"),
        (503, "unclear"),
    ],
)
def test_verdicts(status: int, verdict: str) -> None:
    assert verdict_on(status) == verdict
