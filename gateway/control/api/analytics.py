"""Analytics of a gateway, and of all of an account's side by side (section 14 says what; the paths are ours)."""

import asyncio
from typing import Any, Final

from aiohttp import web

from gateway.control.access import READ, Access
from gateway.control.answers import answer, invalid
from gateway.control.api.moments import moment_in_query
from gateway.control.parameters import choice_of, takes
from gateway.control.queries import Queries
from gateway.control.rollups import GROUPINGS, INTERVALS, MOST_POINTS, Question, answered, asked, compared
from gateway.kit.clock import Clock
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.model.rollups import DAY_S
from gateway.store.reads import GatewayReads
from gateway.store.rollups import RollupTable

_ROOT: Final = "/client/v4/accounts/{account_id}/ai-gateway"


class Analytics:
    def __init__(self, access: Access, gateways: GatewayReads, rollups: RollupTable, queries: Queries, clock: Clock) -> None:
        self._access = access
        self._gateways = gateways
        self._rollups = rollups
        self._clock = clock
        self._queries = queries

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(_ROOT + "/analytics", self.of_account),
            web.get(_ROOT + "/gateways/{gateway_id}/analytics", self.of_gateway),
        ]

    @takes("start", "end", "interval", "group_by")
    async def of_gateway(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        account_id, gateway_id = request.match_info["account_id"], request.match_info["gateway_id"]
        question = self._question(request)
        group_by = choice_of(request, "group_by", GROUPINGS)
        if await self._gateways.get(account_id, gateway_id) is None:
            raise Refusal(NOT_FOUND)

        async def told() -> dict[str, Any]:
            found = await self._rollups.of_gateway(account_id, gateway_id, question.span, (question.start, question.end))
            # Long periods of many models are work for a second: not in the loop that answers about tokens.
            return await asyncio.to_thread(answered, question, found, group_by)

        return answer(await self._queries.run(request, account_id, told))

    @takes("start", "end", "interval")
    async def of_account(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        question = self._question(request)
        account_id = request.match_info["account_id"]

        async def told() -> dict[str, Any]:
            sums = await self._rollups.sums(account_id, question.span, (question.start, question.end))
            return await asyncio.to_thread(compared, question, sums)

        return answer(await self._queries.run(request, account_id, told))

    def _question(self, request: web.Request) -> Question:
        """`start`, `end` (RFC 3339; the last 24 hours without) and `interval`; Invalid with a path into the query."""
        now = self._clock.wall()
        end, start = moment_in_query(request, "end", last=True), moment_in_query(request, "start")
        end = now if end is None else end
        start = end - DAY_S if start is None else start
        if start >= end:
            raise invalid("Expected a start before the end", "query", "start")
        question = asked(start, end, choice_of(request, "interval", ("auto", *INTERVALS)), now)
        if question.points > MOST_POINTS:
            raise invalid(f"Expected a period of at most {MOST_POINTS} points: a longer interval", "query", "interval")
        return question
