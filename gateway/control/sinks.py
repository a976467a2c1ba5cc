"""Where records go besides the log. Each sink has a queue and a task of its own: one that is slow or dead slows nobody.

The log alone confirms to the edges. So a sink gets a record at least once while control lives, and again if an edge sends it
again; the record's id tells. What waits for a sink when control ends is lost to it, not to the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.bounded import BoundedQueue
from gateway.model.records import LogRecord

QUEUE_BYTES: Final = 16 * 1024 * 1024
WRITE_S: Final = 30.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0

_log = logging.getLogger("gateway.sinks")


class SinkDown(Exception):
    """The sink takes nothing now; the same records are offered again."""


class RecordSink(Protocol):
    name: str

    async def write(self, records: Sequence[LogRecord]) -> None:
        """All of them, or raise SinkDown to get them again. Any other error gives them up."""


class SinkQueue:
    def __init__(
        self,
        sink: RecordSink,
        *,
        most_bytes: int = QUEUE_BYTES,
        write_s: float = WRITE_S,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sink = sink
        self._write_s = write_s
        self._pause = pause
        self._queue: BoundedQueue[Sequence[LogRecord]] = BoundedQueue(most_bytes)
        self._arrived = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self.written = 0
        self.dropped = 0
        """Records that found the queue full, or that the sink refused for good."""

    def accept(self, records: Sequence[LogRecord]) -> None:
        """Queue them; never waits. What does not fit is dropped and counted."""
        if not self._queue.put(records, sum(record.weight for record in records)):
            self.dropped += len(records)
            return
        self._arrived.set()

    def start(self) -> None:
        self._task = spawn(self._run(), f"sink-{self._sink.name}")

    async def close(self, timeout_s: float) -> None:
        """Write what is queued, for at most `timeout_s` seconds."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)
            await cancel_and_wait(self._task)
        if left := len(self._queue):
            _log.warning("%s: %d batches of records were not written", self._sink.name, left)

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            for records in self._queue.take(1):
                await self._write(records)
            if not self._queue:
                if self._closing:
                    return
                self._arrived.clear()

    async def _write(self, records: Sequence[LogRecord]) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with asyncio.timeout(self._write_s):
                    await self._sink.write(records)
                self.written += len(records)
                return
            except (SinkDown, TimeoutError) as error:
                _log.warning("%s: records wait: %s", self._sink.name, error or "no answer in time")
                await self._pause(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except Exception as error:
                _log.error("%s: %d records were refused: %s", self._sink.name, len(records), type(error).__name__)
                self.dropped += len(records)
                return
