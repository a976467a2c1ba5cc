"""Models for pickers: what `GET .../models` answers (section 1.1). A courtesy; no request is checked against it."""

from typing import Final, TypedDict


class ListedModel(TypedDict):
    id: str
    object: str
    created: int
    owned_by: str


_MODELS: Final[tuple[tuple[str, int, str], ...]] = (
    # id, seconds since the epoch of its release, owner
    ("openai/gpt-5", 1754524800, "openai"),
    ("openai/gpt-5-mini", 1754524800, "openai"),
    ("openai/gpt-5-nano", 1754524800, "openai"),
    ("openai/gpt-4.1", 1744588800, "openai"),
    ("openai/gpt-4.1-mini", 1744588800, "openai"),
    ("openai/gpt-4.1-nano", 1744588800, "openai"),
    ("openai/gpt-4o", 1715558400, "openai"),
    ("openai/gpt-4o-mini", 1721260800, "openai"),
    ("openai/o3", 1744761600, "openai"),
    ("openai/o4-mini", 1744761600, "openai"),
    ("openai/text-embedding-3-large", 1706140800, "openai"),
    ("openai/text-embedding-3-small", 1706140800, "openai"),
    ("anthropic/claude-opus-4-1", 1754352000, "anthropic"),
    ("anthropic/claude-sonnet-4-5", 1759104000, "anthropic"),
    ("anthropic/claude-haiku-4-5", 1760486400, "anthropic"),
    ("google-ai-studio/gemini-2.5-pro", 1750118400, "google"),
    ("google-ai-studio/gemini-2.5-flash", 1750118400, "google"),
    ("google-ai-studio/gemini-2.5-flash-lite", 1753142400, "google"),
    ("google-ai-studio/gemini-embedding-001", 1752451200, "google"),
    ("grok/grok-4", 1752019200, "xai"),
    ("groq/llama-3.3-70b-versatile", 1733443200, "meta"),
    ("groq/openai/gpt-oss-120b", 1754352000, "openai"),
    ("mistral/mistral-large-latest", 1731888000, "mistralai"),
    ("mistral/mistral-small-latest", 1750377600, "mistralai"),
    ("mistral/mistral-embed", 1702252800, "mistralai"),
    ("deepseek/deepseek-chat", 1735171200, "deepseek"),
    ("deepseek/deepseek-reasoner", 1737331200, "deepseek"),
    ("perplexity-ai/sonar", 1737417600, "perplexity"),
    ("perplexity-ai/sonar-pro", 1737417600, "perplexity"),
    ("cerebras/gpt-oss-120b", 1754352000, "openai"),
    ("cohere/command-a-03-2025", 1741824000, "cohere"),
    ("cohere/embed-v4.0", 1744675200, "cohere"),
    ("openrouter/openrouter/auto", 1699401600, "openrouter"),
    ("@cf/meta/llama-3.1-8b-instruct", 1721692800, "meta"),
    ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", 1733443200, "meta"),
    ("@cf/openai/gpt-oss-120b", 1754352000, "openai"),
    ("@cf/openai/gpt-oss-20b", 1754352000, "openai"),
    ("@cf/baai/bge-m3", 1706572800, "baai"),
)


def model_list() -> list[ListedModel]:
    """The `data` of an OpenAI model list."""
    return [ListedModel(id=name, object="model", created=created, owned_by=owner) for name, created, owner in _MODELS]
