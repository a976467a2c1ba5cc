"""What people ask of the store: a few at a time, each for a while, and none for somebody who has left.

A log query may have to read every row there is. The store has connections of their own for these, so that nothing traffic asks
for waits; here they are kept from taking the processor as well.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import web

from gateway.kit.aio import spawn
from gateway.model.faults import QUERY_TOO_LONG, TOO_MANY_QUERIES, Refusal

AT_ONCE: Final = 2
PER_ACCOUNT: Final = 16
"""Queries of one account, those that wait included: some dashboards, each of which asks a few things at a time. One runs at a
time, so that an account which asks much leaves the other place to others."""
QUERY_S: Final = 10.0
WAIT_S: Final = 10.0
_LOOK_S: Final = 0.1
"""How often it is seen whether anybody still wants the answer."""

T = TypeVar("T")


@dataclass(slots=True)
class _Turn:
    waiting_since: float
    running_since: float | None = None
    error: Exception | None = None


class Queries:
    def __init__(self, *, query_s: float = QUERY_S, wait_s: float = WAIT_S) -> None:
        self._query_s = query_s
        self._wait_s = wait_s
        self._places = asyncio.Semaphore(AT_ONCE)
        self._own: dict[str, asyncio.Semaphore] = {}
        self._asking: Counter[str] = Counter()

    async def run(self, request: web.Request, account_id: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work answers. Refusal when the account asks too much at a time, when it takes too long, and when the client
        has left, who is not there to read it. What is given up is cancelled, and keeps its place until it has ended."""
        if self._asking[account_id] >= PER_ACCOUNT:
            raise Refusal(TOO_MANY_QUERIES)
        self._asking[account_id] += 1
        clock = asyncio.get_running_loop().time
        turn = _Turn(waiting_since=clock())
        task = spawn(self._in_turn(account_id, turn, work), "query")
        task.add_done_callback(lambda _: self._ended(account_id))
        try:
            while not (await asyncio.wait((task,), timeout=_LOOK_S))[0]:
                if turn.running_since is None and clock() > turn.waiting_since + self._wait_s:
                    raise Refusal(TOO_MANY_QUERIES)
                if _left(request) or (turn.running_since is not None and clock() > turn.running_since + self._query_s):
                    raise Refusal(QUERY_TOO_LONG)
        finally:
            task.cancel()
        if turn.error is not None:
            raise turn.error
        return task.result()  # type: ignore[return-value]  # there was no error, so there is a value

    async def _in_turn(self, account_id: str, turn: _Turn, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        async with self._own.setdefault(account_id, asyncio.Semaphore(1)), self._places:
            turn.running_since = asyncio.get_running_loop().time()
            try:
                return await work()
            except Exception as error:  # told by who asked, once
                turn.error = error
                return None

    def _ended(self, account_id: str) -> None:
        self._asking[account_id] -= 1
        if not self._asking[account_id]:
            del self._asking[account_id]
            self._own.pop(account_id, None)


def _left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
