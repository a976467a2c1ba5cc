"""Where a request is going: the surface it entered by and the names found in its path."""

from dataclasses import dataclass
from enum import Enum, auto


class Surface(Enum):
    """A family of URLs with one way to authenticate and one shape of errors (specification sections 1 and 19)."""

    PROVIDER_NATIVE = auto()
    """`/v1/{account}/{gateway}/{provider}/{rest}`"""
    UNIVERSAL = auto()
    """`/v1/{account}/{gateway}`"""
    COMPAT = auto()
    """`/v1/{account}/{gateway}/compat/...`"""
    REST_RUN = auto()
    """`/client/v4/accounts/{account}/ai/run`, with or without a model in the path"""
    REST_V1 = auto()
    """`/client/v4/accounts/{account}/ai/v1/...`"""
    CONTROL = auto()
    """The management API; the edge relays it to control."""
    DASHBOARD = auto()
    OPS = auto()
    """`/livez`, `/readyz`, and `/`, which leads a browser to the dashboard"""
    PREFLIGHT = auto()
    """A browser's question, on any path of inference, whether a page of another origin may ask there (Fetch standard
    section 3.2.2)."""
    NOWHERE = auto()
    """No route: only refusals have it."""

    __hash__ = (
        object.__hash__
    )  # members are singletons; Enum's own hash is a Python function, and every request asks five times


REST_SURFACES = frozenset({Surface.REST_RUN, Surface.REST_V1})
OPEN_SURFACES = frozenset({Surface.CONTROL, Surface.DASHBOARD, Surface.OPS, Surface.PREFLIGHT})
"""No inference, and no token asked for at the edge: control checks management requests itself."""

PAGE_SURFACES = frozenset({Surface.DASHBOARD, Surface.OPS})
"""What a browser may open. Everything else holds, or may hold, what a stranger wrote."""

CROSS_ORIGIN_SURFACES = frozenset(
    {Surface.PROVIDER_NATIVE, Surface.UNIVERSAL, Surface.COMPAT, Surface.REST_RUN, Surface.REST_V1, Surface.PREFLIGHT}
)
"""Where pages of other origins may ask, and are let read the answers. Never where a session's cookie opens anything."""


class Endpoint(Enum):
    """What an OpenAI- or Anthropic-shaped path asks for; the value is what documents call it."""

    CHAT = "chat/completions"
    RESPONSES = "responses"
    MESSAGES = "messages"
    COUNT_TOKENS = "messages/count_tokens"
    EMBEDDINGS = "embeddings"
    MODELS = "models"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Route:
    surface: Surface
    account_id: str = ""
    gateway_id: str = ""
    """Empty when the path names none: REST, where a header or `default` decides."""
    provider: str = ""
    """The provider's slug as the path spells it; empty on REST and compat."""
    tail: str = ""
    """What follows the provider, query string included: raw, still percent-encoded, without leading slash.
    For `run/{model}` the model, with `%2F` decoded."""
    endpoint: Endpoint | None = None
    """Set on COMPAT, REST_RUN and REST_V1."""

    @property
    def path(self) -> str:
        """What is asked of the provider: path behind it or endpoint, without query (it may hold keys)."""
        return self.endpoint.value if self.endpoint is not None else self.tail.partition("?")[0]
