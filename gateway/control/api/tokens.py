"""API tokens, in both trees: `/user/tokens` and `/accounts/{A}/tokens` (specification section 5).

A value is shown when it is made (create, roll) and never again; the store has its digest. Every change of a token is
known to all edges before the answer leaves, and the answer says how that went.
"""

from collections.abc import Awaitable
from dataclasses import replace
from urllib.parse import unquote

from aiohttp import web

from gateway.control.access import TOKENS_READ, TOKENS_WRITE, Access, Caller, covers, principal_of
from gateway.control.answers import answer
from gateway.control.api.parsing import info_of, page_of, read_body
from gateway.control.api.token_bodies import RollBody, TokenBody, shown, status_of
from gateway.control.changes import Changes
from gateway.control.permissions import PERMISSION_GROUPS
from gateway.kit.ids import hex32
from gateway.model.faults import INVALID_API_TOKEN, MANAGEMENT_FORBIDDEN, NOT_FOUND, Refusal
from gateway.model.tokens import ANY_ACCOUNT, mint_token
from gateway.protocol.envelope import rfc3339
from gateway.store.port import StoreDown, Token

_TREES = (("/client/v4/user/tokens", "user"), ("/client/v4/accounts/{account_id}/tokens", "account"))


class Tokens:
    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._changes = changes
        self._store = changes.store
        self._publisher = changes.publisher

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
        result = {"id": token.id, "status": status_of(token, self._changes.clock.wall())}
        for name, moment in (("not_before", token.not_before), ("expires_on", token.expires_on)):
            if moment is not None:
                result[name] = rfc3339(moment)
        return answer(result, messages=["This API Token is valid and active"])

    async def permission_groups(self, request: web.Request) -> web.Response:
        await self._enter(request, TOKENS_READ)
        # Cloudflare's reference wants both percent-encoded, and its SDKs encode what they are given once more.
        name, scope = (unquote(request.query[key]) if key in request.query else None for key in ("name", "scope"))
        groups = [group.shown() for group in PERMISSION_GROUPS if name is None or group.name == name]
        return answer([group for group in groups if scope is None or scope in group["scopes"]])

    async def list(self, request: web.Request) -> web.Response:
        _, account_id, kind = await self._enter(request, TOKENS_READ)
        page = page_of(request)
        now = self._changes.clock.wall()
        found, total = await self._store.list_tokens(
            account_id,
            page,
            kind=kind,
            descending=request.query.get("direction", "desc") != "asc",
            expired_before=None if request.query.get("include_expired", "false").lower() in ("true", "1") else now,
        )
        return answer([shown(token, now) for token in found], info=info_of(page, found, total))

    async def create(self, request: web.Request) -> web.Response:
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        body = await read_body(request, TokenBody)
        value, now = mint_token(), self._changes.clock.wall()
        token = Token(
            id=hex32(),
            account_id=account_id,
            kind=kind,
            name=body.name,
            digest=self._access.digest(value),
            status=body.status if body.status == "disabled" else "active",
            policies=body.stored_policies(),
            condition=body.stored_condition(),
            issued_on=now,
            modified_on=now,
            not_before=body.not_before,
            expires_on=body.expires_on,
        )
        _only_what_is_held(caller, token)
        async with self._changes.turn():
            await self._store.insert_token(token)
        return answer(shown(token, now) | {"value": value})

    async def get(self, request: web.Request) -> web.Response:
        _, account_id, kind = await self._enter(request, TOKENS_READ)
        token = await self._one(request, account_id, kind)
        return answer(shown(token, self._changes.clock.wall()))

    async def update(self, request: web.Request) -> web.Response:
        """Optional fields left out stay as they are; an explicit null takes a condition or a date away."""
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        body = await read_body(request, TokenBody)
        now = self._changes.clock.wall()
        async with self._changes.turn():
            old = await self._one(request, account_id, kind)
            changed = replace(old, **body.changes(), modified_on=now)
            _only_what_is_held(caller, changed)
            await self._commit(old, self._store.update_token(changed))
        revocation = await self._publisher.revoke(old.digest)
        return answer(shown(changed, now), revocation=revocation)

    async def roll(self, request: web.Request) -> web.Response:
        caller, account_id, kind = await self._enter(request, TOKENS_WRITE)
        if request.can_read_body and await request.read():
            await read_body(request, RollBody)
        value = mint_token()
        async with self._changes.turn():
            old = await self._one(request, account_id, kind)
            # Whoever rolls a token learns its value, and with it all it may do.
            _only_what_is_held(caller, old)
            changed = replace(old, digest=self._access.digest(value), modified_on=self._changes.clock.wall())
            await self._commit(old, self._store.update_token(changed))
        revocation = await self._publisher.revoke(old.digest)
        return answer(value, revocation=revocation)

    async def delete(self, request: web.Request) -> web.Response:
        _, account_id, kind = await self._enter(request, TOKENS_WRITE)
        async with self._changes.turn():
            old = await self._one(request, account_id, kind)
            await self._commit(old, self._store.delete_token(old.id))
        revocation = await self._publisher.revoke(old.digest)
        return answer({"id": old.id}, revocation=revocation)

    async def _commit(self, old: Token, writing: Awaitable[None]) -> None:
        """Write; if nobody knows whether it happened, the edges forget the token all the same and ask again."""
        try:
            await writing
        except StoreDown:
            await self._publisher.revoke(old.digest)
            raise

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
        token = await self._store.token(request.match_info["token_id"])
        if token is None or (token.account_id, token.kind) != (account_id, kind):
            raise Refusal(NOT_FOUND)
        return token


def _only_what_is_held(caller: Caller, token: Token) -> None:
    if not covers(caller.principal, principal_of(token)):
        raise Refusal(MANAGEMENT_FORBIDDEN)
