"""All periodic work of control: last use of tokens and sessions, requests without a token, settings to be read again, a look at
the store, age of logs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.control.access import Access
from gateway.control.changes.settings import SettingsChanges
from gateway.control.retention import Retention
from gateway.control.rollups import KEPT_S
from gateway.control.unauthenticated import UnauthenticatedRequests
from gateway.kit.aio import cancel_and_wait, spawn, within
from gateway.store.errors import StoreDown
from gateway.store.store import Store

ROUND_S: Final = 2.0
"""Seconds between two rounds."""
_TOUCH_ROUNDS: Final = 5
_EXPIRY_ROUNDS: Final = 1800
"""Once an hour, and soon after the start."""
_PING_TIMEOUT_S: Final = 3.0
_CALM_ROUNDS: Final = 3
"""So many rounds without a failed write, and the store is up again: where only large writes fail, it is down all the while."""

_log = logging.getLogger("gateway.janitor")


class Janitor:
    def __init__(
        self,
        store: Store,
        access: Access,
        changes: SettingsChanges,
        unauthenticated: UnauthenticatedRequests,
        *,
        audit_keep_days: int = 400,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._access = access
        self._changes = changes
        self._unauthenticated = unauthenticated
        self._audit_kept_s = audit_keep_days * 86_400
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        # A task of its own: deleting a million rows must not put off the rounds.
        self._retaining: asyncio.Task[None] | None = None
        self.retention = Retention(store.log, store.gateways, changes.publisher, changes.clock)
        self.trouble = ""
        """Why the store is down; empty when it is up."""
        self._failed_writes = 0
        self._calm = _CALM_ROUNDS
        """Rounds since a write failed."""

    def start(self) -> None:
        self._task = spawn(self._run(), "janitor")
        self._retaining = spawn(self.retention.run(), "retention")

    async def close(self, timeout_s: float) -> None:
        """Stop, and write down what is known of token use if the store takes it in time."""
        await cancel_and_wait(self._task)
        await cancel_and_wait(self._retaining)
        try:
            async with asyncio.timeout(timeout_s):
                await self.touch_tokens()
                await self._unauthenticated.write()
                await self._access.sessions.write()
        except (StoreDown, TimeoutError):
            _log.warning("the last use of %d tokens was not written", len(self._access.used))

    async def _run(self) -> None:
        number = 0
        await self.round(touch=False)
        while True:
            await self._pause(ROUND_S)
            number += 1
            await self.round(touch=number % _TOUCH_ROUNDS == 0, expire=number % _EXPIRY_ROUNDS == 2)

    async def round(self, *, touch: bool, expire: bool = False) -> None:
        """One round; a store that is down is found by it, not an end to it."""
        try:
            await within(_PING_TIMEOUT_S, self._store.ping())
            if self._changes.turn.stale:
                await self._changes.reload()
            await self._unauthenticated.write()
            if touch:
                await self.touch_tokens()
                await self._access.sessions.write()
            if expire:
                now = self._changes.clock.wall()
                await self._store.rollups.expire({span: now - kept_s for span, kept_s in KEPT_S.items()})
                await self._store.audit.expire(now - self._audit_kept_s)
                await self._unauthenticated.expire()
                await self._access.sessions.expire()
        except StoreDown as error:
            self._judge(str(error))
        except TimeoutError:
            self._judge("it does not answer")
        else:
            self._judge("")

    @property
    def store_up(self) -> bool:
        return not self.trouble

    def _judge(self, trouble: str) -> None:
        """What this round says of the store: its own work, and everybody's writes since the last one."""
        failed = self._store.pools.failed_writes
        if not trouble and failed != self._failed_writes:
            trouble = "writes fail"
        self._failed_writes = failed
        self._calm = 0 if trouble else self._calm + 1
        if trouble and not self.trouble:
            _log.warning("the store is down: %s", trouble)
        if trouble or self._calm >= _CALM_ROUNDS:
            if self.trouble and not trouble:
                _log.info("the store is up again")
            self.trouble = trouble

    async def touch_tokens(self) -> None:
        """Write down when tokens were used last; kept for the next time if the store is down."""
        used, self._access.used = self._access.used, {}
        if not used:
            return
        try:
            await self._store.tokens.touch(used)
        except BaseException:
            self._access.used = used | self._access.used
            raise
