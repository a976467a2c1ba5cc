"""The provider table (specification section 11) and the upstream URLs that follow from it.

Tails are forwarded byte for byte: they are looked at, never decoded or normalised. Resource names that become part of a
host are checked, so that no path can choose an arbitrary host.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from gateway.model.routes import Endpoint
from gateway.model.targets import CredentialStyle, Dialect, Provider, has_dot_segment, parse_base

_CHAT, _RESPONSES, _MESSAGES, _EMBEDDINGS = Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES, Endpoint.EMBEDDINGS
_COUNT: Final = Endpoint.COUNT_TOKENS
_X_API_KEY: Final = CredentialStyle("x-api-key", "")
_API_KEY: Final = CredentialStyle("api-key", "")

PROVIDERS: Final[tuple[Provider, ...]] = (
    Provider(
        slug="openai",
        base_url="https://api.openai.com/v1",
        endpoints={_CHAT: "chat/completions", _RESPONSES: "responses", _EMBEDDINGS: "embeddings"},
    ),
    Provider(
        slug="anthropic",
        base_url="https://api.anthropic.com",
        credential=_X_API_KEY,
        dialect=Dialect.ANTHROPIC,
        endpoints={_CHAT: "v1/chat/completions", _MESSAGES: "v1/messages", _COUNT: "v1/messages/count_tokens"},
        key_slots=("x-api-key", "authorization"),
        extra_headers={"anthropic-version": "2023-06-01"},
    ),
    Provider(
        slug="google-ai-studio",
        aliases=("google",),
        base_url="https://generativelanguage.googleapis.com",
        credential=CredentialStyle("x-goog-api-key", ""),
        dialect=Dialect.GEMINI,
        endpoints={_CHAT: "v1beta/openai/chat/completions", _EMBEDDINGS: "v1beta/openai/embeddings"},
        key_slots=("x-goog-api-key", "authorization"),
        query_slots=("key",),
    ),
    Provider(slug="google-vertex-ai", aliases=("google-vertex",), dialect=Dialect.GEMINI, signed=True, key_hosts=()),
    Provider(
        slug="azure-openai",
        aliases=("azure",),
        credential=_API_KEY,
        endpoint_credential=_API_KEY,
        endpoints={
            _CHAT: "openai/v1/chat/completions",
            _RESPONSES: "openai/v1/responses",
            _EMBEDDINGS: "openai/v1/embeddings",
        },
        key_slots=("api-key", "authorization"),
        key_hosts=(),
    ),
    Provider(slug="aws-bedrock", aliases=("bedrock",), dialect=Dialect.NONE, signed=True, key_hosts=()),
    Provider(
        slug="groq",
        base_url="https://api.groq.com/openai/v1",
        endpoints={_CHAT: "chat/completions", _RESPONSES: "responses"},
    ),
    Provider(
        slug="grok",
        aliases=("xai",),
        base_url="https://api.x.ai",
        endpoints={_CHAT: "v1/chat/completions", _RESPONSES: "v1/responses"},
    ),
    Provider(
        slug="mistral",
        base_url="https://api.mistral.ai",
        endpoints={_CHAT: "v1/chat/completions", _EMBEDDINGS: "v1/embeddings"},
    ),
    Provider(slug="deepseek", base_url="https://api.deepseek.com", endpoints={_CHAT: "chat/completions"}),
    Provider(slug="perplexity-ai", base_url="https://api.perplexity.ai", endpoints={_CHAT: "chat/completions"}),
    Provider(slug="cerebras", base_url="https://api.cerebras.ai", endpoints={_CHAT: "v1/chat/completions"}, adds="v1/"),
    Provider(
        slug="cohere",
        base_url="https://api.cohere.com",
        dialect=Dialect.COHERE,
        endpoints={_CHAT: "compatibility/v1/chat/completions", _EMBEDDINGS: "compatibility/v1/embeddings"},
    ),
    Provider(
        slug="openrouter",
        base_url="https://openrouter.ai/api",
        endpoints={
            _CHAT: "v1/chat/completions",
            _RESPONSES: "v1/responses",
            _MESSAGES: "v1/messages",
            _EMBEDDINGS: "v1/embeddings",
        },
        adds="v1/",
    ),
    Provider(
        slug="fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        endpoints={_CHAT: "chat/completions", _RESPONSES: "responses", _EMBEDDINGS: "embeddings"},
    ),
    Provider(slug="huggingface", base_url="https://api-inference.huggingface.co/models"),
    Provider(slug="replicate", base_url="https://api.replicate.com/v1", dialect=Dialect.NONE),
    Provider(
        slug="workers-ai",
        endpoints={_CHAT: "v1/chat/completions", _RESPONSES: "v1/responses", _EMBEDDINGS: "v1/embeddings"},
    ),
    Provider(
        slug="fal",
        base_url="https://fal.run",
        credential=CredentialStyle("authorization", "Key"),
        dialect=Dialect.NONE,
        key_hosts=("fal.run", "queue.fal.run", "ws.fal.run", "rest.alpha.fal.ai", "rest.fal.ai", "api.fal.ai"),
    ),
    Provider(
        slug="ideogram",
        base_url="https://api.ideogram.ai",
        credential=_API_KEY,
        dialect=Dialect.NONE,
        key_slots=("api-key",),
    ),
    Provider(
        slug="cartesia",
        base_url="https://api.cartesia.ai",
        credential=_X_API_KEY,
        dialect=Dialect.NONE,
        key_slots=("x-api-key", "authorization"),
    ),
    Provider(
        slug="deepgram",
        base_url="https://api.deepgram.com",
        credential=CredentialStyle("authorization", "Token"),
        dialect=Dialect.NONE,
    ),
    Provider(
        slug="elevenlabs",
        base_url="https://api.elevenlabs.io",
        credential=CredentialStyle("xi-api-key", ""),
        dialect=Dialect.NONE,
        key_slots=("xi-api-key",),
    ),
    Provider(
        slug="baseten",
        base_url="https://inference.baseten.co",
        credential=CredentialStyle("authorization", "Api-Key"),
        endpoints={_CHAT: "v1/chat/completions"},
        key_hosts=("inference.baseten.co",),
    ),
    Provider(
        slug="parallel",
        base_url="https://api.parallel.ai",
        credential=_X_API_KEY,
        endpoints={_CHAT: "chat/completions"},
        key_slots=("x-api-key", "authorization"),
    ),
    Provider(slug="adobe-firefly", base_url="https://firefly-api.adobe.io", dialect=Dialect.NONE),
    Provider(
        slug="alibaba",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        endpoints={_CHAT: "chat/completions", _EMBEDDINGS: "embeddings"},
    ),
    Provider(slug="minimax", base_url="https://api.minimax.io/v1", endpoints={_CHAT: "chat/completions"}),
)

_BY_NAME: Final[Mapping[str, Provider]] = MappingProxyType(
    {name: provider for provider in PROVIDERS for name in (provider.slug, *provider.aliases)}
)


def find(slug: str) -> Provider | None:
    """The provider of this slug or alias, spelt exactly so."""
    return _BY_NAME.get(slug)


def custom(slug: str, base_url: str) -> Provider:
    """Row of a provider an account added itself: OpenAI-shaped, key or no key. ValueError for an unusable base.

    The documented base holds no API path; one that ends in `/v1` all the same does not get a second.
    """
    parse_base(base_url)
    base_url = base_url.rstrip("/")
    version = "" if base_url.endswith("/v1") else "v1/"
    return Provider(
        slug=f"custom-{slug}",
        base_url=base_url,
        endpoints={endpoint: version + endpoint.value for endpoint in (_CHAT, _RESPONSES, _EMBEDDINGS)},
        key_slots=("authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key"),
        keyless_ok=True,
    )


def split_model(model: str) -> tuple[Provider | None, str]:
    """Provider and its own name for a model, split at the first slash; `@cf/...` is Workers AI's whole name (section 10).

    None with the model as it came when the prefix names no provider.
    """
    if model.startswith(("@cf/", "@hf/")):
        return find("workers-ai"), model
    prefix, slash, rest = model.partition("/")
    provider = find(prefix) if slash and rest else None
    return (provider, rest) if provider is not None else (None, model)


def endpoint_url(provider: Provider, endpoint: Endpoint, *, account_id: str, base_url: str = "") -> str | None:
    """Absolute URL of an OpenAI- or Anthropic-shaped endpoint; None when the provider does not serve it.

    `base_url` is the operator's override. ValueError for an account that cannot stand in a URL.
    """
    path = provider.endpoints.get(endpoint)
    if path is None:
        return None
    base = base_url.rstrip("/") or provider.base_url
    if not base and provider.slug == "workers-ai":
        base = _workers_ai_base(account_id)
    return f"{base}/{path}" if base else None


def native_url(provider: Provider, tail: str, *, account_id: str, base_url: str = "", fal_target: str = "") -> str:
    """Absolute upstream URL of a native request; the tail is raw and comes without leading slash.

    `base_url` is the operator's override and takes the place of the provider's base. `fal_target` is the value of
    `x-fal-target-url`. ValueError when the path does not say all that the provider's host needs, or says it wrongly.
    """
    base = base_url.rstrip("/")
    if fal_target and provider.slug == "fal":
        return _fal_url(fal_target, base)
    tail = folded(provider, tail)
    if provider.slug == "workers-ai":
        return f"{base or _workers_ai_base(account_id)}/{_workers_ai_tail(tail)}"
    if not base:
        build = _HOST_IN_PATH.get(provider.slug)
        if build is not None and (url := build(tail)):
            return url
        base = provider.base_url
    return f"{base}/{provider.adds}{tail}"


# --- what clients say twice: their base URL ends with it, and their library puts it before each path

_VERSION: Final = r"v[0-9][0-9a-z]*"
_VERSION_TWICE: Final = re.compile(rf"((?:[a-z-]+/){{0,2}}?{_VERSION}/)\1+")
_ENDPOINT_TWICE: Final = re.compile(
    rf"(?:^|(?<=/))(chat/completions|responses|messages|embeddings)/(?:{_VERSION}/)?(?=\1(?:/count_tokens)?$)"
)


def folded(provider: Provider, tail: str) -> str:
    """The tail without what is said twice in it, or once in it and once by the provider's base."""
    path, question, query = tail.partition("?")
    if found := _VERSION_TWICE.match(path):
        path = path[found.end() - len(found[1]) :]
    path = _ENDPOINT_TWICE.sub("", path)
    said = _said_by_base(provider.base_url, provider.adds)
    while once := next((one for one in said if path.startswith(one)), ""):
        path = path[len(once) :]
    return path + question + query


@lru_cache(maxsize=256)
def _said_by_base(provider_base: str, adds: str) -> tuple[str, ...]:
    """Starts of a tail that repeat the end of a base with a version: `openai/v1/` and `v1/` of `https://host/openai/v1`."""
    segments = [*provider_base.split("/")[3:], *adds.split("/")]
    segments = [segment for segment in segments if segment]
    if not segments or not re.fullmatch(_VERSION, segments[-1]):
        return ()
    return tuple("/".join(segments[at:]) + "/" for at in range(len(segments)))


# --- hosts and paths that need more than a base

_LABEL: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?")
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_VERTEX: Final = re.compile(r"v[0-9a-z]+/projects/[^/?]+/locations/([^/?]+)/.+")
_FAL: Final = re.compile(r"https://((?:[0-9a-z-]+\.)*fal\.(?:run|ai))(?::443)?(/[!-~]*)?", re.IGNORECASE)


def _label(name: str) -> str:
    if not _LABEL.fullmatch(name):
        raise ValueError("the path names a resource that cannot be part of a host")
    return name


def _segments(tail: str, count: int) -> list[str]:
    """The first `count` segments and the rest; no segment may be missing or hold the query's start."""
    parts = tail.split("/", count)
    if len(parts) <= count or not all(parts) or any("?" in part for part in parts[:count]):
        raise ValueError("the path lacks a part that this provider needs")
    return parts


_AZURE_PATHS: Final = frozenset(
    {"deployments", "v1", "models", "responses", "files", "batches", "fine_tuning", "assistants", "threads", "vector_stores"}
)


def _azure_url(tail: str) -> str:
    resource, deployment, rest = _segments(tail, 2)
    if deployment == "openai" and rest.partition("/")[0].partition("?")[0] in _AZURE_PATHS:  # Azure's own client's paths
        return f"https://{_label(resource)}.openai.azure.com/openai/{rest}"
    return f"https://{_label(resource)}.openai.azure.com/openai/deployments/{deployment}/{rest}"


def _vertex_url(tail: str) -> str:
    found = _VERTEX.fullmatch(tail)
    if found is None or found[1] == "global":
        raise ValueError("the path names no region")
    return f"https://{_label(found[1])}-aiplatform.googleapis.com/{tail}"


def _bedrock_url(tail: str) -> str:
    service, region, rest = _segments(tail, 2)
    if service != "bedrock-runtime":
        raise ValueError("the path names no service that is known")
    return f"https://bedrock-runtime.{_label(region)}.amazonaws.com/{rest}"


def _baseten_url(tail: str) -> str:
    """Dedicated models have a host each; empty for the shared one."""
    if not tail.startswith("model/"):
        return ""
    path, question, query = tail.removeprefix("model/").partition("?")
    model, _, rest = path.partition("/")
    return f"https://model-{_label(model)}.api.baseten.co/{rest or 'production/predict'}{question}{query}"


_HOST_IN_PATH: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"azure-openai": _azure_url, "google-vertex-ai": _vertex_url, "aws-bedrock": _bedrock_url, "baseten": _baseten_url}
)


_WORKERS_AI_ENDPOINTS: Final = frozenset({"chat/completions", "responses", "embeddings"})


def _workers_ai_base(account_id: str) -> str:
    if not _ACCOUNT.fullmatch(account_id):
        raise ValueError("the account cannot stand in a URL")
    return f"https://api.cloudflare.com/client/v4/accounts/{account_id}/ai"


def _workers_ai_tail(tail: str) -> str:
    if tail.startswith(("run/", "v1/")):
        return tail
    return f"v1/{tail}" if tail.partition("?")[0] in _WORKERS_AI_ENDPOINTS else f"run/{tail}"


def _fal_url(target: str, base: str) -> str:
    """The client's own target, held to fal's hosts (it would be an open door into the network otherwise)."""
    found = _FAL.fullmatch(target)
    path = (found[2] or "/") if found else ""
    if found is None or "#" in path or "\\" in path or has_dot_segment(path.partition("?")[0]):
        raise ValueError("the fal target is not on fal.run or fal.ai")
    return f"{base or 'https://' + found[1].lower()}{path}"
