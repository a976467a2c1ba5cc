"""Facts flow up: log records → bounded queue → store, one transaction per batch. The only writer of the request log; other
sinks get the records as they come (`sinks`), and have no say in when they are confirmed.

Who brought records is told once they are written or given up for good. What is still queued when the service stops, or
dies, was confirmed to nobody: the edges bring it again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.control.bodies import Unpacking
from gateway.control.sinks import SinkQueue
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.bounded import BoundedQueue
from gateway.model import bounds
from gateway.model.records import LogBodies, LogRecord
from gateway.store.errors import StoreDown
from gateway.store.log import RequestLog

BATCH_ROWS: Final = 1000
BATCH_S: Final = 0.5
"""A record waits this long for company."""
QUEUE_BYTES: Final = 64 * 1024 * 1024
BODY_BYTES: Final = 262_144
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0

_COST: Final = LogRecord._fields.index("cost")
"""The last field."""

_log = logging.getLogger("gateway.recorder")

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Records that came together and are confirmed together."""

    records: Sequence[LogRecord]
    confirm: Callable[[], object]
    bodies: Sequence[LogBodies] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is asked of each record."""

    wanted: Callable[[LogRecord], bool] = lambda _record: True
    """Whether the log takes it."""
    cost_of: Callable[[LogRecord], float | None] = lambda _record: None
    budget: Callable[[int], bool] = lambda _size_bytes: True
    """Whether there is room for so many bytes of a caller without a token."""
    body_bytes: int = BODY_BYTES


class Recorder:
    def __init__(
        self,
        log: RequestLog,
        rules: Rules = Rules(),
        *,
        sinks: Sequence[SinkQueue] = (),
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._log = log
        self._rules = rules
        self._sinks = sinks
        self._pause = pause
        self._queue: BoundedQueue[_Delivery] = BoundedQueue(QUEUE_BYTES)
        self._queued = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._in_hand: list[_Delivery] = []
        self.written = 0
        self.dropped = 0
        """Records that found the queue full, or that the store refused for good."""
        self.over_budget = 0
        """Records of callers without a token, beyond what the log takes of them in a day."""

    @property
    def waiting(self) -> int:
        """Records queued or being written."""
        return self._queued + sum(len(delivery.records) for delivery in self._in_hand)

    def accept(
        self,
        records: Sequence[LogRecord],
        confirm: Callable[[], object] = lambda: None,
        bodies: Sequence[LogBodies] = (),
    ) -> None:
        """Queue the records; never waits. What does not fit is dropped, counted and confirmed: nobody could do better."""
        if not records:
            confirm()
            return
        records = [self._priced(record) for record in records]
        for sink in self._sinks:
            sink.accept(records)
        weight = sum(record.weight for record in records) + sum(each.weight for each in bodies)
        if not self._queue.put(_Delivery(records, confirm, bodies), weight):
            self.dropped += len(records)
            confirm()
            return
        self._queued += len(records)
        self._arrived.set()
        if self._queued >= BATCH_ROWS:
            self._full.set()

    def start(self) -> None:
        self._task = spawn(self._run(), "recorder")
        for sink in self._sinks:
            sink.start()

    async def close(self, timeout_s: float) -> None:
        """Write what is queued, for at most `timeout_s` seconds; the sinks meanwhile write what waits for them."""
        self._closing.set()
        self._arrived.set()
        self._full.set()
        sinks = [sink.close(timeout_s) for sink in self._sinks]
        await asyncio.gather(self._finish(timeout_s), *sinks)
        if self.waiting:
            _log.warning("%d log records were not written", self.waiting)

    async def _finish(self, timeout_s: float) -> None:
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)
            await cancel_and_wait(self._task)

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self._company()
            self._take_in_hand()
            await self._write()
            if not self._queued:
                if self._closing.is_set():
                    return
                self._arrived.clear()

    def _take_in_hand(self) -> None:
        rows = 0
        while self._queued and rows < BATCH_ROWS:
            (delivery,) = self._queue.take(1)
            self._in_hand.append(delivery)
            self._queued -= len(delivery.records)
            rows += len(delivery.records)

    async def _company(self) -> None:
        """Wait until the batch is full, the time is up, or the service stops."""
        if self._closing.is_set() or self._queued >= BATCH_ROWS:
            return
        self._full.clear()
        try:
            await asyncio.wait_for(self._full.wait(), BATCH_S)
        except TimeoutError:
            return

    async def _write(self) -> None:
        records = [
            record
            for delivery in self._in_hand
            for record in delivery.records
            if self._rules.wanted(record) and (record.token_id or self._affordable(record))
        ]
        bodies = self._bodies({record.id: record.token_id for record in records})
        if records and await self._stored(records, bodies):
            self.written += len(records)
        in_hand, self._in_hand = self._in_hand, []
        for delivery in in_hand:
            delivery.confirm()

    def _affordable(self, record: LogRecord) -> bool:
        if self._rules.budget(record.weight):
            return True
        self.over_budget += 1
        return False

    def _bodies(self, token_of: dict[str, str]) -> list[LogBodies]:
        """The bodies of these records (id → who sent it) as they are stored; strangers' as long as there is room."""
        unpacking = Unpacking(self._rules.body_bytes)
        found = []
        for delivery in self._in_hand:
            for packed in delivery.bodies:
                if (token_id := token_of.get(packed.id)) is not None:
                    bodies = unpacking.kept(packed)
                    if token_id or self._rules.budget(bodies.weight):
                        found.append(bodies)
        return found

    def _priced(self, record: LogRecord) -> LogRecord:
        try:
            cost = bounds.cost(self._rules.cost_of(record))
        except Exception as error:  # one request's values must not keep all the others from the store
            _log.error("a request could not be priced: %s", type(error).__name__)
            return record
        return record if cost is None else LogRecord._make((*record[:_COST], cost))

    async def _stored(self, records: list[LogRecord], bodies: list[LogBodies]) -> bool:
        """Insert them, however long the store is down; False when it refuses them for good."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._log.insert(records)
                if bodies:
                    await self._log.insert_bodies(bodies)
                return True
            except StoreDown as error:
                _log.warning("log records wait, the store is down: %s", error)
                await self._pause(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except Exception as error:
                _log.error("%d log records were refused by the store: %s", len(records), type(error).__name__)
                self.dropped += len(records)
                return False
