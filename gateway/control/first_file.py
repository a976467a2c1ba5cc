"""Empties the file of the first token once that has ended: what is of no use must not be found, and be taken for one that is.

The file itself stays: it tells a later start that this data folder was in use before (decision 0024).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from gateway.control.bootstrap import SETTING
from gateway.control.peppers import Peppers
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.clock import Clock
from gateway.store.errors import StoreDown
from gateway.store.facts import FactTable
from gateway.store.tokens import TokenTable

PAUSE_S: Final = 5.0
_LONGEST_BYTES: Final = 1024

_log = logging.getLogger("gateway.bootstrap")


class FirstTokenFile:
    def __init__(
        self,
        path: Path,
        facts: FactTable,
        tokens: TokenTable,
        peppers: Peppers,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._facts = facts
        self._tokens = tokens
        self._peppers = peppers
        self._clock = clock
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), "first-token-file")

    async def close(self) -> None:
        await cancel_and_wait(self._task)

    async def _run(self) -> None:
        """Until the file holds nothing any more."""
        while value := self._value():
            try:
                why = await self._ended(value)
            except StoreDown:
                why = ""
            if why:
                self._empty(why)
                return
            await self._pause(PAUSE_S)

    def _value(self) -> str:
        try:
            with self._path.open("rb") as file:
                return file.read(_LONGEST_BYTES).decode("ascii", "replace").strip()
        except OSError:
            return ""

    async def _ended(self, value: str) -> str:
        """Why the value is of no use any more; empty while it may be. One that is disabled may be enabled again."""
        state, token_id, *_ = (await self._facts.get(SETTING) or " ").split(" ")
        if state != "done":
            return ""
        token = await self._tokens.get(token_id)
        if token is None:
            return "it was deleted"
        if not {*token.known_by} & {*self._peppers.digests(value).values()}:
            return "it has another value now"
        if token.expires_on is not None and token.expires_on <= self._clock.wall():
            return "it has expired, or another token may do everything"
        return ""

    def _empty(self, why: str) -> None:
        try:
            with self._path.open("r+b") as file:
                file.truncate()
        except OSError as error:
            _log.warning("the first token has ended (%s), but %s cannot be emptied: %s", why, self._path, error.strerror)
            return
        _log.info("the first token has ended (%s): %s was emptied", why, self._path)
