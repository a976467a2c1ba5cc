"""Who may make, and so touch, a token; over the wire in tests/contract/cloudflare/management/test_grants.py."""

from typing import Any

import pytest
from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control.access import Caller
from gateway.control.api.token_bodies import TokenBody
from gateway.control.granting import Granting, founding
from gateway.control.grants import principal_of
from gateway.model.faults import MANAGEMENT_FORBIDDEN, Refusal
from gateway.model.tokens import Permission, Token

GRANTING = Granting(MemoryStore().tokens, MovableClock(1000.0))


def token(*permissions: str, **fields: Any) -> Token:
    body = TokenBody.model_validate({
        "name": "n",
        "policies": [{
            "effect": "allow",
            "permission_groups": [{"name": name} for name in permissions or (Permission.RUN,)],
            "resources": {"com.cloudflare.api.account.a": "*"},
        }],
    })  # fmt: skip
    made: dict[str, Any] = {
        "id": "t", "account_id": "a", "kind": "account", "name": "n", "digest": b"", "status": "active", "condition": None,
        "policies": body.stored_policies(), "issued_on": 0, "modified_on": 0, "maker_id": "m",
    }  # fmt: skip
    return Token(**made | fields)


def caller(*permissions: str, **fields: Any) -> Caller:
    made = token(*permissions, **{"id": "c", **fields})
    return Caller(principal_of(made), made)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expires_on"),
        ({"expires_on": 2001.0}, "expires_on"),
        ({"expires_on": 2000.0}, None),
        ({"expires_on": 2000.0, "policies": token(Permission.WRITE).policies}, "permission"),
    ],
)
def test_a_refusal_says_what_goes_too_far(fields: dict[str, Any], message: str | None) -> None:
    holder = caller(expires_on=2000.0)
    if message is None:
        GRANTING.check(holder, token(**fields))
        return
    with pytest.raises(Refusal) as refusal:
        GRANTING.check(holder, token(**fields))
    assert refusal.value.fault is MANAGEMENT_FORBIDDEN
    assert message in str(refusal.value.message)


def test_only_who_may_say_so_makes_lasting_tokens() -> None:
    lasting = token(outlives_maker=True)
    GRANTING.check_reach(caller(), lasting)
    with pytest.raises(Refusal):
        GRANTING.check(caller(), lasting)
    GRANTING.check(caller(Permission.RUN, Permission.LASTING_TOKENS_WRITE), lasting)


def test_the_end_of_the_services_own_token_binds_nothing_but_itself() -> None:
    first = caller(expires_on=2000.0, maker_id="")
    assert founding(first.token)
    GRANTING.check(first, token())
    with pytest.raises(Refusal):
        GRANTING.check(first, token(id="c"))
