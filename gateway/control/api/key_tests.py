"""Whether a provider accepts a stored key, found out now. Ours alone: Cloudflare has no such call."""

from aiohttp import web

from gateway.control.access import SECRETS_WRITE, Access
from gateway.control.answers import answer
from gateway.control.audit import author_of
from gateway.control.key_trials import KeyTrials, in_words
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.store.reads import KeyReads


class KeyTests:
    def __init__(self, access: Access, keys: KeyReads, trials: KeyTrials) -> None:
        self._access = access
        self._keys = keys
        self._trials = trials

    def routes(self) -> list[web.RouteDef]:
        one = "/client/v4/accounts/{account_id}/ai-gateway/gateways/{gateway_id}/provider_configs/{key_id}"
        return [web.post(one + "/test", self.create)]

    async def create(self, request: web.Request) -> web.Response:
        """For who may store keys: it uses one."""
        caller = await self._access.allow(request, SECRETS_WRITE)
        where = request.match_info
        key = await self._keys.get(where["account_id"], where["gateway_id"], where["key_id"])
        if key is None:
            raise Refusal(NOT_FOUND)
        tried = await self._trials.run(key, author_of(request, caller))
        return answer(
            {"verdict": tried.verdict, "status": tried.status or None, "cause": tried.cause, "message": in_words(tried)}
        )
