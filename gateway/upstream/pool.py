"""Connections per origin: reuse the youngest idle one, dial while under the limit, queue a bounded crowd beyond it.

State changes are synchronous; what must wait (dialing, queueing) happens around them. One pool holds no provider
credentials: they travel in each request, so connections may be shared between gateways.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.model.service import Limits, Timeouts
from gateway.model.targets import Origin
from gateway.protocol.response_head import ResponseHead
from gateway.upstream.connection import TICK_S, Connection, ticks
from gateway.upstream.dial import Dialer
from gateway.upstream.port import Cause, Stage, UpstreamFailure


class OriginPool:
    """One origin's connections. `guarded` ones were dialed with the address check and are kept apart."""

    __slots__ = (
        "_forget",
        "_idle_limit",
        "_keepalive_ticks",
        "count",
        "everyone",
        "idle",
        "last_block",
        "last_head",
        "last_method",
        "own",
        "waiting",
    )

    def __init__(self, idle_limit: int, keepalive_s: float, forget: Callable[[], None]) -> None:
        self._idle_limit = idle_limit
        self._keepalive_ticks = ticks(keepalive_s)
        self._forget = forget
        self.own = False
        """Leads to our own control plane, whose answers may say more than a provider's."""
        self.last_block = b""
        self.last_method = ""
        self.last_head: ResponseHead | None = None
        """The last answer's head, what it answered, and what it said: servers without ids in their answers repeat it byte for
        byte, and what is the same needs no second reading (as on the client's side: decision 0003)."""
        self.idle: list[Connection] = []
        self.everyone: set[Connection] = set()
        self.waiting: deque[asyncio.Future[Connection | None]] = deque()
        self.count = 0
        """Open connections and those being dialed."""

    def __repr__(self) -> str:
        return f"<OriginPool {self.count} open, {len(self.idle)} idle, {len(self.waiting)} waiting>"

    def take_idle(self) -> Connection | None:
        """The youngest idle connection that is still open."""
        while self.idle:
            connection = self.idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                return connection
        return None

    def give_back(self, connection: Connection) -> None:
        if self._hand_over(connection):
            return
        if len(self.idle) >= self._idle_limit:
            connection.close()
            return
        connection.rest(self._keepalive_ticks)
        self.idle.append(connection)

    def lost(self, connection: Connection) -> None:
        if connection not in self.everyone:
            return  # refused while dialing: counted there
        self.everyone.discard(connection)
        if not connection.in_use and connection in self.idle:
            self.idle.remove(connection)
        self.slot_freed()

    def slot_freed(self) -> None:
        """One connection fewer: its place passes to the next in the queue, who may dial."""
        if self._hand_over(None):
            return
        self.count -= 1
        if not self.count:
            self._forget()

    def pass_on(self, connection: Connection | None) -> None:
        """What a waiter got and can no longer use."""
        if connection is not None:
            self.give_back(connection)
        else:
            self.slot_freed()

    def leave_line(self, waiter: asyncio.Future[Connection | None]) -> None:
        """A waiter gave up; what it was handed in that very moment goes to the next."""
        if waiter.done() and not waiter.cancelled():
            self.pass_on(waiter.result())
        elif waiter in self.waiting:
            self.waiting.remove(waiter)

    def replace(self, connection: Connection) -> None:
        """Close a connection whose place the caller takes for one of its own."""
        self.everyone.discard(connection)
        connection.close()

    def _hand_over(self, connection: Connection | None) -> bool:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False


class Pool:
    """All of an edge's upstream connections: what the edge asks for one. Fails with `port.UpstreamFailure`."""

    def __init__(self, dialer: Dialer, limits: Limits, timeouts: Timeouts) -> None:
        self._dialer = dialer
        self._limits = limits
        self._timeouts = timeouts
        self._pools: dict[tuple[Origin, bool], OriginPool] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sweeper = spawn(self._sweep(), "upstream-sweep")

    async def close(self) -> None:
        await cancel_and_wait(self._sweeper)
        for pool in list(self._pools.values()):
            for connection in list(pool.everyone):
                connection.close()
        # Transports tell their protocols of the end in the next turns of the loop.
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def open_connections(self) -> int:
        return sum(pool.count for pool in self._pools.values())

    @property
    def idle_connections(self) -> int:
        return sum(len(pool.idle) for pool in self._pools.values())

    @property
    def waiting_requests(self) -> int:
        """Requests that stand in line for a connection."""
        return sum(len(pool.waiting) for pool in self._pools.values())

    def idle_connection(self, origin: Origin, *, guarded: bool = False) -> Connection | None:
        pool = self._pools.get((origin, guarded))
        return pool.take_idle() if pool is not None else None

    async def connection(self, origin: Origin, *, guarded: bool = False, fresh: bool = False) -> Connection:
        pool = self._pool(origin, guarded)
        if not fresh and (connection := pool.take_idle()) is not None:
            return connection
        if pool.count < self._limits.connections_per_origin:
            pool.count += 1
        elif fresh and (idle := pool.take_idle()) is not None:
            pool.replace(idle)
        elif (queued := await self._wait_in_line(pool)) is not None:
            if not fresh:
                return queued
            pool.replace(queued)
        try:
            made = await self._dialer.dial(
                origin,
                lambda: Connection(asyncio.get_running_loop(), pool, self._timeouts.idle_s),
                guarded=guarded,
            )
        except BaseException:
            pool.slot_freed()
            raise
        assert isinstance(made, Connection)
        if made.transport is None:
            pool.slot_freed()  # it ended before we were told of its beginning
            raise UpstreamFailure(Stage.DIAL, Cause.UNREACHABLE)
        pool.everyone.add(made)
        return made

    def _pool(self, origin: Origin, guarded: bool) -> OriginPool:
        key = (origin, guarded)
        pool = self._pools.get(key)
        if pool is None:
            limits, timeouts = self._limits, self._timeouts
            pool = OriginPool(limits.idle_per_origin, timeouts.upstream_keepalive_s, lambda: self._forget(key))
            pool.own = origin.scheme == "unix"
            self._pools[key] = pool
        return pool

    def _forget(self, key: tuple[Origin, bool]) -> None:
        self._pools.pop(key, None)

    async def _wait_in_line(self, pool: OriginPool) -> Connection | None:
        """A connection another request left, or None: a place to dial has come free and is counted as ours."""
        if len(pool.waiting) >= self._limits.waiting_per_origin:
            raise UpstreamFailure(Stage.DIAL, Cause.BUSY)
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        pool.waiting.append(waiter)
        try:
            async with asyncio.timeout(self._timeouts.queue_s):
                return await waiter
        except (TimeoutError, asyncio.CancelledError) as error:
            pool.leave_line(waiter)
            if isinstance(error, TimeoutError):
                raise UpstreamFailure(Stage.DIAL, Cause.BUSY) from error
            raise

    async def _sweep(self) -> None:
        """The only timer of the relay: every connection counts its own silence in these steps."""
        while True:
            await asyncio.sleep(TICK_S)
            for pool in list(self._pools.values()):
                for connection in list(pool.everyone):
                    connection.tick()
