"""Control's side of every link: settings go down through the publisher, facts go up to the recorder and the counters."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from gateway.control.access import Access
from gateway.control.access_log import AccessLog
from gateway.control.changes.gateways import GatewayChanges
from gateway.control.counters import CounterSums
from gateway.control.grants import in_effect
from gateway.control.key_trials import KeyTrials
from gateway.control.lookups import DEADLINE_S, TokenLookups
from gateway.control.publisher import Publisher
from gateway.control.recorder import Recorder
from gateway.control.unauthenticated import UnauthenticatedRequests
from gateway.link.frames import (
    Answer,
    AskToken,
    Counters,
    Leased,
    OpenDefault,
    Opened,
    Question,
    Ready,
    Recorded,
    Records,
    Revoked,
    TokenAnswer,
    Tried,
    Unauthenticated,
    Unavailable,
    UpFrame,
)
from gateway.link.port import EdgeConnection
from gateway.model.records import LogBodies, LogRecord
from gateway.model.tokens import Principal
from gateway.store.errors import StoreDown
from gateway.store.tokens import TokenTable

_log = logging.getLogger("gateway.hub")


@dataclass(frozen=True, slots=True)
class Facts:
    """Where what the edges tell goes."""

    recorder: Recorder
    counters: CounterSums
    unauthenticated: UnauthenticatedRequests
    access_log: AccessLog
    trials: KeyTrials


class Hub:
    """The LinkHandler of control."""

    def __init__(
        self, publisher: Publisher, gateways: GatewayChanges, tokens: TokenTable, access: Access, facts: Facts
    ) -> None:
        self._publisher = publisher
        self._gateways = gateways
        self._tokens = tokens
        self._access = access
        self._facts = facts
        self._lookups = TokenLookups(tokens)

    def joined(self, edge: EdgeConnection) -> None:
        self._publisher.joined(edge)

    def left(self, edge: EdgeConnection) -> None:
        self._publisher.left(edge)
        self._facts.counters.forget(edge.edge_id)

    def received(self, edge: EdgeConnection, frame: UpFrame) -> None:
        match frame:
            case Records(number, rows, bodies):
                # `decode` made them whole values again.
                records, said = cast(Sequence[LogRecord], rows), cast(Sequence[LogBodies], bodies)
                self._facts.recorder.accept(records, partial(self._recorded, edge, number, records), said)
            case Counters(deltas):
                self._facts.counters.add(edge.edge_id, deltas)
            case Unauthenticated():
                self._facts.unauthenticated.take(frame)
            case Tried():
                self._facts.trials.answered(frame)
            case Revoked(digest):
                self._publisher.revoked(edge, digest)
            case Ready(worker, version):
                self._publisher.is_ready(edge, worker, version)

    def _recorded(self, edge: EdgeConnection, number: int, records: Sequence[LogRecord]) -> None:
        """They are in the store, or given up: what they say is counted, and the edge need not keep them."""
        self._facts.counters.take(records)
        self._facts.access_log.take(records)
        edge.send(Recorded(number))

    async def answer(self, edge: EdgeConnection, question: Question) -> Answer:
        try:
            match question:
                case AskToken(ask, digests):
                    async with asyncio.timeout(DEADLINE_S):
                        return TokenAnswer(ask, await self._who(digests))
                case OpenDefault(ask, account_id):
                    return await self._open_default(edge, ask, account_id)
                case _:
                    # One node, one edge's word: nothing is shared yet, so all that is asked for is granted.
                    return Leased(question.ask, question.count)
        except (StoreDown, TimeoutError):
            return Unavailable(question.ask)
        except Exception as error:
            _log.error("%s could not be answered: %s", type(question).__name__, type(error).__name__)
            return Unavailable(question.ask)

    async def _who(self, digests: Mapping[str, bytes]) -> Principal | None:
        """Read again if a revocation came in between: no answer after a Revoke frame may be older than it."""
        while True:
            revocations = self._publisher.revocations
            token = await self._lookups.find(*digests.values())
            principal = None if token is None else await in_effect(self._tokens, token)
            if revocations == self._publisher.revocations:
                break
        if token is not None:
            self._access.peppers.seen(token, digests)
        if token is None or principal is None:
            return None
        self._access.note_use(token)
        return principal

    async def _open_default(self, edge: EdgeConnection, ask: int, account_id: str) -> Answer:
        if not self._publisher.loaded:
            return Unavailable(ask)
        opened = await self._gateways.open_default(account_id)
        self._publisher.ensure_synced(edge)
        return Opened(ask, opened)
