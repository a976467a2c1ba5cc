"""What may be asked of the request log: values only; `log_sql` turns them into SQL (specification section 6.2)."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from gateway.model.records import LogRecord


class Kind(Enum):
    """What a filter's values are."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    MOMENT = "moment"
    """From and until when: seconds since the epoch, the end exclusive. `lt` is before all of it, `gt` behind."""
    METADATA = "metadata"
    """Keys or values of the metadata, as text."""


KEYS: Final[dict[str, Kind]] = {
    "id": Kind.TEXT,
    "created_at": Kind.MOMENT,
    "request_content_type": Kind.TEXT,
    "response_content_type": Kind.TEXT,
    "request_type": Kind.TEXT,
    "success": Kind.BOOLEAN,
    "cached": Kind.BOOLEAN,
    "provider": Kind.TEXT,
    "model": Kind.TEXT,
    "model_type": Kind.TEXT,
    "cost": Kind.NUMBER,
    "tokens": Kind.NUMBER,
    "tokens_in": Kind.NUMBER,
    "tokens_out": Kind.NUMBER,
    "duration": Kind.NUMBER,
    "feedback": Kind.NUMBER,
    "event_id": Kind.TEXT,
    "metadata.key": Kind.METADATA,
    "metadata.value": Kind.METADATA,
    "authentication": Kind.BOOLEAN,
    "wholesale": Kind.BOOLEAN,
    "compatibilityMode": Kind.BOOLEAN,
    "dlp_action": Kind.TEXT,
    "user_agent": Kind.TEXT,
    # Ours beyond Cloudflare's:
    "status_code": Kind.NUMBER,
    "outcome": Kind.TEXT,
    "token_id": Kind.TEXT,
    "path": Kind.TEXT,
    "error_code": Kind.NUMBER,
    "error_cause": Kind.TEXT,
}
"""The filter keys. `wholesale`, `compatibilityMode` and `dlp_action` are facts this service never has: false, false, empty."""

OPERATORS: Final[dict[Kind, frozenset[str]]] = {
    Kind.TEXT: frozenset({"eq", "neq", "contains", "lt", "gt"}),
    Kind.NUMBER: frozenset({"eq", "neq", "lt", "gt", "ge", "le"}),
    Kind.BOOLEAN: frozenset({"eq", "neq"}),
    Kind.MOMENT: frozenset({"eq", "neq", "lt", "gt"}),
    Kind.METADATA: frozenset({"eq", "neq", "contains"}),
}
"""`ge` and `le` come from `min_` and `max_` parameters only."""

ORDERS: Final = (
    "created_at", "provider", "model", "model_type", "success", "cached",
    "cost", "tokens_in", "tokens_out", "duration", "feedback",
)  # fmt: skip

Value = str | float | bool | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Condition:
    key: str
    """One of KEYS."""
    operator: str
    values: tuple[Value, ...]
    """`eq` and `contains`: any of them; `neq`: none of them; the others have one."""
    of_entry: str | None = None
    """`metadata.value` only: the key whose value is meant; None for any entry's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    conditions: tuple[Condition, ...] = ()
    """All of them hold."""
    search: str = ""
    """Text anywhere in the metadata, whatever its case."""
    since: float | None = None
    """Seconds since the epoch, inclusive."""
    before: float | None = None
    """Seconds since the epoch, exclusive."""
    order_by: str = "created_at"
    """One of ORDERS; equal rows by time, then by id, in the same direction."""
    descending: bool = True

    @property
    def counted(self) -> bool:
        """Whether it asks for time alone, so that the hourly counts answer how many there are."""
        return not self.conditions and not self.search


EVERYTHING: Final = LogQuery()


class LogEntry(NamedTuple):
    """A record and what was said of it afterwards."""

    record: LogRecord
    feedback: int | None = None
    """-1, 0 or 1; 0 and None are both "not rated"."""
    score: float | None = None
    """0 to 100."""
