"""Who may manage what (specification sections 1.3, 2.3, 5): the gate each handler passes first."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.control.grants import in_effect, operators_token, principal_of
from gateway.control.parameters import refuse_unknown
from gateway.control.peppers import Peppers
from gateway.control.sessions import Sessions
from gateway.kit.clock import Clock
from gateway.kit.operator import PREFIX as OPERATOR_PREFIX
from gateway.kit.operator import OperatorCheck
from gateway.model.faults import (
    MANAGEMENT_FORBIDDEN,
    MANAGEMENT_UNAUTHENTICATED,
    NOT_FOUND,
    Fault,
    Refusal,
)
from gateway.model.stored import StoredSession
from gateway.model.tokens import ANY_ACCOUNT, Permission, Principal, Token, well_formed
from gateway.store.accounts import AccountTable
from gateway.store.tokens import TokenTable

CLIENT_FIELD: Final = "x-gateway-client"
"""Set by the edge alone: the client's address, for `condition.request_ip`."""

READ: Final = (Permission.READ, Permission.WRITE)
"""Either reads the configuration, as Cloudflare's own reference has it: Edit includes seeing what is edited."""
WRITE: Final = (Permission.WRITE,)
SECRETS_WRITE: Final = (Permission.SECRETS_WRITE,)
TOKENS_READ: Final = (Permission.TOKENS_READ, Permission.TOKENS_WRITE)
TOKENS_WRITE: Final = (Permission.TOKENS_WRITE,)
AUDIT_READ: Final = (Permission.AUDIT_READ,)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the management API."""

    principal: Principal
    token: Token
    session: StoredSession | None = None
    """Set for a caller who came with a session's cookie instead of the token."""


class Access:
    def __init__(
        self,
        peppers: Peppers,
        tokens: TokenTable,
        accounts: AccountTable,
        clock: Clock,
        sessions: Sessions,
        operator: OperatorCheck | None = None,
    ) -> None:
        self._operator = operator
        self.peppers = peppers
        self._tokens = tokens
        self._accounts = accounts
        self._clock = clock
        self.sessions = sessions
        self.used: dict[str, float] = {}
        """token id → last use, until the janitor writes it down."""

    async def caller(self, request: web.Request, refusal: Fault = MANAGEMENT_UNAUTHENTICATED) -> Caller:
        """Who asks, and that all they ask is understood: Refusal for anybody unknown, Invalid for unknown parameters,
        StoreDown when nobody can tell."""
        caller = await self._identified(request, refusal)
        refuse_unknown(request)
        return caller

    async def _identified(self, request: web.Request, refusal: Fault) -> Caller:
        """The holder of the one Bearer token, or of the dashboard's session; Refusal for every other kind of request."""
        if "Authorization" in request.headers:
            value = _bearer(request)
            if value is not None and value.startswith(OPERATOR_PREFIX):
                return await self._by_operator(value, refusal)
            return await self.holder(value, request, refusal)
        session = await self.sessions.find(request)
        if session is None:
            raise Refusal(refusal)
        token = await self._tokens.get(session.token_id)
        if token is None or token.rolls != session.rolls:
            raise Refusal(refusal)
        return await self._admitted(token, request, refusal, session)

    async def _by_operator(self, value: str, refusal: Fault) -> Caller:
        """The command line on this machine. Not for signing in: a session would outlast the minute."""
        if self._operator is None or not self._operator.accepts(value):
            raise Refusal(refusal)
        accounts = await self._accounts.all()
        token = operators_token(accounts[0].id if accounts else "", self._clock.wall())
        return Caller(principal_of(token), token)

    async def holder(self, value: str | None, request: web.Request, refusal: Fault) -> Caller:
        """Who holds this token, whichever way it came; wrong shapes never reach the store."""
        if value is None or not well_formed(value):
            raise Refusal(refusal)
        digests = self.peppers.digests(value)
        found = await self._tokens.by_digest(list(digests.values()))
        token = next((found[digest] for digest in digests.values() if digest in found), None)
        if token is None:
            raise Refusal(refusal)
        self.peppers.seen(token, digests)
        return await self._admitted(token, request, refusal)

    async def _admitted(
        self, token: Token, request: web.Request, refusal: Fault, session: StoredSession | None = None
    ) -> Caller:
        principal = await in_effect(self._tokens, token)
        if (
            principal is None
            or not principal.in_force(self._clock.wall())
            or not principal.accepts_address(request.headers.get(CLIENT_FIELD, ""))
        ):
            raise Refusal(refusal)
        self.note_use(token)
        return Caller(principal, token, session)

    def note_use(self, token: Token) -> None:
        self.used[token.id] = self._clock.wall()

    async def allow(self, request: web.Request, permissions: tuple[str, ...]) -> Caller:
        """The caller, if one of the permissions holds on the path's account and gateway.

        The refusal is the same whether the account exists or not; only who may act on any account learns that.
        """
        caller = await self.caller(request)
        account_id = request.match_info["account_id"]
        gateway_id = request.match_info.get("gateway_id")
        if not any(caller.principal.may(account_id, permission, gateway_id) for permission in permissions):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        if account_id == ANY_ACCOUNT or await self._accounts.get(account_id) is None:
            raise Refusal(NOT_FOUND)
        return caller


def _bearer(request: web.Request) -> str | None:
    lines = request.headers.getall("Authorization", [])
    if len(lines) != 1:
        return None
    scheme, _, value = lines[0].partition(" ")
    return value.strip(" ") if scheme.lower() == "bearer" else None
