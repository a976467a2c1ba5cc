"""What a stored token permits, as a table, and what may be handed on."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.control import policy
from fakes.store import MemoryStore
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.grants import MOST_MAKERS, common, dependants, excess, in_effect, makers_in_a_row, principal_of
from gateway.control.permissions import find_group
from gateway.kit.addresses import networks_of
from gateway.model.tokens import ANY_ACCOUNT, Permission, Principal, Token

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
    assert excess(_principal(*holder), _principal(*wanted), 0.0) == (None if covered else "policies")


def _limited(ip_in: Any = (), ip_not_in: Any = (), **dates: float) -> Principal:
    return Principal(token_id="t", ip_in=networks_of(ip_in), ip_not_in=networks_of(ip_not_in), **dates)


NOW = 100.0


@pytest.mark.parametrize(
    ("holder", "wanted", "beyond"),
    [
        (_limited(expires_on=200), _limited(expires_on=200), None),
        (_limited(expires_on=200), _limited(expires_on=150), None),
        (_limited(expires_on=200), _limited(expires_on=200.001), "expires_on"),
        (_limited(expires_on=200), _limited(), "expires_on"),
        (_limited(), _limited(expires_on=200), None),
        (_limited(not_before=50), _limited(), None),
        (_limited(not_before=150), _limited(), "not_before"),
        (_limited(not_before=150), _limited(not_before=149), "not_before"),
        (_limited(not_before=150), _limited(not_before=150), None),
        (_limited(["10.0.0.0/8"]), _limited(), "condition"),
        (_limited(["10.0.0.0/8"]), _limited(["10.0.0.0/8"]), None),
        (_limited(["10.0.0.0/8"]), _limited(["10.1.0.0/16", "10.2.3.4"]), None),
        (_limited(["10.0.0.0/8"]), _limited(["10.0.0.0/7"]), "condition"),
        (_limited(["10.0.0.0/8"]), _limited(["10.0.0.0/8", "11.0.0.1"]), "condition"),
        (_limited(["10.0.0.0/9", "10.128.0.0/9"]), _limited(["10.0.0.0/8"]), None),
        (_limited(["10.0.0.0/8"]), _limited(["::ffff:10.0.0.0/104"]), None),
        (_limited(["10.0.0.0/8"]), _limited(["10.0.0.0/7"], ["11.0.0.0/8"]), None),
        (_limited(["10.0.0.0/8"]), _limited([], ["11.0.0.0/8"]), "condition"),
        (_limited(["2001:db8::/32"]), _limited(["2001:db8:1::/48"]), None),
        (_limited(["2001:db8::/32"]), _limited(["10.0.0.0/8"]), "condition"),
        (_limited([], ["10.0.0.0/8"]), _limited(), "condition"),
        (_limited([], ["10.0.0.0/8"]), _limited([], ["10.0.0.0/8"]), None),
        (_limited([], ["10.0.0.0/8"]), _limited([], ["10.0.0.0/9"]), "condition"),
        (_limited([], ["10.0.0.0/8"]), _limited(["11.0.0.0/8"]), None),
        (_limited([], ["10.0.0.0/8"]), _limited(["10.0.0.0/8"], ["10.0.0.0/8"]), None),
        (_limited(["0.0.0.0/0", "::/0"]), _limited(), "condition"),
        (_limited(["0.0.0.0/0", "::/0"]), _limited([], ["10.0.0.0/8"]), None),
    ],
)
def test_dates_and_addresses_are_handed_on_at_most(holder: Principal, wanted: Principal, beyond: str | None) -> None:
    assert excess(holder, wanted, NOW) == beyond


# A small world in which every request can be tried: what is found within must permit nothing more, whatever is asked.
ACCOUNTS = ("a", "b", "new")
PERMISSIONS = (RUN, READ)
GATEWAYS = (None, "g", "h", "other")
ADDRESSES = ("", "10.0.0.1", "10.200.0.1", "11.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2001:db8::1", "2001:db9::1")
NETWORKS = st.sampled_from(
    ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "11.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::/0", "0.0.0.0/0"]
)
MOMENTS = (100.0, 150.0, 200.0, 250.0)

_scopes = st.one_of(st.none(), st.sets(st.sampled_from(["g", "h"]), min_size=1).map(frozenset))
_rights_of_one = st.dictionaries(st.sampled_from(PERMISSIONS), _scopes)
_moments = st.one_of(st.none(), st.sampled_from(MOMENTS))
principals = st.builds(
    Principal,
    token_id=st.just("t"),
    grants=st.dictionaries(st.sampled_from(["a", "b", ANY_ACCOUNT]), _rights_of_one),
    not_before=_moments,
    expires_on=_moments,
    ip_in=st.lists(NETWORKS, max_size=2).map(networks_of),
    ip_not_in=st.lists(NETWORKS, max_size=2).map(networks_of),
)


def permitted(principal: Principal) -> set[tuple[object, ...]]:
    """Every request of the small world from now on that this token may make."""
    rights = [
        (account, permission, gateway)
        for account in ACCOUNTS
        for permission in PERMISSIONS
        for gateway in GATEWAYS
        if principal.may(account, permission, gateway)
    ]
    moments = [moment for moment in MOMENTS if moment >= NOW and principal.in_force(moment)]
    addresses = [address for address in ADDRESSES if principal.accepts_address(address)]
    return {(right, moment, address) for right in rights for moment in moments for address in addresses}


@given(principals, principals)
def test_what_is_within_a_token_permits_nothing_that_it_does_not(holder: Principal, wanted: Principal) -> None:
    if excess(holder, wanted, NOW) is None:
        assert permitted(wanted) <= permitted(holder)


@given(principals, principals, principals)
def test_handing_on_is_a_partial_order(one: Principal, two: Principal, three: Principal) -> None:
    assert excess(one, one, NOW) is None
    if excess(one, two, NOW) is None and excess(two, three, NOW) is None:
        assert excess(one, three, NOW) is None


@given(principals, principals)
def test_what_two_have_in_common_is_exactly_what_both_permit(one: Principal, other: Principal) -> None:
    shared = common(one, other)
    assert permitted(shared) == permitted(one) & permitted(other)
    assert (excess(one, shared, NOW), excess(other, shared, NOW)) == (None, None)


async def _chain(store: MemoryStore, *links: Token) -> Token:
    """Each made with the one before it; the last."""
    maker: Token | None = None
    for number, link in enumerate(links):
        made = replace(link, id=f"t{number}", digest=bytes([number]))
        if maker is not None:
            made = replace(made, maker_id=maker.id, maker_rolls=maker.rolls)
        await store.tokens.insert(made)
        maker = made
    assert maker is not None
    return maker


async def test_a_token_has_no_more_than_its_makers_at_any_remove() -> None:
    store = MemoryStore(A)
    last = await _chain(
        store, _token(_policy(RUN), expires_on=50.0), _token(_policy(RUN, READ)), _token(_policy(RUN, READ), not_before=9.0)
    )
    principal = await in_effect(store.tokens, last)
    assert principal is not None
    assert (principal.token_id, principal.not_before, principal.expires_on) == ("t2", 9.0, 50.0)
    assert principal.may(A, RUN)
    assert not principal.may(A, READ)


@pytest.mark.parametrize("end", ["disabled", "deleted", "rolled"])
@pytest.mark.parametrize("which", ["t0", "t1"])
async def test_a_token_ends_with_its_makers(end: str, which: str) -> None:
    store = MemoryStore(A)
    last = await _chain(store, *[_token(_policy(RUN))] * 3)
    maker = store.all_tokens[which]
    if end == "deleted":
        await store.tokens.delete(which)
    else:
        await store.tokens.update(replace(maker, status="disabled") if end == "disabled" else replace(maker, rolls=1))
    assert await in_effect(store.tokens, last) is None
    await store.tokens.update(replace(store.all_tokens["t2"], outlives_maker=True))
    assert await in_effect(store.tokens, store.all_tokens["t2"]) is not None
    await (store.tokens.insert if end == "deleted" else store.tokens.update)(maker)
    assert await in_effect(store.tokens, last) is not None, "what was only disabled comes back"


async def test_all_that_depend_on_a_token_are_found() -> None:
    store = MemoryStore(A)
    last = await _chain(store, *[_token(_policy(RUN))] * 3)
    await store.tokens.insert(replace(last, id="apart", digest=b"apart", maker_id="t0", outlives_maker=True))
    await store.tokens.insert(replace(last, id="below", digest=b"below", maker_id="apart"))
    assert [token.id for token in await dependants(store.tokens, "t0")] == ["t1", "t2"]
    assert await makers_in_a_row(store.tokens, last) == 2


async def test_a_row_of_makers_has_an_end() -> None:
    store = MemoryStore(A)
    assert await in_effect(store.tokens, await _chain(store, *[_token(_policy(RUN))] * (MOST_MAKERS + 1))) is not None
    longer = MemoryStore(A)
    assert await in_effect(longer.tokens, await _chain(longer, *[_token(_policy(RUN))] * (MOST_MAKERS + 2))) is None
