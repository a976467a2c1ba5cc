"""Permission groups as the API shows them (specification section 5.3): stable ids derived from the names."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from gateway.model.tokens import ALL_PERMISSIONS, Permission

ACCOUNT_SCOPE: Final = "com.cloudflare.api.account"
_NAMESPACE: Final = UUID("5f3c1d0e-93b4-4c58-9d7e-6a1f2b8c4e70")
_AI_CATEGORY: Final = "ai_and_machine_learning"
_ACCOUNT_CATEGORY: Final = "account_and_billing"
"""Both are values of Cloudflare's own list; official SDKs refuse any other when they are told to be strict."""
_ACCOUNT_GROUPS: Final = (
    Permission.TOKENS_READ,
    Permission.TOKENS_WRITE,
    Permission.LASTING_TOKENS_WRITE,
    Permission.ACCOUNTS_WRITE,
    Permission.AUDIT_READ,
)


@dataclass(frozen=True, slots=True)
class PermissionGroup:
    id: str
    """32 hex characters; the same in every installation."""
    name: str
    category: str

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "scopes": [ACCOUNT_SCOPE],
            "category": self.category,
            "is_selectable": True,
        }


def _group(name: str) -> PermissionGroup:
    category = _ACCOUNT_CATEGORY if name in _ACCOUNT_GROUPS else _AI_CATEGORY
    return PermissionGroup(uuid5(_NAMESPACE, name).hex, name, category)


PERMISSION_GROUPS: Final = tuple(_group(name) for name in ALL_PERMISSIONS)
_BY_ID: Final = {group.id: group for group in PERMISSION_GROUPS}
_BY_NAME: Final = {group.name: group for group in PERMISSION_GROUPS}


def find_group(group_id: str | None, name: str | None) -> PermissionGroup | None:
    """By id if one is given, else by name; None when unknown or when the two disagree."""
    if group_id is None:
        return _BY_NAME.get(name or "")
    group = _BY_ID.get(group_id) or (_BY_NAME.get(group_id) if name is None else None)
    return None if group is None or (name is not None and name != group.name) else group


def permission_of(stored: dict[str, Any]) -> str | None:
    """The permission a stored policy's group names; None if this version knows none of that id."""
    group = _BY_ID.get(stored["id"])
    return None if group is None else group.name
