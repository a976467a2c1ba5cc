"""Who holds a token: all questions of a moment are one query, and nobody waits for a store that does not answer.

One query at a time. While it runs the next ones gather, so ten thousand a second cost as many queries as the store can answer
in a row, and a store that hangs is asked once.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.kit.aio import spawn
from gateway.model.tokens import Token
from gateway.store.errors import StoreDown
from gateway.store.tokens import TokenTable

DEADLINE_S: Final = 0.8
"""Less than an edge waits (`token_cache.ask_timeout_s`), so that it is told instead of giving up."""
_MOST_AT_ONCE: Final = 500
"""Digests."""

_Found = Token | StoreDown | None


class TokenLookups:
    def __init__(self, tokens: TokenTable, *, deadline_s: float = DEADLINE_S) -> None:
        self._tokens = tokens
        self._deadline_s = deadline_s
        self._waiting: dict[tuple[bytes, ...], asyncio.Future[_Found]] = {}
        """What the next query asks for. Never joined once it runs: the answer may be older than the question."""
        self._running: asyncio.Task[None] | None = None

    async def find(self, *digests: bytes) -> Token | None:
        """The token with one of these digests, read after this call began. Raises StoreDown, also when the time is up."""
        answer = self._waiting.get(digests)
        if answer is None:
            answer = self._waiting[digests] = asyncio.get_running_loop().create_future()
        if self._running is None or self._running.done():
            self._running = spawn(self._run(), "token-lookups")
        try:
            async with asyncio.timeout(self._deadline_s):
                found = await asyncio.shield(answer)
        except TimeoutError:
            raise StoreDown("no answer in time") from None
        if isinstance(found, StoreDown):
            raise found
        return found

    async def _run(self) -> None:
        while self._waiting:
            batch = self._next()
            found: dict[bytes, Token] | StoreDown = StoreDown("the query was cut off")
            try:
                found = await self._tokens.by_digest([digest for digests in batch for digest in digests])
            except Exception as error:
                # Whatever it is: an error is no word on a token.
                found = error if isinstance(error, StoreDown) else StoreDown(type(error).__name__)
            finally:
                for digests, answer in batch.items():
                    answer.set_result(found if isinstance(found, StoreDown) else _first(found, digests))

    def _next(self) -> dict[tuple[bytes, ...], asyncio.Future[_Found]]:
        """Questions for one query: however many digests each has, a query has no more than it ever had."""
        batch: dict[tuple[bytes, ...], asyncio.Future[_Found]] = {}
        count = 0
        for digests in list(self._waiting):
            count += len(digests)
            if batch and count > _MOST_AT_ONCE:
                break
            batch[digests] = self._waiting.pop(digests)
        return batch


def _first(found: Mapping[bytes, Token], digests: Iterable[bytes]) -> Token | None:
    return next((found[digest] for digest in digests if digest in found), None)
