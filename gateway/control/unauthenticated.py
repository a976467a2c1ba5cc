"""What the edges tell of requests without a valid token, judged and written down: a few times a minute, never per request.

Refused ones join the rollups. Of those that a gateway let through because it asks for no token, the callers that would have
been refused are kept by the hour for a day, a bounded number of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.control.grants import in_effect
from gateway.control.peppers import Peppers
from gateway.kit.clock import Clock
from gateway.link.frames import Unauthenticated
from gateway.model.gateways import DEFAULT_GATEWAY_ID
from gateway.model.rollups import HOUR_S
from gateway.model.tokens import Permission, Principal
from gateway.model.unauthenticated import Caller, CallerHour, CallerSum
from gateway.protocol.envelope import rfc3339
from gateway.store.callers import CallerTable
from gateway.store.tokens import TokenTable

KEPT_HOURS: Final = 24
MOST_WAITING: Final = 5000
"""Callers that wait to be written; further ones are counted together."""
MOST_AN_HOUR: Final = 1000
"""Callers of one gateway that are told apart in one hour; likewise."""
_SHOWN: Final = 100


class UnauthenticatedRequests:
    def __init__(self, callers: CallerTable, tokens: TokenTable, clock: Clock, peppers: Peppers) -> None:
        self._callers = callers
        self._tokens = tokens
        self._peppers = peppers
        self._clock = clock
        self._refused: Counter[tuple[str, str]] = Counter()
        self._passed: Counter[Caller] = Counter()
        self._hour = 0
        self._seen: dict[tuple[str, str], set[CallerHour]] = {}
        """Gateway → its callers of this hour."""

    def take(self, frame: Unauthenticated) -> None:
        for account_id, gateway_id, requests in frame.refused:
            self._refused[account_id, gateway_id] += requests
        for *values, requests in frame.passed:
            caller = Caller._make(values)
            if len(self._passed) >= MOST_WAITING and caller not in self._passed:
                caller = caller._replace(address="", user_agent="", path="", digest="")
            self._passed[caller] += requests

    async def write(self) -> None:
        """Judge and store what came. Raises StoreDown, and then keeps it for the next time."""
        if not self._refused and not self._passed:
            return
        refused, self._refused = self._refused, Counter()
        passed, self._passed = self._passed, Counter()
        now = self._clock.wall()
        try:
            callers = self._by_hour(await self._judged(passed, now), now)
            await self._callers.add(refused, callers, now)
        except BaseException:
            self._refused += refused
            self._passed += passed
            raise

    async def expire(self) -> None:
        await self._callers.expire(int(self._clock.wall()) - (KEPT_HOURS + 1) * HOUR_S)

    async def last_day(self, account_id: str, gateway_id: str) -> dict[str, Any]:
        """What the gateway let through in the last 24 hours, and who would not have been."""
        since = (int(self._clock.wall()) // HOUR_S - KEPT_HOURS + 1) * HOUR_S
        return shown(since, await self._callers.since(account_id, gateway_id, since))

    async def _judged(self, passed: Mapping[Caller, int], now: float) -> list[tuple[Caller, bool, int]]:
        """Whether each caller's token would have let it in."""
        principals: dict[str, Principal | None] = {"": None}
        judged = []
        for caller, requests in passed.items():
            if caller.digest not in principals:
                principals[caller.digest] = await self._holder(caller.digests())
            judged.append((caller, _would_pass(caller, principals[caller.digest], now), requests))
        return judged

    async def _holder(self, digests: Mapping[str, bytes]) -> Principal | None:
        found = await self._tokens.by_digest(list(digests.values()))
        token = next(iter(found.values()), None)
        if token is None:
            return None
        self._peppers.seen(token, digests)
        return await in_effect(self._tokens, token)

    def _by_hour(self, judged: Iterable[tuple[Caller, bool, int]], now: float) -> dict[CallerHour, int]:
        hour = int(now // HOUR_S * HOUR_S)
        if hour != self._hour:
            self._hour, self._seen = hour, {}
        sums: Counter[CallerHour] = Counter()
        for caller, valid, requests in judged:
            place = (caller.account_id, caller.gateway_id)
            whole = CallerHour(*place, hour, valid, caller.address, caller.user_agent, caller.path)
            seen = self._seen.setdefault(place, set())
            if valid or (len(seen) >= MOST_AN_HOUR and whole not in seen):
                whole = whole._replace(address="", user_agent="", path="")
            else:
                seen.add(whole)
            sums[whole] += requests
        return dict(sums)


def _would_pass(caller: Caller, principal: Principal | None, now: float) -> bool:
    return (
        principal is not None
        and principal.in_force(now)
        and principal.accepts_address(caller.address)
        and principal.may(caller.account_id, Permission.RUN, caller.gateway_id or DEFAULT_GATEWAY_ID)
    )


def shown(since: int, sums: Iterable[CallerSum]) -> dict[str, Any]:
    """The answer of the API: the callers that would be refused, busiest first."""
    found = sorted(sums, key=lambda one: (one.valid, -one.requests, one))
    refusable = [one for one in found if not one.valid]
    return {
        "since": rfc3339(since),
        "requests": sum(one.requests for one in found),
        "would_be_refused": sum(one.requests for one in refusable),
        "callers": [
            {
                "address": one.address,
                "user_agent": one.user_agent,
                "path": one.path,
                "requests": one.requests,
                "last_seen": rfc3339(one.last_seen),
            }
            for one in refusable[:_SHOWN]
        ],
    }
