"""How long logs are kept (specification section 6.3): per gateway a number of entries, and what happens beyond it.

Deletion goes in batches, each one short transaction, with a pause as long as the batch took: the recorder and the API write
in between. The size of a batch follows how long the last one took, for entries with large bodies take longer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.control.publisher import Publisher
from gateway.kit.clock import Clock
from gateway.store.errors import StoreDown
from gateway.store.gateways import GatewayTable
from gateway.store.log import RequestLog

ROUND_S: Final = 2.0
"""Seconds between two looks. A full log takes in what comes between them."""
FEWEST_ROWS: Final = 25
MOST_ROWS: Final = 1000
LONG_S: Final = 0.025
"""A batch that takes longer is followed by one of half its size: other writers should not wait 50 ms."""
SHORT_S: Final = 0.01
_LEAST_PAUSE_S: Final = 0.005

_log = logging.getLogger("gateway.retention")

Place = tuple[str, str]
"""Account and gateway."""


class Retention:
    def __init__(
        self,
        log: RequestLog,
        gateways: GatewayTable,
        publisher: Publisher,
        clock: Clock,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._log = log
        self._gateways = gateways
        self._publisher = publisher
        self._clock = clock
        self._pause = pause
        self._rows = FEWEST_ROWS * 4
        self.full: frozenset[Place] = frozenset()
        """Gateways whose log takes nothing more: at their limit, and told to stop there."""
        self.deleted = 0

    async def run(self) -> None:
        """For ever; a store that is down is tried again."""
        while True:
            await self._pause(ROUND_S)
            try:
                await self.round()
            except StoreDown as error:
                _log.warning("old logs stay, the store is down: %s", error)

    async def round(self) -> None:
        """Finish purges, take what is over a limit, and see which logs are full. Raises StoreDown."""
        for place in await self._log.purges():
            await self._purge(place)
        full = set()
        for place, count in (await self._log.counts()).items():
            entry = self._publisher.gateway(*place)
            if entry is None:
                await self._adopt(place)
                continue
            limit = entry.gateway.log_management
            if limit is None or count < limit:
                continue
            # No strategy means to stop: deletion is what one has to ask for.
            if entry.gateway.log_management_strategy == "DELETE_OLDEST":
                await self._take_oldest(place, count - limit)
            else:
                full.add(place)
        self.full = frozenset(full)

    async def _adopt(self, place: Place) -> None:
        """Logs without a gateway: they came in while it was deleted. The store knows better than our copy of the settings."""
        if self._publisher.loaded and await self._gateways.get(*place) is None:
            await self._log.purge(*place)
            await self._purge(place)

    async def _purge(self, place: Place) -> None:
        await self._in_batches(lambda rows: self._log.purge_batch(*place, rows), None)

    async def _take_oldest(self, place: Place, surplus: int) -> None:
        await self._in_batches(lambda rows: self._log.delete_oldest(*place, rows), surplus)

    async def _in_batches(self, delete: Callable[[int], Awaitable[int]], left: int | None) -> None:
        while left is None or left > 0:
            rows = self._rows if left is None else min(self._rows, left)
            started = self._clock.monotonic()
            taken = await delete(rows)
            took_s = self._clock.monotonic() - started
            self.deleted += taken
            self._adapt(took_s)
            if taken < rows:
                return
            left = None if left is None else left - taken
            await self._pause(max(took_s, _LEAST_PAUSE_S))

    def _adapt(self, took_s: float) -> None:
        if took_s > LONG_S:
            self._rows = max(self._rows // 2, FEWEST_ROWS)
        elif took_s < SHORT_S:
            self._rows = min(self._rows * 2, MOST_ROWS)
