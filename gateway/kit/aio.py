"""Tasks and shared lookups. The only module that creates tasks, so none is lost or nameless."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_log = logging.getLogger("gateway.aio")
_alive: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start `work` in the background, keep a reference until it ends, and log a failure nobody awaits."""
    task = _start(work, name)
    task.add_done_callback(_tell_failure)
    return task


def _start(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    _alive.add(task)
    task.add_done_callback(_alive.discard)
    return task


def _tell_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("task %s failed: %s", task.get_name(), type(error).__name__, exc_info=error)


async def cancel_and_wait(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks and wait until each has ended; their own errors are theirs."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await the work for so long at most, then raise TimeoutError.

    Unlike under `asyncio.timeout`, nobody waits for the clean-up of what is given up: it is cancelled, and ends by itself.
    """
    task = _start(work, "within")
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        done, _ = await asyncio.wait((task,), timeout=seconds)
    finally:
        task.cancel()
    if not done:
        raise TimeoutError
    return task.result()


class SingleFlight(Generic[K, T]):
    """Concurrent callers with one key share one run of the work.

    The run is a task of its own: a caller that is cancelled, the first one included, leaves the
    others' answer alone. When nobody waits any more the run still ends and may fill a cache.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        flight = self._flights.get(key)
        if flight is None:
            flight = _start(self._fly(key, work), "single-flight")
            self._flights[key] = flight
            # A failure belongs to the waiters: it is theirs to tell, and without any it is nobody's loss.
            flight.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(flight)

    async def _fly(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        finally:
            self._flights.pop(key, None)
