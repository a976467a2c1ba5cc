"""Who holds a token: all questions of a moment are one query, and nobody waits for a store that does not answer.

One query at a time. While it runs the next ones gather, so ten thousand a second cost as many queries as the store can answer
in a row, and a store that hangs is asked once.
"""

import asyncio
from typing import Final

from gateway.kit.aio import spawn
from gateway.store.port import Store, StoreDown, Token

DEADLINE_S: Final = 0.8
"""Less than an edge waits (`token_cache.ask_timeout_s`), so that it is told instead of giving up."""
_MOST_AT_ONCE: Final = 500

_Found = Token | StoreDown | None


class TokenLookups:
    def __init__(self, store: Store, *, deadline_s: float = DEADLINE_S) -> None:
        self._store = store
        self._deadline_s = deadline_s
        self._waiting: dict[bytes, asyncio.Future[_Found]] = {}
        """What the next query asks for. Never joined once it runs: the answer may be older than the question."""
        self._running: asyncio.Task[None] | None = None

    async def find(self, digest: bytes) -> Token | None:
        """The token with this digest, read after this call began. Raises StoreDown, also when the time is up."""
        answer = self._waiting.get(digest)
        if answer is None:
            answer = self._waiting[digest] = asyncio.get_running_loop().create_future()
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
            batch = dict(list(self._waiting.items())[:_MOST_AT_ONCE])
            for digest in batch:
                del self._waiting[digest]
            found: dict[bytes, Token] | StoreDown = StoreDown("the query was cut off")
            try:
                found = await self._store.tokens_by_digest(list(batch))
            except Exception as error:
                # Whatever it is: an error is no word on a token.
                found = error if isinstance(error, StoreDown) else StoreDown(type(error).__name__)
            finally:
                for digest, answer in batch.items():
                    answer.set_result(found if isinstance(found, StoreDown) else found.get(digest))
