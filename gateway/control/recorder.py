"""Facts flow up: log records → bounded queue → store, one transaction per batch. The only writer of the request log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.bounded import BoundedQueue
from gateway.model.records import LogRecord
from gateway.store.port import Store, StoreDown

BATCH_ROWS: Final = 500
BATCH_S: Final = 0.5
"""A record waits this long for company."""
QUEUE_BYTES: Final = 64 * 1024 * 1024
_ROW_BYTES: Final = 900
"""A record's own weight in memory, texts not counted."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0

_log = logging.getLogger("gateway.recorder")

Pause = Callable[[float], Awaitable[None]]


class Recorder:
    def __init__(
        self,
        store: Store,
        *,
        wanted: Callable[[LogRecord], bool] = lambda _record: True,
        queue_bytes: int = QUEUE_BYTES,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._pause = pause
        self._queue: BoundedQueue[LogRecord] = BoundedQueue(queue_bytes)
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._in_hand: list[LogRecord] = []
        self.written = 0
        self.lost = 0
        """Records given up: the store refused them for good, or was gone when the service stopped."""

    @property
    def dropped(self) -> int:
        """Records that found the queue full, or were lost later."""
        return self._queue.dropped + self.lost

    @property
    def waiting(self) -> int:
        return len(self._queue) + len(self._in_hand)

    def take(self, batch: Iterable[LogRecord]) -> None:
        """Queue the records; never waits. What does not fit is counted as dropped."""
        for record in batch:
            self._queue.put(record, _weight(record))
        if len(self._queue):
            self._arrived.set()
        if len(self._queue) >= BATCH_ROWS:
            self._full.set()

    def start(self) -> None:
        self._task = spawn(self._run(), "recorder")

    async def close(self, timeout_s: float) -> None:
        """Write what is queued, for at most `timeout_s` seconds; the rest is counted as lost."""
        self._closing.set()
        self._arrived.set()
        self._full.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)
            await cancel_and_wait(self._task)
        if self.waiting:
            _log.warning("%d log records were not written", self.waiting)
            self.lost += self.waiting
            self._in_hand = []
            self._queue.take(len(self._queue))

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self._company()
            self._in_hand = [record for record in self._queue.take(BATCH_ROWS) if self._wanted(record)]
            if self._in_hand:
                await self._write()
            if not len(self._queue):
                if self._closing.is_set():
                    return
                self._arrived.clear()

    async def _company(self) -> None:
        """Wait until the batch is full, the time is up, or the service stops."""
        if self._closing.is_set() or len(self._queue) >= BATCH_ROWS:
            return
        self._full.clear()
        try:
            await asyncio.wait_for(self._full.wait(), BATCH_S)
        except TimeoutError:
            return

    async def _write(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._store.insert_records(self._in_hand)
                self.written += len(self._in_hand)
                break
            except StoreDown as error:
                _log.warning("log records wait, the store is down: %s", error)
                await self._pause(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except Exception as error:
                _log.error("%d log records were refused by the store: %s", len(self._in_hand), type(error).__name__)
                self.lost += len(self._in_hand)
                break
        self._in_hand = []


def _weight(record: LogRecord) -> int:
    return _ROW_BYTES + sum(len(value) for value in record if isinstance(value, str))
