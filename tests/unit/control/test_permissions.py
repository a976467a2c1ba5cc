from typing import Any, get_args

import pytest
from cloudflare.types.accounts.tokens.permission_group_list_response import PermissionGroupListResponse

from gateway.control.permissions import PERMISSION_GROUPS, PermissionGroup, find_group, permission_of
from gateway.model.tokens import ALL_PERMISSIONS, Permission

RUN_ID = next(group.id for group in PERMISSION_GROUPS if group.name == Permission.RUN)


def test_ids_are_stable_and_distinct() -> None:
    assert RUN_ID == "0023fad0382a507f9a9ccfc5e6b1f7d5"
    assert len({group.id for group in PERMISSION_GROUPS}) == len(ALL_PERMISSIONS)


def _listed(kind: Any) -> set[Any]:
    """The values of the literals in a type."""
    inner = get_args(kind)
    return set().union(*map(_listed, inner)) if inner else {kind}


@pytest.mark.parametrize("group", PERMISSION_GROUPS, ids=lambda group: group.name)
def test_categories_and_scopes_are_cloudflares(group: PermissionGroup) -> None:
    fields = PermissionGroupListResponse.model_fields
    assert group.category in _listed(fields["category"].annotation)
    assert set(group.shown()["scopes"]) <= _listed(fields["scopes"].annotation)


@pytest.mark.parametrize(
    ("group_id", "name", "found"),
    [
        (RUN_ID, None, Permission.RUN),
        (None, Permission.RUN, Permission.RUN),
        (RUN_ID, Permission.RUN, Permission.RUN),
        (Permission.RUN, None, Permission.RUN),
        (RUN_ID, Permission.WRITE, None),
        (RUN_ID.upper(), None, None),
        (None, None, None),
        ("", None, None),
    ],
)
def test_groups_are_found_by_id_or_name(group_id: str | None, name: str | None, found: str | None) -> None:
    group = find_group(group_id, name)
    assert (group.name if group else None) == found


def test_a_stored_group_this_version_does_not_know_permits_nothing() -> None:
    assert permission_of({"id": RUN_ID, "name": "anything"}) == Permission.RUN
    assert permission_of({"id": "0" * 32, "name": Permission.RUN}) is None
