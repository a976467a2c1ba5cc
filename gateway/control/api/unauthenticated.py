"""Who used a gateway without a valid token lately: to look at before its authentication is switched on. Ours alone."""

from typing import Final

from aiohttp import web

from gateway.control.access import READ, Access
from gateway.control.answers import answer
from gateway.control.queries import Queries
from gateway.control.unauthenticated import UnauthenticatedRequests
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.store.reads import GatewayReads

_PATH: Final = "/client/v4/accounts/{account_id}/ai-gateway/gateways/{gateway_id}/unauthenticated"


class Unauthenticated:
    def __init__(self, access: Access, gateways: GatewayReads, requests: UnauthenticatedRequests, queries: Queries) -> None:
        self._access = access
        self._gateways = gateways
        self._requests = requests
        self._queries = queries

    def routes(self) -> list[web.RouteDef]:
        return [web.get(_PATH, self.last_day)]

    async def last_day(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        account_id, gateway_id = request.match_info["account_id"], request.match_info["gateway_id"]
        if await self._gateways.get(account_id, gateway_id) is None:
            raise Refusal(NOT_FOUND)
        found = await self._queries.run(request, account_id, lambda: self._requests.last_day(account_id, gateway_id))
        return answer(found)
