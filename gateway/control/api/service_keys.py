"""Which of the service's own keys are in use (`gateway keys list`). Ours alone; ids, never keys."""

from aiohttp import web

from gateway.control.access import Access
from gateway.control.answers import answer
from gateway.control.rewrap import Rewrap
from gateway.model.faults import MANAGEMENT_FORBIDDEN, Refusal
from gateway.model.tokens import ANY_ACCOUNT, Permission


class ServiceKeys:
    def __init__(self, access: Access, rewrap: Rewrap) -> None:
        self._access = access
        self._rewrap = rewrap

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/client/v4/service/keys", self.get)]

    async def get(self, request: web.Request) -> web.Response:
        """For who may act on every account."""
        caller = await self._access.caller(request)
        if not caller.principal.may(ANY_ACCOUNT, Permission.SECRETS_WRITE):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        used = await self._rewrap.in_use()
        ids = sorted({self._rewrap.current, *used}, key=lambda one: one != self._rewrap.current)
        return answer({"master-key": [{"id": one, "in_use": one == self._rewrap.current, "seals": used[one]} for one in ids]})
