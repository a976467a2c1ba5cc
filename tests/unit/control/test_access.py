"""What a stored token permits, as a table, and what may be handed on."""

from typing import Any

import pytest
from fakes.control import MovableClock, policy
from fakes.store import MemoryStore

from gateway.control.access import Access, covers, principal_of
from gateway.control.permissions import find_group
from gateway.control.sessions import Sessions
from gateway.kit.secret import keyed_digest
from gateway.model.tokens import Permission, Principal
from gateway.store.port import Token

A, B = "a" * 32, "b" * 32
RUN, READ = Permission.RUN, Permission.READ


def _gateways(*names: str) -> dict[str, str]:
    return {f"com.cloudflare.api.ai-gateway.{name}": "*" for name in names}


def _policy(*names: str, account: str = A, scope: Any = "*", effect: str = "allow") -> dict[str, Any]:
    made = policy(*names, account=account, scope=scope, effect=effect)
    groups = [find_group(None, name) for name in names]
    return made | {"permission_groups": [{"id": group.id, "name": group.name} for group in groups if group]}


def _token(*policies: dict[str, Any], **more: Any) -> Token:
    fields: dict[str, Any] = {
        "id": "t", "account_id": A, "kind": "account", "name": "n", "digest": b"d", "status": "active", "condition": None,
        "issued_on": 1.0, "modified_on": 1.0,
    }  # fmt: skip
    return Token(**{**fields, "policies": list(policies), **more})


ALLOW_ALL_DENY_A = (_policy(RUN, account="*"), _policy(RUN, effect="deny"))


@pytest.mark.parametrize(
    ("policies", "account", "permission", "gateway", "permitted"),
    [
        ((_policy(RUN),), A, RUN, None, True),
        ((_policy(RUN),), A, RUN, "g", True),
        ((_policy(RUN),), A, READ, None, False),
        ((_policy(RUN),), B, RUN, None, False),
        ((_policy(RUN, READ),), A, READ, None, True),
        ((_policy(RUN), _policy(READ)), A, READ, None, True),
        ((_policy(RUN, account="*"),), B, RUN, "g", True),
        ((_policy(RUN, account="*"), _policy(READ)), A, RUN, None, True),
        ((_policy(RUN, account="*"), _policy(READ)), B, READ, None, False),
        ((_policy(RUN, scope=_gateways("g")),), A, RUN, "g", True),
        ((_policy(RUN, scope=_gateways("g")),), A, RUN, "h", False),
        ((_policy(RUN, scope=_gateways("g")),), A, RUN, None, False),
        ((_policy(RUN, scope=_gateways("g")), _policy(RUN, scope=_gateways("h"))), A, RUN, "h", True),
        ((_policy(RUN, scope=_gateways("g")), _policy(RUN)), A, RUN, "h", True),
        ((_policy(RUN), _policy(RUN, scope=_gateways("g"))), A, RUN, "h", True),
        ((_policy(RUN, account="*"), _policy(RUN, scope=_gateways("g"))), A, RUN, "h", True),
        ((_policy(RUN), _policy(RUN, effect="deny")), A, RUN, "g", False),
        ((_policy(RUN, effect="deny"), _policy(RUN)), A, RUN, "g", False),
        ((_policy(RUN, READ), _policy(RUN, effect="deny")), A, READ, None, True),
        (ALLOW_ALL_DENY_A, A, RUN, "g", False),
        (ALLOW_ALL_DENY_A, B, RUN, "g", True),
        ((_policy(RUN), _policy(RUN, account="*", effect="deny")), A, RUN, "g", False),
        ((_policy(RUN, scope=_gateways("g", "h")), _policy(RUN, scope=_gateways("g"), effect="deny")), A, RUN, "g", False),
        ((_policy(RUN, scope=_gateways("g", "h")), _policy(RUN, scope=_gateways("g"), effect="deny")), A, RUN, "h", True),
        ((_policy(RUN, scope=_gateways("g")), _policy(RUN, effect="deny")), A, RUN, "g", False),
        # An allow on all but one cannot be said: the denial takes all of it.
        ((_policy(RUN), _policy(RUN, scope=_gateways("g"), effect="deny")), A, RUN, "h", False),
        ((), A, RUN, None, False),
    ],
)
def test_what_a_token_permits(
    policies: tuple[dict[str, Any], ...], account: str, permission: str, gateway: str | None, permitted: bool
) -> None:
    assert principal_of(_token(*policies)).may(account, permission, gateway) is permitted


def test_dates_and_addresses_are_carried_over() -> None:
    condition = {"request_ip": {"in": ["10.0.0.0/8"], "not_in": ["10.1.0.0/16"]}}
    principal = principal_of(_token(condition=condition, not_before=5.0, expires_on=9.0))
    assert [principal.in_force(moment) for moment in (4, 5, 8, 9)] == [False, True, True, False]
    addresses = ("10.0.0.1", "10.1.0.1", "11.0.0.1", "")
    assert [principal.accepts_address(address) for address in addresses] == [True, False, False, False]


def _principal(*policies: dict[str, Any]) -> Principal:
    return principal_of(_token(*policies))


@pytest.mark.parametrize(
    ("holder", "wanted", "covered"),
    [
        ((_policy(RUN, READ),), (_policy(RUN),), True),
        ((_policy(RUN),), (_policy(RUN, READ),), False),
        ((_policy(RUN, account="*"),), (_policy(RUN),), True),
        ((_policy(RUN, account="*"),), (_policy(RUN, account="*"),), True),
        ((_policy(RUN),), (_policy(RUN, account="*"),), False),
        (ALLOW_ALL_DENY_A, (_policy(RUN, account="*"),), False),
        (ALLOW_ALL_DENY_A, ALLOW_ALL_DENY_A, True),
        (ALLOW_ALL_DENY_A, (_policy(RUN, account=B),), True),
        ((_policy(RUN),), (_policy(RUN, scope=_gateways("g")),), True),
        ((_policy(RUN, scope=_gateways("g")),), (_policy(RUN),), False),
        ((_policy(RUN, scope=_gateways("g", "h")),), (_policy(RUN, scope=_gateways("g")),), True),
        ((_policy(RUN, scope=_gateways("g")),), (_policy(RUN, scope=_gateways("h")),), False),
        ((), (), True),
    ],
)
def test_what_may_be_handed_on(holder: Any, wanted: Any, covered: bool) -> None:
    assert covers(_principal(*holder), _principal(*wanted)) is covered


def test_the_digest_is_keyed() -> None:
    access = Access(b"pepper", MemoryStore(), MovableClock(), Sessions(MovableClock(), ""))
    assert access.digest("agw_x") == keyed_digest(b"pepper", b"agw_x")
