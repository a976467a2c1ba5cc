"""An entry of the audit log: who changed what, from where, and what it was before and after."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SERVICE = "service"
"""The actor's name where the service itself acted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    id: str
    """UUIDv7: entries sort by it."""
    created_at: float
    account_id: str
    """Empty for what concerns the whole service."""
    action: str
    """`create`, `update`, `delete`, `roll`, `login`, `logout`."""
    succeeded: bool
    actor_id: str
    """The token's id; empty for the service itself and for who is unknown."""
    actor_name: str
    interface: str
    """`dash` for a session, `api_token` for a token itself; empty for the service itself."""
    address: str
    resource_type: str
    resource_id: str
    resource_name: str
    before: dict[str, Any] | None
    """What changed, as the API shows it: never a secret. None where there was nothing before."""
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    since: float | None = None
    before: float | None = None
    limit: int = 100
    cursor: str = ""
    """The id after which to go on."""
    descending: bool = True
    equal: Mapping[str, str] = field(default_factory=dict)
    """Column → the value it must have."""
