"""Facts that flow up: the log record of a request, and the usage a provider reported (specification section 6.1)."""

from typing import Any, NamedTuple

Row = tuple[Any, ...]
"""The values of a LogRecord in its order: what the edge makes and the link carries."""


class Usage(NamedTuple):
    """Tokens as the provider counted them; None where it said nothing. Never a guess."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    model: str = ""
    """The model's name in the answer, if it has one."""
    exactness: str = "unknown"
    """`exact`: the final figures were seen; `partial`: the stream ended before them; `unknown`: none were."""
    tokens_cache_write: int | None = None


UNKNOWN_USAGE = Usage()


ROW_BYTES = 900
"""What a log record takes in memory, apart from its texts."""


class LogRecord(NamedTuple):
    """One row of the request log. A tuple, because the edge makes one for each request and ships them as JSON arrays."""

    id: str
    """UUIDv7; equals `cf-aig-log-id`."""
    account_id: str
    gateway_id: str
    created_at: float
    """Seconds since the epoch, at the request's start."""
    provider: str
    model: str
    model_type: str
    """`chat`, `embedding`, ... or empty."""
    method: str
    path: str
    """Path behind the provider, query string removed (it may hold keys)."""
    status_code: int
    """The status the client got; 499 when it left first."""
    success: bool
    outcome: str
    """`completed`, `client_gone`, `upstream_truncated`, `upstream_error`, `refused`"""
    cached: bool
    duration_ms: int
    first_byte_ms: int | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    tokens_reasoning: int | None
    usage_exactness: str
    metadata: str | None
    """JSON text of at most five entries."""
    step: int
    request_type: str
    request_content_type: str
    response_content_type: str
    request_size: int
    response_size: int
    event_id: str
    user_agent: str
    authentication: bool
    """Whether the gateway asked for a token."""
    token_id: str
    streamed: bool
    tokens_cache_write: int | None = None
    """Tokens the provider wrote to its prompt cache; Anthropic reports and bills them apart."""
    events: int = 0
    """Events of a streamed answer."""
    overhead_us: int | None = None
    """Microseconds the gateway itself took before the request went to the provider, waiting for the client not counted."""
    auth_state: str = ""
    """How the token was found: `hit`, `stale`, `miss`, or empty where none was wanted."""
    custom_cost: str | None = None
    """JSON text of `cf-aig-custom-cost`."""
    asked: bool = True
    """Whether a provider was called."""
    error_code: int | None = None
    """Of a request that did not succeed: our error's code, or the status that the provider answered with."""
    error_message: str = ""
    """Why, in words of ours."""
    error_cause: str = ""
    """Why, in one word: see model/causes.py."""
    cost: float | None = None
    """USD; control fills it in. None: unknown."""

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return ROW_BYTES + len(self.model) + len(self.path) + len(self.user_agent) + len(self.metadata or "")


class LogBodies(NamedTuple):
    """What was said in a request of the log, as far as the edge's sample goes. Comes after its record, or never."""

    id: str
    """The record's."""
    account_id: str
    gateway_id: str
    request: bytes
    """As it went to the provider; any bytes."""
    response: bytes
    request_complete: bool
    response_complete: bool
    """Whether the sample holds the whole body."""
    request_encoding: str = ""
    """Content-Encoding of the body; control unpacks it before it is stored."""
    response_encoding: str = ""

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return ROW_BYTES + len(self.request) + len(self.response)
