"""API tokens, in both trees: `/user/tokens` and `/accounts/{A}/tokens` (specification section 5).

A value is shown when it is made (create, roll) and never again; the store has its digest. Every change of a token is
known to all edges before the answer leaves, and the answer says how that went.
"""

from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from gateway.control.access import TOKENS_READ, TOKENS_WRITE, Access, Caller
from gateway.control.answers import answer
from gateway.control.api.parsing import info_of, page_of, read_body
from gateway.control.api.token_bodies import RollBody, TokenBody, refuse_dead, shown, status_of
from gateway.control.audit import author_of
from gateway.control.changes.tokens import Place, TokenChanges
from gateway.control.granting import Granting, founding
from gateway.control.grants import in_effect
from gateway.control.parameters import PAGES, boolean_of, choice_of, takes
from gateway.control.permissions import PERMISSION_GROUPS
from gateway.kit.clock import Clock
from gateway.kit.ids import hex32
from gateway.model.faults import INVALID_API_TOKEN, MANAGEMENT_FORBIDDEN, NOT_FOUND, Refusal
from gateway.model.tokens import ANY_ACCOUNT, Token, mint_token
from gateway.protocol.envelope import rfc3339
from gateway.store.reads import TokenReads

_TREES = (("/client/v4/user/tokens", "user"), ("/client/v4/accounts/{account_id}/tokens", "account"))


class Tokens:
    def __init__(self, access: Access, tokens: TokenReads, changes: TokenChanges, clock: Clock) -> None:
        self._access = access
        self._tokens = tokens
        self._changes = changes
        self._clock = clock
        self._granting = Granting(tokens, clock)

    def routes(self) -> list[web.RouteDef]:
        routes: list[web.RouteDef] = []
        for tree, _ in _TREES:
            one = tree + "/{token_id}"
            routes += [
                web.get(tree + "/verify", self.verify),
                web.get(tree + "/permission_groups", self.permission_groups),
                web.get(tree, self.list),
                web.post(tree, self.create),
                web.get(one, self.get),
                web.put(one, self.update),
                web.delete(one, self.delete),
                web.put(one + "/value", self.roll),
            ]
        return routes

    async def verify(self, request: web.Request) -> web.Response:
        """Any token of ours that is in force, in either tree: Cloudflare's own trap (section 5.1) is not repeated."""
        caller = await self._access.caller(request, INVALID_API_TOKEN)
        account_id = request.match_info.get("account_id")
        reached = {caller.token.account_id, *caller.principal.grants}
        if account_id is not None and account_id not in reached and ANY_ACCOUNT not in reached:
            raise Refusal(INVALID_API_TOKEN)
        token = caller.token
        result = {"id": token.id, "status": status_of(token, caller.principal, self._clock.wall())}
        for name, moment in (("not_before", token.not_before), ("expires_on", token.expires_on)):
            if moment is not None:
                result[name] = rfc3339(moment)
        return answer(result, messages=["This API Token is valid and active"])

    @takes("name", "scope")
    async def permission_groups(self, request: web.Request) -> web.Response:
        await self._enter(request, TOKENS_READ)
        # Cloudflare's reference wants both percent-encoded, and its SDKs encode what they are given once more.
        name, scope = (unquote(request.query[key]) if key in request.query else None for key in ("name", "scope"))
        groups = [group.shown() for group in PERMISSION_GROUPS if name is None or group.name == name]
        return answer([group for group in groups if scope is None or scope in group["scopes"]])

    @takes(*PAGES, "direction", "include_expired")
    async def list(self, request: web.Request) -> web.Response:
        _, account_id, kind = await self._enter(request, TOKENS_READ)
        page = page_of(request)
        now = self._clock.wall()
        found, total = await self._tokens.page(
            account_id,
            page,
            kind=kind,
            descending=choice_of(request, "direction", ("desc", "asc")) == "desc",
            expired_before=None if boolean_of(request, "include_expired") else now,
        )
        return answer([await self._shown(token) for token in found], info=info_of(page, found, total))

    async def create(self, request: web.Request) -> web.Response:
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        body = await read_body(request, TokenBody)
        value, now = mint_token(), self._clock.wall()
        refuse_dead(body.not_before, body.expires_on, now)
        token = Token(
            id=hex32(),
            account_id=account_id,
            kind=kind,
            name=body.name,
            **self._access.peppers.kept(value)._asdict(),
            status=body.status if body.status == "disabled" else "active",
            policies=body.stored_policies(),
            condition=body.stored_condition(),
            issued_on=now,
            modified_on=now,
            not_before=body.not_before,
            expires_on=body.expires_on,
            maker_id=caller.token.id,
            maker_rolls=caller.token.rolls,
            outlives_maker=founding(caller.token) if body.outlives_maker is None else body.outlives_maker,
        )
        self._granting.check(caller, token)
        await self._changes.create(token, author_of(request, caller))
        return answer(await self._shown(token) | {"value": value})

    async def get(self, request: web.Request) -> web.Response:
        _, account_id, kind = await self._enter(request, TOKENS_READ)
        return answer(await self._shown(await self._one(request, account_id, kind)))

    async def update(self, request: web.Request) -> web.Response:
        """Optional fields left out stay as they are; an explicit null takes a condition or a date away."""
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        body = await read_body(request, TokenBody)

        async def change(old: Token) -> Token:
            now = self._clock.wall()
            changed = replace(old, **body.changes(), modified_on=now)
            if (changed.not_before, changed.expires_on) != (old.not_before, old.expires_on):
                refuse_dead(changed.not_before, changed.expires_on, now)
            self._granting.check_reach(caller, old)
            (self._granting.check if changed.status == "active" else self._granting.check_reach)(caller, changed)
            await self._granting.check_maker(changed, revived=body.status == "active")
            return changed

        author = author_of(request, caller)
        changed, revocation = await self._changes.update(_place(request, account_id, kind), "update", change, author)
        return answer(await self._shown(changed), revocation=revocation)

    async def roll(self, request: web.Request) -> web.Response:
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        if request.can_read_body and await request.read():
            await read_body(request, RollBody)
        value = mint_token()

        async def change(old: Token) -> Token:
            self._granting.check(caller, old)
            kept, now = self._access.peppers.kept(value), self._clock.wall()
            return replace(old, **kept._asdict(), rolls=old.rolls + 1, modified_on=now)

        author = author_of(request, caller)
        _, revocation = await self._changes.update(_place(request, account_id, kind), "roll", change, author)
        return answer(value, revocation=revocation)

    async def delete(self, request: web.Request) -> web.Response:
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        judge = partial(self._granting.check_reach, caller)
        old, revocation = await self._changes.delete(_place(request, account_id, kind), judge, author_of(request, caller))
        return answer({"id": old.id}, revocation=revocation)

    async def _shown(self, token: Token) -> dict[str, Any]:
        return shown(token, await in_effect(self._tokens, token), self._clock.wall())

    async def _enter(self, request: web.Request, permissions: tuple[str, ...]) -> tuple[Caller, str, str]:
        """(caller, account, kind of the tree). The user tree acts on the account the caller's own token was made in."""
        if "account_id" in request.match_info:
            caller = await self._access.allow(request, permissions)
            return caller, request.match_info["account_id"], "account"
        caller = await self._access.caller(request)
        account_id = caller.token.account_id
        if not any(caller.principal.may(account_id, permission) for permission in permissions):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        return caller, account_id, "user"

    async def _one(self, request: web.Request, account_id: str, kind: str) -> Token:
        token = await self._tokens.get(request.match_info["token_id"])
        if token is None or (token.account_id, token.kind) != (account_id, kind):
            raise Refusal(NOT_FOUND)
        return token


def _place(request: web.Request, account_id: str, kind: str) -> Place:
    return Place(account_id, kind, request.match_info["token_id"])
