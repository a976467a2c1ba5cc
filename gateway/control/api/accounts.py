"""Accounts: those a token reaches, and new ones for whoever may act on any account."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from gateway.control.access import Access
from gateway.control.answers import answer
from gateway.control.api.parsing import GATEWAY_ID, Body, Name, info_of, page_of, read_body
from gateway.control.audit import author_of
from gateway.control.changes.accounts import AccountChanges
from gateway.control.documents import account_json
from gateway.control.parameters import PAGES, choice_of, takes
from gateway.kit.clock import Clock
from gateway.kit.ids import hex32
from gateway.model.faults import MANAGEMENT_FORBIDDEN, NOT_FOUND, Refusal
from gateway.model.stored import Account
from gateway.model.tokens import ANY_ACCOUNT, Permission, Principal
from gateway.store.reads import AccountReads


class AccountBody(Body):
    read_only = frozenset({"settings", "created_on"})
    name: Name
    type: Literal["standard"] = "standard"
    id: Annotated[str, Field(pattern=GATEWAY_ID)] | None = None
    """Our extension: a chosen id, such as that of an account at Cloudflare."""


class Accounts:
    def __init__(self, access: Access, accounts: AccountReads, changes: AccountChanges, clock: Clock) -> None:
        self._access = access
        self._accounts = accounts
        self._changes = changes
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        every = "/client/v4/accounts"
        return [
            web.get(every, self.list),
            web.post(every, self.create),
            web.get(every + "/{account_id}", self.get),
        ]

    @takes(*PAGES, "name", "direction")
    async def list(self, request: web.Request) -> web.Response:
        caller = await self._access.caller(request)
        page = page_of(request)
        name = request.query.get("name", "").lower()
        found = [
            account
            for account in await self._accounts.all()
            if _reaches(caller.principal, account.id) and name in account.name.lower()
        ]
        if choice_of(request, "direction", ("asc", "desc")) == "desc":
            found.reverse()
        start = (page.page - 1) * page.per_page
        items = found[start : start + page.per_page]
        return answer([account_json(account) for account in items], info=info_of(page, items, len(found)))

    async def get(self, request: web.Request) -> web.Response:
        caller = await self._access.caller(request)
        account_id = request.match_info["account_id"]
        if not _reaches(caller.principal, account_id):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        account = await self._accounts.get(account_id)
        if account is None:
            raise Refusal(NOT_FOUND)
        return answer(account_json(account))

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._access.caller(request)
        if not caller.principal.may(ANY_ACCOUNT, Permission.ACCOUNTS_WRITE):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        body = await read_body(request, AccountBody)
        account = Account(id=body.id or hex32(), name=body.name, created_at=self._clock.wall())
        await self._changes.create(account, author_of(request, caller))
        return answer(account_json(account))


def _reaches(principal: Principal, account_id: str) -> bool:
    """Whether the token has any right on the account."""
    own = principal.grants.get(account_id)
    return bool(principal.grants.get(ANY_ACCOUNT) if own is None else own)
