"""Which of the service's own keys are in use (`gateway keys list`, `gateway keys retire`). Ours alone; ids, never keys."""

from typing import Any

from aiohttp import web

from gateway.control.access import Access, Caller
from gateway.control.answers import answer, invalid
from gateway.control.audit import author_of
from gateway.control.parameters import boolean_of, takes
from gateway.control.rewrap import Rewrap
from gateway.control.rotations import PepperRotation
from gateway.kit.clock import Clock
from gateway.model.faults import MANAGEMENT_FORBIDDEN, NOT_FOUND, Refusal
from gateway.model.tokens import ANY_ACCOUNT, Permission
from gateway.store.reads import TokenReads


class ServiceKeys:
    def __init__(self, access: Access, tokens: TokenReads, rewrap: Rewrap, rotation: PepperRotation, clock: Clock) -> None:
        self._access = access
        self._tokens = tokens
        self._rewrap = rewrap
        self._rotation = rotation
        self._clock = clock
        self._peppers = access.peppers

    def routes(self) -> list[web.RouteDef]:
        tree = "/client/v4/service/keys"
        return [web.get(tree, self.get), web.delete(tree + "/pepper/{pepper_id}", self.retire_pepper)]

    async def get(self, request: web.Request) -> web.Response:
        await self._enter(request)
        seals, tokens = await self._rewrap.in_use(), await self._tokens_by_pepper()
        return answer(
            {
                "master-key": [
                    {"id": one, "in_use": one == self._rewrap.current, "seals": seals[one]}
                    for one in _current_first(self._rewrap.current, seals)
                ],
                "pepper": [
                    {"id": one, "in_use": one == self._peppers.current, "tokens": tokens.get(one, 0)}
                    for one in _current_first(self._peppers.current, tokens, self._peppers.ids)
                ],
            }
        )

    @takes("give_up")
    async def retire_pepper(self, request: web.Request) -> web.Response:
        """From now on it may be missing at a start. `give_up`: also if tokens depend on it, which are of no use without it."""
        caller, given_up = await self._enter(request), boolean_of(request, "give_up")
        pepper = request.match_info["pepper_id"]
        if not await self._rotation.knows(pepper):
            raise Refusal(NOT_FOUND)
        if pepper == self._peppers.current:
            raise invalid("This pepper is in use: rotate first", "path", "pepper_id")
        tokens = (await self._tokens_by_pepper()).get(pepper, 0)
        if tokens and not given_up:
            raise invalid(f"{tokens} tokens depend on this pepper", "path", "pepper_id")
        await self._rotation.retire(pepper, tokens, author_of(request, caller))
        return answer({"id": pepper, "tokens": tokens})

    async def _enter(self, request: web.Request) -> Caller:
        """For who may act on every account."""
        caller = await self._access.caller(request)
        if not caller.principal.may(ANY_ACCOUNT, Permission.SECRETS_WRITE):
            raise Refusal(MANAGEMENT_FORBIDDEN)
        return caller

    async def _tokens_by_pepper(self) -> dict[str, int]:
        return await self._tokens.count_by_pepper(self._clock.wall())


def _current_first(current: str, *ids: Any) -> list[str]:
    return list(dict.fromkeys([current, *(one for some in ids for one in some)]))
