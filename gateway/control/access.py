"""Who may manage what (specification sections 1.3, 2.3, 5): a token's rights, and the gate each handler passes first."""

from collections.abc import Iterable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final

from aiohttp import web

from gateway.control.permissions import permission_of
from gateway.control.sessions import Session, Sessions
from gateway.kit.addresses import networks_of
from gateway.kit.clock import Clock
from gateway.kit.secret import keyed_digest
from gateway.model.faults import (
    MANAGEMENT_FORBIDDEN,
    MANAGEMENT_UNAUTHENTICATED,
    NOT_FOUND,
    Fault,
    Refusal,
)
from gateway.model.tokens import ANY_ACCOUNT, Permission, Principal, well_formed
from gateway.store.port import Store, Token

CLIENT_FIELD: Final = "x-gateway-client"
"""Set by the edge alone: the client's address, for `condition.request_ip`."""

READ: Final = (Permission.READ, Permission.WRITE)
"""Either reads the configuration, as Cloudflare's own reference has it: Edit includes seeing what is edited."""
WRITE: Final = (Permission.WRITE,)
SECRETS_WRITE: Final = (Permission.SECRETS_WRITE,)
TOKENS_READ: Final = (Permission.TOKENS_READ, Permission.TOKENS_WRITE)
TOKENS_WRITE: Final = (Permission.TOKENS_WRITE,)

ACCOUNT_RESOURCE: Final = "com.cloudflare.api.account."
GATEWAY_RESOURCE: Final = "com.cloudflare.api.ai-gateway."

Limits = frozenset[str] | None
"""The gateways a permission holds on; None for all."""
_Merged = dict[str, dict[str, Limits]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the management API."""

    principal: Principal
    token: Token
    session: Session | None = None
    """Set for a caller who came with a session's cookie instead of the token."""


def principal_of(token: Token) -> Principal:
    """What a stored token permits: allows added up, denials taken off, any-account rights written into each account's entry.

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


def covers(holder: Principal, wanted: Principal) -> bool:
    """Whether `holder` has every right of `wanted`: what a token may hand on."""
    accounts = {*holder.grants, *wanted.grants, ANY_ACCOUNT}
    return all(_within(_rights(holder, account), _rights(wanted, account)) for account in accounts)


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


class Access:
    def __init__(self, pepper: bytes, store: Store, clock: Clock, sessions: Sessions) -> None:
        self._pepper = pepper
        self._store = store
        self._clock = clock
        self._sessions = sessions
        self.used: dict[str, float] = {}
        """token id → last use, until the janitor writes it down."""

    def digest(self, value: str) -> bytes:
        return keyed_digest(self._pepper, value.encode("ascii"))

    async def caller(self, request: web.Request, refusal: Fault = MANAGEMENT_UNAUTHENTICATED) -> Caller:
        """The holder of the one Bearer token, or of the dashboard's session; Refusal for every other kind of request,
        StoreDown when nobody can tell."""
        if "Authorization" in request.headers:
            return await self.holder(_bearer(request), request, refusal)
        session = self._sessions.find(request)
        if session is None:
            raise Refusal(refusal)
        token = await self._store.token(session.token_id)
        if token is None or token.digest != session.digest:
            raise Refusal(refusal)
        return self._admitted(token, request, refusal, session)

    async def holder(self, value: str | None, request: web.Request, refusal: Fault) -> Caller:
        """Who holds this token, whichever way it came; wrong shapes never reach the store."""
        if value is None or not well_formed(value):
            raise Refusal(refusal)
        digest = self.digest(value)
        token = await self._store.token_by_digest(digest)
        if token is None or not compare_digest(token.digest, digest):
            raise Refusal(refusal)
        return self._admitted(token, request, refusal)

    def _admitted(self, token: Token, request: web.Request, refusal: Fault, session: Session | None = None) -> Caller:
        if token.status != "active":
            raise Refusal(refusal)
        principal = principal_of(token)
        now = self._clock.wall()
        if not principal.in_force(now) or not principal.accepts_address(request.headers.get(CLIENT_FIELD, "")):
            raise Refusal(refusal)
        self.used[token.id] = now
        return Caller(principal, token, session)

    async def allow(self, request: web.Request, permissions: tuple[str, ...]) -> Caller:
        """The caller, if one of the permissions holds on the path's account and gateway.

        The refusal is the same whether the account exists or not; only who may act on any account learns that.
        """
        caller = await self.caller(request)
        account_id = request.match_info["account_id"]
        gateway_id = request.match_info.get("gateway_id")
        if not any(caller.principal.may(account_id, permission, gateway_id) for permission in permissions):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        if account_id == ANY_ACCOUNT or await self._store.account(account_id) is None:
            raise Refusal(NOT_FOUND)
        return caller


def _bearer(request: web.Request) -> str | None:
    lines = request.headers.getall("Authorization", [])
    if len(lines) != 1:
        return None
    scheme, _, value = lines[0].partition(" ")
    return value.strip(" ") if scheme.lower() == "bearer" else None
