"""What to ask a provider for to learn whether it takes a key: a GET that costs nothing and is not answered without one."""

from types import MappingProxyType
from typing import Final

from gateway.model.targets import Provider

_PATHS: Final = MappingProxyType(
    {
        "openai": "models",
        "anthropic": "v1/models",
        "google-ai-studio": "v1beta/models?pageSize=1",
        "groq": "models",
        "grok": "v1/models",
        "mistral": "v1/models",
        "deepseek": "models",
        "cerebras": "v1/models",
        "cohere": "v1/models",
        "openrouter": "v1/key",  # its list of models is public
        "fireworks": "models",
        "replicate": "account",
        "deepgram": "v1/projects",
        "elevenlabs": "v1/models",
        "baseten": "v1/models",
        "alibaba": "models",
        "minimax": "models",
    }
)
_REFUSED: Final = frozenset({400, 401, 403})
"""Google AI Studio says 400 to a key that it does not know, and nothing else can be wrong with these requests."""


def path_for(provider: Provider) -> str:
    """The native path to ask for; empty where none is known."""
    if provider.slug.startswith("custom-"):
        return "models" if provider.base_url.endswith("/v1") else "v1/models"
    return _PATHS.get(provider.slug, "")


def verdict_on(status: int) -> str:
    """What an answer's status says of the key. A list that is not there, a limit or a failure says nothing."""
    if 200 <= status < 300:
        return "accepted"
    return "refused" if status in _REFUSED else "unclear"
