"""The audit log over the API, in the shape and at the path of Cloudflare's (`…/logs/audit`)."""

import re
from typing import Final

from aiohttp import web

from gateway.control.access import AUDIT_READ, Access
from gateway.control.answers import answer, invalid
from gateway.control.api.moments import moment_in_query
from gateway.control.audit import shown
from gateway.control.parameters import choice_of, takes
from gateway.model.audit import AuditQuery
from gateway.model.tokens import ANY_ACCOUNT, Permission
from gateway.protocol.envelope import CursorInfo
from gateway.store.audit import AuditTable
from gateway.store.reads import AccountReads

MOST: Final = 1000
_CURSOR: Final = re.compile(r"[0-9a-f-]{36}")
_KNOWN: Final = frozenset({"since", "before", "limit", "cursor", "direction", "resource_type", "action_type", "actor_token_id"})


class AuditLogs:
    def __init__(self, access: Access, accounts: AccountReads, table: AuditTable) -> None:
        self._access = access
        self._accounts = accounts
        self._table = table

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/client/v4/accounts/{account_id}/logs/audit", self.list)]

    @takes(*_KNOWN)
    async def list(self, request: web.Request) -> web.Response:
        """Newest first. What concerns the whole service is shown to who may read on any account, and where there is one
        account alone."""
        caller = await self._access.allow(request, AUDIT_READ)
        query = _query(request)
        accounts = [request.match_info["account_id"]]
        if caller.principal.may(ANY_ACCOUNT, Permission.AUDIT_READ) or len(await self._accounts.all()) == 1:
            accounts.append("")
        found = await self._table.find(accounts, query)
        cursor = found[-1].id if len(found) == query.limit else ""
        return answer([shown(entry) for entry in found], info=CursorInfo(len(found), cursor))


def _query(request: web.Request) -> AuditQuery:
    """Raises Invalid with a path into the query."""
    limit = request.query.get("limit", "100")
    if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= MOST:
        raise invalid(f"Expected a whole number from 1 to {MOST}", "query", "limit")
    cursor = request.query.get("cursor", "")
    if cursor and not _CURSOR.fullmatch(cursor):
        raise invalid("Expected the cursor of an earlier answer", "query", "cursor")
    equal = {"resource_type": "resource_type", "action": "action_type", "actor_id": "actor_token_id"}
    return AuditQuery(
        since=moment_in_query(request, "since"),
        before=moment_in_query(request, "before", last=True),
        limit=int(limit),
        cursor=cursor,
        descending=choice_of(request, "direction", ("desc", "asc")) == "desc",
        equal={column: request.query[name] for column, name in equal.items() if name in request.query},
    )
