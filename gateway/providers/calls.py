"""Which calls make a model work, for every provider: those are counted and priced, all others cost nothing.

A call is known by its provider, its method and the whole of its path, never by how that ends: `POST responses` makes a model
work, `GET responses/{id}` reads again what it said, usage and all. Where the path names the model, it is told here.
"""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from gateway.model import bounds


class Work(Enum):
    MODEL = auto()
    """A model works for it."""
    NONE = auto()
    """Reading, polling, listing, cancelling, uploading, counting: it costs nothing."""
    UNKNOWN = auto()


class Call(NamedTuple):
    work: Work
    model: str = ""
    """Named by the path; empty where it is not."""
    cache_apart: bool = False
    """Whether its answers tell the input without what was read from the provider's cache or written to it."""


_NOTHING: Final = Call(Work.NONE)
_UNKNOWN: Final = Call(Work.UNKNOWN)

_OPENAI: Final = (
    r"(?:chat/completions|completions|responses(?:/compact)?|embeddings|rerank"
    r"|audio/(?:speech|transcriptions|translations)|images/(?:generations|edits|variations)|videos(?:/[^/]+/remix)?"
    r"|threads/(?:[^/]+/)?runs(?:/[^/]+/submit_tool_outputs)?)"
)
_MESSAGES: Final = r"(?P<apart>messages)"
_GEMINI: Final = (
    r"(?:models|tunedModels)/(?P<model>[^/:]+):"
    r"(?:generateContent|streamGenerateContent|embedContent|batchEmbedContents|generateAnswer|predict|predictLongRunning)"
)
_VERTEX: Final = (
    r"v\d[a-z0-9]*/projects/[^/]+/locations/[^/]+/(?:"
    r"publishers/(?:(?P<apart>anthropic)|[^/]+)/models/(?P<model>[^/:]+):"
    r"(?:generateContent|streamGenerateContent|embedContent|predict|predictLongRunning|rawPredict|streamRawPredict)"
    r"|endpoints/[^/]+/(?:chat/completions|embeddings)"
    r"|endpoints/[^/:]+:(?:predict|rawPredict|generateContent|streamGenerateContent))"
)
_COHERE: Final = r"v[12]/(?:chat|embed|rerank|generate|classify|summarize)|compatibility/v1/(?:chat/completions|embeddings)"
_ANY: Final = r".+"

WORK: Final[dict[str, str]] = {
    "openai": rf"(?:v1/)?{_OPENAI}",
    "anthropic": rf"v1/(?:{_MESSAGES}|complete|chat/completions)",
    "google-ai-studio": rf"v1[a-z0-9]*/(?:{_GEMINI}|openai/{_OPENAI}|interactions)",
    "google-vertex-ai": _VERTEX,
    "azure-openai": (
        rf"[^/]+/(?:openai/(?:v1/)?{_OPENAI}|(?:openai/deployments/)?(?P<model>[^/]+)/{_OPENAI}|anthropic/v1/{_MESSAGES})"
    ),
    "aws-bedrock": r"bedrock-runtime/[^/]+/model/(?P<model>.+)/(?:converse|invoke)(?:-[a-z-]+)?",
    "groq": rf"(?:openai/v1/)?{_OPENAI}",
    "grok": rf"v1/(?:{_OPENAI}|{_MESSAGES}|complete)",
    "mistral": (
        rf"v1/(?:{_OPENAI}|(?:fim|agents)/completions|ocr|(?:chat/)?(?:moderations|classifications)"
        r"|conversations(?:/[^/]+(?:/restart)?)?)"
    ),
    "deepseek": rf"(?:(?:v1|beta)/)?{_OPENAI}|anthropic/(?:v1/)?{_MESSAGES}",
    "perplexity-ai": rf"(?:v1/)?(?:{_OPENAI}|sonar)",
    "cerebras": rf"(?:v1/)?{_OPENAI}",
    "cohere": _COHERE,
    "openrouter": rf"(?:v1/)?(?:{_OPENAI}|{_MESSAGES})",
    "fireworks": rf"{_OPENAI}|{_MESSAGES}|image_generation/.+|workflows/.+",
    "huggingface": _ANY,
    "replicate": r"(?:v1/)?(?:predictions|(?:models|deployments)/(?P<model>[^/]+/[^/]+)/predictions)",
    "workers-ai": rf"(?:run/)?(?P<model>@(?:cf|hf)/.+)|v1/{_OPENAI}",
    "fal": r"(?:fal-ai|[^/]+)/.+",
    "ideogram": r"(?:v1/[^/]+/)?(?:generate|edit|remix|reframe|upscale|describe|replace-background)(?:-[^/]+)?",
    "cartesia": r"tts/.+|infill/.+|voice-changer/.+|stt(?:/.+)?",
    "deepgram": r"v1/(?:listen|speak|read)",
    "elevenlabs": (
        r"v1/(?:text-to-speech|speech-to-speech|speech-to-text|sound-generation|audio-isolation|text-to-dialogue|music)(?:/.+)?"
    ),
    "baseten": rf"v1/{_OPENAI}|model/(?P<model>[^/?]+)(?:/.*)?",
    "parallel": rf"(?:v1(?:beta)?/)?(?:{_OPENAI}|search|extract|tasks/runs)",
    "adobe-firefly": r"v\d+/(?:images|videos|audio)/.+",
    "alibaba": _OPENAI,
    "minimax": (rf"{_OPENAI}|text/chatcompletion_v2|anthropic/v1/{_MESSAGES}|t2a_v2|(?:image|video|music)_generation"),
}
"""Provider → the whole path of a POST that makes a model work."""

_ANYWHERE: Final = rf"(?:[^/]+/)*?(?:{_OPENAI}|{_MESSAGES}|{_GEMINI}|v[12]/(?:chat|embed|generate))"
"""Whatever stands before it: for custom providers, and bases that an operator chose."""
_ENDPOINT: Final = rf"chat/completions|responses|embeddings|run|{_MESSAGES}"
"""Of REST and compat, for all providers."""
_NO_WORK: Final = re.compile(
    r"(?:.*/)?(?:cancel|count_tokens|input_tokens|batch(?:es)?|files|uploads|moderations|fine[_-]?tun(?:ing|es)|vector_stores"
    r"|assistants|containers|conversations|evals|(?:de)?tokenize|tokenizers|client_secrets|sessions|cachedContents|corpora"
    r"|threads|check-api-key|datasets|connectors|chat/completions/[^/]+|responses/[^/]+)(?:/.*)?"
    r"|(?:.*/)?models(?:/[^:]*)?"
    r"|.*:(?:countTokens|batchGenerateContent|asyncBatchEmbedContent|cancel|computeTokens)"
)
"""Of a POST that is none of the above."""


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})/?")


_WORKS: Final = {slug: _compiled(pattern) for slug, pattern in WORK.items()}
_ANYWHERE_WORKS: Final = _compiled(_ANYWHERE)
_ENDPOINT_WORKS: Final = _compiled(_ENDPOINT)


def called(provider: str, method: str, path: str) -> Call:
    """What a request asks for; `path` is what stands behind the provider, or the endpoint's name, without query."""
    return _posted(provider, path[: bounds.PATH]) if method == "POST" else _NOTHING


@lru_cache(maxsize=1024)
def _posted(provider: str, path: str) -> Call:
    path = unquote(path)
    own = _WORKS.get(provider)
    found = _ENDPOINT_WORKS.fullmatch(path) or (own.fullmatch(path) if own is not None else None)
    if found is None and _NO_WORK.fullmatch(path):
        return _NOTHING
    found = found or _ANYWHERE_WORKS.fullmatch(path)
    if found is None:
        return _UNKNOWN
    told = found.groupdict()
    apart = bool(told.get("apart")) or (path == "run" and provider == "anthropic")
    return Call(Work.MODEL, told.get("model") or "", apart)
