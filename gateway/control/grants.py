"""What a token may do, and what it may hand on (decision 0022).

A token grants at most itself: no permission, account, gateway, moment or address that it does not have. And it has nothing
that its maker has not: unless it outlives its maker, what both permit is what counts, at every moment.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from gateway.control.permissions import PERMISSION_GROUPS, permission_of
from gateway.kit.addresses import Network, networks_of
from gateway.kit.ids import hex32
from gateway.model.tokens import ALL_PERMISSIONS, ANY_ACCOUNT, Principal, Token
from gateway.store.reads import TokenReads

ACCOUNT_RESOURCE: Final = "com.cloudflare.api.account."
GATEWAY_RESOURCE: Final = "com.cloudflare.api.ai-gateway."
MOST_MAKERS: Final = 8
"""Makers in a row that one token may depend on: each is one more look into the store."""

Limits = frozenset[str] | None
"""The gateways a permission holds on; None for all."""
_Merged = dict[str, dict[str, Limits]]
_Range = tuple[int, int]
_IPV6_FROM: Final = 2**32
"""Both families on one line of numbers, IPv4 first."""
_EVERYWHERE: Final = ((0, _IPV6_FROM + 2**128 - 1),)
_NOWHERE: Final = networks_of(("0.0.0.0/0", "::/0"))


def principal_of(token: Token) -> Principal:
    """What a stored token by itself permits: allows added up, denials taken off, any-account rights written into each
    account's entry.

    A denial limited to some gateways against an allow on all of them cannot be expressed, so it takes the whole
    permission: the safe side.
    """
    allowed, denied = _collect(token.policies, "allow"), _collect(token.policies, "deny")
    anywhere = allowed.get(ANY_ACCOUNT, {})
    grants: _Merged = {}
    for account in {*allowed, *denied}:
        held = _added(anywhere, allowed.get(account, {}))
        for refused in (denied.get(ANY_ACCOUNT, {}), denied.get(account, {})):
            held = _subtracted(held, refused)
        grants[account] = held
    addresses = (token.condition or {}).get("request_ip") or {}
    return Principal(
        token_id=token.id,
        grants=grants,
        not_before=token.not_before,
        expires_on=token.expires_on,
        ip_in=networks_of(addresses.get("in") or ()),
        ip_not_in=networks_of(addresses.get("not_in") or ()),
    )


def everything() -> list[dict[str, Any]]:
    """The policies of who may do all on every account."""
    groups = [{"id": group.id, "name": group.name} for group in PERMISSION_GROUPS]
    resources = {ACCOUNT_RESOURCE + ANY_ACCOUNT: "*"}
    return [{"id": hex32(), "effect": "allow", "permission_groups": groups, "resources": resources}]


def operators_token(account_id: str, wall_s: float) -> Token:
    """What the command line on this machine acts with; it is in no store."""
    return Token(
        id="operator",
        account_id=account_id,
        kind="account",
        name="command line",
        digest=b"",
        status="active",
        policies=everything(),
        condition=None,
        issued_on=wall_s,
        modified_on=wall_s,
    )


def holds_everything(token: Token, accounts: int) -> bool:
    """Whether it may do all, without an end or a limit: on every account, or on the only one there is."""
    principal = principal_of(token)
    limited = principal.expires_on is not None or principal.ip_in or principal.ip_not_in or token.status != "active"
    places = [ANY_ACCOUNT] if accounts > 1 else [ANY_ACCOUNT, token.account_id]
    return not limited and any(all(principal.may(place, name) for name in ALL_PERMISSIONS) for place in places)


async def in_effect(tokens: TokenReads, token: Token) -> Principal | None:
    """What the token permits now, its makers considered; None when it or one of them is disabled, gone or rolled since.

    Raises StoreDown. Dates and addresses of all of them are in the principal, to be judged on each request.
    """
    principal: Principal | None = None
    for _ in range(MOST_MAKERS + 1):
        if token.status != "active":
            return None
        own = principal_of(token)
        principal = own if principal is None else common(principal, own)
        if not bound(token):
            return principal
        maker = await tokens.get(token.maker_id)
        if maker is None or maker.rolls != token.maker_rolls:
            return None
        token = maker
    return None


def bound(token: Token) -> bool:
    """Whether it ends with its maker."""
    return bool(token.maker_id) and not token.outlives_maker


async def dependants(tokens: TokenReads, token_id: str) -> list[Token]:
    """All tokens that end when this one does, at any remove. Raises StoreDown."""
    found: list[Token] = []
    makers = [token_id]
    while makers:
        made = [token for token in await tokens.made_by(makers) if not token.outlives_maker]
        found += made
        makers = [token.id for token in made]
    return found


async def makers_in_a_row(tokens: TokenReads, token: Token) -> int:
    """How many others this token depends on."""
    count = 0
    while bound(token) and (maker := await tokens.get(token.maker_id)) is not None:
        count, token = count + 1, maker
    return count


def excess(holder: Principal, wanted: Principal, now: float) -> str | None:
    """Which field of `wanted` goes beyond `holder` from now on; None when it stays within."""
    accounts = {*holder.grants, *wanted.grants, ANY_ACCOUNT}
    if not all(_within(_rights(holder, account), _rights(wanted, account)) for account in accounts):
        return "policies"
    if holder.expires_on is not None and (wanted.expires_on is None or wanted.expires_on > holder.expires_on):
        return "expires_on"
    if max(wanted.not_before or 0.0, now) < (holder.not_before or 0.0):
        return "not_before"
    return None if _accepts_no_more(holder, wanted) else "condition"


def common(one: Principal, other: Principal) -> Principal:
    """What both permit, as `one`."""
    accounts = {*one.grants, *other.grants, ANY_ACCOUNT}
    ends = [moment for moment in (one.expires_on, other.expires_on) if moment is not None]
    starts = [moment for moment in (one.not_before, other.not_before) if moment is not None]
    ip_in, ip_not_in = one.ip_in or other.ip_in, (*one.ip_not_in, *other.ip_not_in)
    if one.ip_in and other.ip_in:
        ip_in = tuple(_overlaps(one.ip_in, other.ip_in))
        ip_not_in = ip_not_in if ip_in else _NOWHERE
    return replace(
        one,
        grants={account: _shared(_rights(one, account), _rights(other, account)) for account in accounts},
        not_before=max(starts, default=None),
        expires_on=min(ends, default=None),
        ip_in=ip_in,
        ip_not_in=ip_not_in,
    )


# --- permissions


def _collect(policies: Iterable[dict[str, Any]], effect: str) -> _Merged:
    merged: _Merged = {}
    for policy in policies:
        if policy["effect"] != effect:
            continue
        permissions = [permission_of(group) for group in policy["permission_groups"]]
        for resource, scope in policy["resources"].items():
            account = resource.removeprefix(ACCOUNT_RESOURCE)
            limits = None if scope == "*" else frozenset(name.removeprefix(GATEWAY_RESOURCE) for name in scope)
            named: dict[str, Limits] = {name: limits for name in permissions if name is not None}
            merged[account] = _added(merged.get(account, {}), named)
    return merged


def _added(one: dict[str, Limits], other: dict[str, Limits]) -> dict[str, Limits]:
    total = dict(one)
    for permission, limits in other.items():
        held = total.get(permission, frozenset())
        total[permission] = None if held is None or limits is None else held | limits
    return total


def _subtracted(held: dict[str, Limits], refused: dict[str, Limits]) -> dict[str, Limits]:
    left: dict[str, Limits] = {}
    for permission, limits in held.items():
        if permission not in refused:
            left[permission] = limits
            continue
        taken = refused[permission]
        if limits is not None and taken is not None and (rest := limits - taken):
            left[permission] = rest
    return left


def _shared(one: dict[str, Limits], other: dict[str, Limits]) -> dict[str, Limits]:
    shared: dict[str, Limits] = {}
    for permission in one.keys() & other.keys():
        mine, theirs = one[permission], other[permission]
        limits = theirs if mine is None else mine if theirs is None else mine & theirs
        if limits is None or limits:
            shared[permission] = limits
    return shared


def _rights(principal: Principal, account: str) -> dict[str, Limits]:
    own = principal.grants.get(account)
    return dict(principal.grants.get(ANY_ACCOUNT, {}) if own is None else own)


def _within(held: dict[str, Limits], wanted: dict[str, Limits]) -> bool:
    for permission, limits in wanted.items():
        if permission not in held:
            return False
        mine = held[permission]
        if mine is not None and (limits is None or not limits <= mine):
            return False
    return True


# --- addresses


def _accepts_no_more(holder: Principal, wanted: Principal) -> bool:
    if not holder.ip_in and not holder.ip_not_in:
        return True
    if not wanted.ip_in and not wanted.ip_not_in:
        return False  # it would also do for a client whose address nobody knows
    mine = _accepted(holder)
    return all(any(low <= first and last <= high for low, high in mine) for first, last in _accepted(wanted))


def _accepted(principal: Principal) -> list[_Range]:
    left = _merged(map(_range, principal.ip_in)) if principal.ip_in else list(_EVERYWHERE)
    for low, high in map(_range, principal.ip_not_in):
        cut = [part for first, last in left for part in ((first, min(last, low - 1)), (max(first, high + 1), last))]
        left = _merged(part for part in cut if part[0] <= part[1])
    return left


def _range(network: Network) -> _Range:
    first = int(network.network_address) + (_IPV6_FROM if network.version == 6 else 0)
    return first, first + network.num_addresses - 1


def _merged(ranges: Iterable[_Range]) -> list[_Range]:
    """In order, and none touches the next."""
    merged: list[_Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _overlaps(some: Iterable[Network], others: tuple[Network, ...]) -> Iterable[Network]:
    """Of two networks in CIDR notation one holds the other, or they have nothing in common."""
    for one in some:
        for other in others:
            if one.version == other.version and one.overlaps(other):
                yield one if one.prefixlen >= other.prefixlen else other
