"""What tokens are known by: keyed digests, under one pepper or, after a rotation, under several (decision 0032).

A token is kept with its digest by the newest pepper, and with that by the oldest in use: every worker knows one of the two,
also one that was started before a rotation. A token that was found by older ones alone is given both when it is used, because
only then its digest by the newest is known.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gateway.kit.aio import spawn
from gateway.kit.secret import key_id, keyed_digest
from gateway.model.tokens import NewDigest, Token
from gateway.store.errors import StoreDown
from gateway.store.tokens import TokenTable

_MOST_AT_ONCE: Final = 500
_MOST_WAITING: Final = 10_000
"""Beyond them a token waits for its next question."""

_log = logging.getLogger("gateway.peppers")


class Kept(NamedTuple):
    """The columns of a token that say what it is known by."""

    digest: bytes
    pepper: str
    older_digest: bytes | None


class Peppers:
    def __init__(self, tokens: TokenTable, peppers: Sequence[bytes]) -> None:
        """The newest first."""
        self._tokens = tokens
        self._peppers = {key_id(pepper): pepper for pepper in peppers}
        self.ids = tuple(self._peppers)
        self.current = self.ids[0]
        self._waiting: dict[bytes, NewDigest] = {}
        """Digest that the token was found by → what it is to have."""
        self._writing: asyncio.Task[None] | None = None

    def digests(self, value: str) -> dict[str, bytes]:
        """Pepper's id → digest by it, the newest first."""
        token = value.encode("ascii")
        return {name: keyed_digest(pepper, token) for name, pepper in self._peppers.items()}

    def kept(self, value: str) -> Kept:
        """For a new value."""
        return self._kept(self.digests(value))

    def _kept(self, digests: Mapping[str, bytes]) -> Kept:
        oldest = self.ids[-1]
        return Kept(digests[self.current], self.current, digests.get(oldest) if oldest != self.current else None)

    def seen(self, token: Token, digests: Mapping[str, bytes]) -> None:
        """The token was found by one of these digests. Nobody waits until it has its new ones; where they cannot be written,
        its next question tries again."""
        if token.pepper == self.current or self.current not in digests or len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting[token.digest] = NewDigest(token.digest, *self._kept(digests))
        if self._writing is None or self._writing.done():
            self._writing = spawn(self._write(), "new-digests")

    async def _write(self) -> None:
        while self._waiting:
            batch = list(self._waiting.values())[:_MOST_AT_ONCE]
            try:
                await self._tokens.renew_digests(batch)
            except StoreDown as error:
                _log.warning("%d tokens keep their older digest, the store is down: %s", len(self._waiting), error)
                self._waiting.clear()
                return
            for one in batch:
                self._waiting.pop(one.was, None)

    async def close(self) -> None:
        if self._writing is not None:
            await self._writing
