"""Counts requests that no valid token vouched for, between two flushes: those refused, and by caller those let through.

A gateway that asks for no token looks none up (architecture section 3), so a token that such a request carries is passed on as
its keyed digest: control can say later whether it would have been good.
"""

from collections import Counter
from typing import Final

from gateway.edge.exchange import Exchange
from gateway.edge.identity import Credential, Reader
from gateway.link.frames import Unauthenticated
from gateway.model import bounds
from gateway.model.faults import FORBIDDEN, INVALID_TOKEN, MISSING_TOKEN
from gateway.model.unauthenticated import Caller

MOST_CALLERS: Final = 500
"""Told apart between two flushes; further ones are counted together."""
REFUSALS: Final = frozenset({MISSING_TOKEN, INVALID_TOKEN, FORBIDDEN})


class UnauthenticatedCounts:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._refused: Counter[tuple[str, str]] = Counter()
        self._passed: Counter[Caller] = Counter()

    def refused(self, account_id: str, gateway_id: str) -> None:
        """A gateway that asks for a token got none that is valid."""
        self._refused[account_id, gateway_id] += 1

    def passed(self, x: Exchange) -> None:
        """A gateway that asks for none let this one through."""
        caller = _caller(x, self._reader)
        if len(self._passed) >= MOST_CALLERS and caller not in self._passed:
            caller = caller._replace(address="", user_agent="", path="", digest="")
        self._passed[caller] += 1

    def take(self) -> Unauthenticated | None:
        """What was counted since the last time; None where that is nothing."""
        if not self._refused and not self._passed:
            return None
        frame = Unauthenticated(
            [(*place, requests) for place, requests in self._refused.items()],
            [(*caller, requests) for caller, requests in self._passed.items()],
        )
        self._refused.clear()
        self._passed.clear()
        return frame

    def give_back(self, frame: Unauthenticated) -> None:
        """It could not be sent: it is part of the next."""
        for account_id, gateway_id, requests in frame.refused:
            self._refused[account_id, gateway_id] += requests
        for *caller, requests in frame.passed:
            self._passed[Caller._make(caller)] += requests


def _caller(x: Exchange, reader: Reader) -> Caller:
    """Worked out once for a head that a client repeats."""
    head, route, plan = x.head, x.route, x.plan
    assert head is not None
    assert route is not None
    assert plan is not None
    known = head.memo.get("caller")
    if known is None or known.address != x.address:  # type: ignore[attr-defined]
        credential = reader.wanted(route, head, True)
        known = head.memo["caller"] = Caller(
            route.account_id,
            plan.gateway.id if plan.gateway is not None else route.gateway_id,
            x.address,
            bounds.text(head.value(b"user-agent").decode("utf-8", "replace"), bounds.NAME),
            bounds.path("/".join(part for part in (route.provider, route.path) if part))[: bounds.NAME],
            _told(credential),
        )
    return known  # type: ignore[return-value]


def _told(credential: Credential) -> str:
    """As `Caller.digest` has it."""
    if not credential.digest:
        return ""
    return " ".join(f"{pepper}:{digest.hex()}" if pepper else digest.hex() for pepper, digest in credential.digests().items())
