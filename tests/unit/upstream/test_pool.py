"""The pool: youngest first, limits, a bounded queue, counts that always come back to zero; on real sockets and by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop
from fakes.clock import FakeClock
from fakes.wire import FakeTransport, Peer, RawServer, Sink, answering, turns

from gateway.kit.aio import cancel_and_wait
from gateway.model.service import Limits, Timeouts
from gateway.model.targets import Origin
from gateway.upstream.connection import Connection
from gateway.upstream.dial import Dialer, tls_context
from gateway.upstream.pool import Pool
from gateway.upstream.port import Cause, Stage, UpstreamFailure

ORIGIN = Origin("http", "provider.example", 80)
OTHER = Origin("http", "other.example", 80)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Dials:
    """A dialer without sockets; `gate` holds dials back, `fails` refuses them."""

    def __init__(self) -> None:
        self.made: list[FakeTransport] = []
        self.gate: asyncio.Event | None = None
        self.fails = False
        self.stillborn = False
        self.guarded: list[bool] = []

    async def dial(self, origin: Origin, factory: Callable[[], Any], *, guarded: bool) -> Connection:
        self.guarded.append(guarded)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise UpstreamFailure(Stage.DIAL, Cause.UNREACHABLE)
        connection: Connection = factory()
        transport = FakeTransport(connection)
        connection.connection_made(transport)
        if self.stillborn:
            transport.reset()
        self.made.append(transport)
        return connection


def pool_of(dials: Dials, *, connections: int = 2048, idle: int = 256, waiting: int = 1024, queue_s: float = 5.0) -> Pool:
    limits = Limits(connections_per_origin=connections, idle_per_origin=idle, waiting_per_origin=waiting)
    return Pool(dials, limits, Timeouts(queue_s=queue_s))  # type: ignore[arg-type]


async def answered(connection: Connection, answer: bytes = OK) -> None:
    """One exchange to its clean end, and back to the pool."""
    connection.start("POST", with_body=True)
    connection.send(b"POST / HTTP/1.1\r\n\r\n")
    waiting = connection.expect_head(300)
    connection.data_received(answer)
    assert (await waiting).status == 200
    await connection.pour(Sink())
    connection.release()


def dropped(connection: Connection) -> None:
    connection.start("POST", with_body=True)
    connection.release()


async def busy(pool: Pool, **how: bool) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as failure:
        await pool.connection(ORIGIN, **how)
    return failure.value


async def test_the_youngest_idle_connection_is_taken_first() -> None:
    dials = Dials()
    pool = pool_of(dials)
    one, two, three = [await pool.connection(ORIGIN) for _ in range(3)]
    for connection in (two, one, three):
        await answered(connection)
    assert [await pool.connection(ORIGIN) for _ in range(3)] == [three, one, two]
    assert all(connection.reused for connection in (one, two, three))
    assert len(dials.made) == pool.open_connections == 3


async def test_origins_and_guards_do_not_share() -> None:
    dials = Dials()
    pool = pool_of(dials)
    await answered(await pool.connection(ORIGIN))
    assert pool.idle_connection(OTHER) is None
    assert pool.idle_connection(ORIGIN, guarded=True) is None
    assert not (await pool.connection(ORIGIN, guarded=True)).reused
    assert dials.guarded == [False, True]
    assert pool.idle_connection(ORIGIN) is not None
    assert pool.idle_connection(ORIGIN) is None


async def test_fresh_insists_on_a_new_connection() -> None:
    dials = Dials()
    pool = pool_of(dials)
    old = await pool.connection(ORIGIN)
    await answered(old)
    fresh = await pool.connection(ORIGIN, fresh=True)
    assert fresh is not old
    assert not fresh.reused


async def test_fresh_takes_the_place_of_a_used_connection_when_the_pool_is_full() -> None:
    dials = Dials()
    pool = pool_of(dials, connections=1)
    old = await pool.connection(ORIGIN)
    waiting = asyncio.create_task(pool.connection(ORIGIN, fresh=True))
    await turns()
    await answered(old)
    fresh = await asyncio.wait_for(waiting, 5)
    assert fresh is not old
    assert dials.made[0].closed
    await turns()
    assert pool.open_connections == 1
    dropped(fresh)
    await turns()
    assert pool.open_connections == 0


async def test_a_closed_idle_connection_is_not_given_out() -> None:
    dials = Dials()
    pool = pool_of(dials)
    one, two = await pool.connection(ORIGIN), await pool.connection(ORIGIN)
    await answered(one)
    await answered(two)
    two.close()
    assert await pool.connection(ORIGIN) is one
    await turns()
    assert pool.open_connections == 1


async def test_idle_connections_have_a_limit() -> None:
    dials = Dials()
    pool = pool_of(dials, idle=2)
    for connection in [await pool.connection(ORIGIN) for _ in range(5)]:
        await answered(connection)
    await turns()
    assert pool.open_connections == 2
    assert [transport.closed for transport in dials.made] == [False, False, True, True, True]


async def test_the_queue_is_served_in_order() -> None:
    pool = pool_of(Dials(), connections=1)
    held = await pool.connection(ORIGIN)
    order = []

    async def client(number: int) -> None:
        connection = await pool.connection(ORIGIN)
        order.append(number)
        await answered(connection)

    clients = []
    for number in range(5):
        clients.append(asyncio.create_task(client(number)))
        await turns()
    await answered(held)
    await asyncio.wait_for(asyncio.gather(*clients), 5)
    assert order == [0, 1, 2, 3, 4]
    assert pool.open_connections == 1


async def test_a_lost_connection_lets_the_next_in_line_dial() -> None:
    dials = Dials()
    pool = pool_of(dials, connections=1)
    held = await pool.connection(ORIGIN)
    waiting = asyncio.create_task(pool.connection(ORIGIN))
    await turns()
    dropped(held)
    made = await asyncio.wait_for(waiting, 5)
    assert made is not held
    assert (len(dials.made), pool.open_connections) == (2, 1)


async def test_the_limit_holds_when_a_newcomer_meets_a_freed_place() -> None:
    dials = Dials()
    pool = pool_of(dials, connections=2)
    held = [await pool.connection(ORIGIN) for _ in range(2)]
    clients = [asyncio.create_task(pool.connection(ORIGIN)) for _ in range(4)]
    await turns()
    for connection in held:
        dropped(connection)
        # In the very turn in which a place is passed on, others ask.
        clients += [asyncio.create_task(pool.connection(ORIGIN)) for _ in range(2)]
        await asyncio.sleep(0)
        assert pool.open_connections <= 2
    await turns()
    assert pool.open_connections == 2
    assert sum(not transport.closed for transport in dials.made) == 2
    await cancel_and_wait(*clients)


async def test_the_queue_has_a_limit() -> None:
    pool = pool_of(Dials(), connections=1, waiting=2)
    await pool.connection(ORIGIN)
    clients = [asyncio.create_task(pool.connection(ORIGIN)) for _ in range(2)]
    await turns()
    failure = await busy(pool)
    assert (failure.stage, failure.cause) == (Stage.DIAL, Cause.BUSY)
    await cancel_and_wait(*clients)


async def test_waiting_in_line_has_a_limit_and_leaves_no_trace() -> None:
    pool = pool_of(Dials(), connections=1, waiting=1, queue_s=0.01)
    held = await pool.connection(ORIGIN)
    for _ in range(3):
        failure = await asyncio.wait_for(busy(pool), 5)
        assert (failure.stage, failure.cause) == (Stage.DIAL, Cause.BUSY)
    assert "0 waiting" in repr(held.pool)
    await answered(held)
    assert await pool.connection(ORIGIN) is held


@pytest.mark.parametrize("lost", [False, True])
async def test_a_cancelled_waiter_passes_its_place_on(lost: bool) -> None:
    pool = pool_of(Dials(), connections=1)
    held = await pool.connection(ORIGIN)
    first = asyncio.create_task(pool.connection(ORIGIN))
    await turns()
    second = asyncio.create_task(pool.connection(ORIGIN))
    await turns()
    if lost:
        dropped(held)
        await asyncio.sleep(0)  # connection_lost hands the place to the first
    else:
        await answered(held)
    first.cancel()
    got = await asyncio.wait_for(second, 5)
    assert (got is held) is not lost
    assert first.cancelled()
    assert pool.open_connections == 1
    dropped(got)
    await turns()
    assert pool.open_connections == 0


async def test_a_cancelled_last_waiter_leaves_the_connection_idle() -> None:
    pool = pool_of(Dials(), connections=1)
    held = await pool.connection(ORIGIN)
    waiting = asyncio.create_task(pool.connection(ORIGIN))
    await turns()
    await answered(held)
    await cancel_and_wait(waiting)
    assert pool.idle_connection(ORIGIN) is held


@pytest.mark.parametrize("how", ["fails", "stillborn", "cancelled"])
async def test_a_dial_that_fails_counts_for_nothing(how: str) -> None:
    dials = Dials()
    pool = pool_of(dials, connections=1)
    for _ in range(3):
        if how == "cancelled":
            dials.gate = asyncio.Event()
            dialing = asyncio.create_task(pool.connection(ORIGIN))
            await turns()
            assert pool.open_connections == 1
            await cancel_and_wait(dialing)
            dials.gate = None
        else:
            setattr(dials, how, True)
            assert (await busy(pool)).stage is Stage.DIAL
            setattr(dials, how, False)
        assert (pool.open_connections, pool._pools) == (0, {})
    await answered(await pool.connection(ORIGIN))
    assert pool.open_connections == 1


async def test_a_dial_that_fails_lets_the_next_in_line_dial() -> None:
    dials = Dials()
    pool = pool_of(dials, connections=1)
    dials.gate, dials.fails = asyncio.Event(), True
    clients = [asyncio.create_task(pool.connection(ORIGIN)) for _ in range(3)]
    await turns()
    dials.gate.set()
    outcomes = await asyncio.wait_for(asyncio.gather(*clients, return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [UpstreamFailure] * 3
    assert pool.open_connections == 0


async def test_an_origin_without_connections_is_forgotten() -> None:
    pool = pool_of(Dials())
    for number in range(50):
        dropped(await pool.connection(Origin("http", f"host{number}.example", 80)))
    await turns()
    assert pool._pools == {}


async def test_closing_the_pool_closes_all() -> None:
    dials = Dials()
    pool = pool_of(dials)
    pool.start()
    await answered(await pool.connection(ORIGIN))
    await pool.connection(OTHER)
    await pool.close()
    assert all(transport.closed for transport in dials.made)
    assert pool.open_connections == 0


# --- on real sockets, on both loops ---------------------------------------------------------------------------


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(work: Any) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(work, 20))

    return run


@asynccontextmanager
async def real(tls: Any = tls_context, **limits: int) -> AsyncIterator[Pool]:
    pool = Pool(Dialer(FakeClock(), tls, 5.0), Limits(**limits), Timeouts())
    pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def exchange(pool: Pool, origin: Origin, sink: Sink | None = None) -> tuple[Connection, Sink]:
    sink = sink or Sink()
    connection = await pool.connection(origin)
    connection.start("POST", with_body=True)
    try:
        connection.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        await connection.expect_head(10)
        await connection.pour(sink)
    finally:
        connection.release()
    return connection, sink


def test_one_socket_serves_many_requests(run) -> None:
    async def work() -> None:
        async with RawServer(answering(OK)) as server, real() as pool:
            for number in range(5):
                connection, sink = await exchange(pool, server.origin)
                assert (sink.payload, connection.reused) == (b"ok", True)
                assert server.accepted == 1, number

    run(work())


def test_a_socket_closed_while_idle_is_not_given_out(run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        peer.close()

    async def work() -> None:
        async with RawServer(script) as server, real() as pool:
            await exchange(pool, server.origin)
            while pool.open_connections:
                await asyncio.sleep(0.001)
            _, sink = await exchange(pool, server.origin)
            assert (sink.payload, server.accepted) == (b"ok", 2)

    run(work())


BODY_AND_END = {
    "counted": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
}


@pytest.mark.parametrize("name", BODY_AND_END)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("secure", [False, True])
def test_a_body_and_the_providers_end_in_one_go(run, authority, name: str, full: bool, secure: bool) -> None:
    async def work() -> None:
        sink = Sink(full=full)
        sink.room.set()
        tls = authority.server_context() if secure else None
        async with (
            RawServer(answering(BODY_AND_END[name], close=True), tls=tls) as server,
            real(authority.client_context) as pool,
        ):
            await exchange(pool, server.origin, sink)
            assert (sink.payload, sink.ends) == (b"hello", 1)
            while pool.open_connections:
                await asyncio.sleep(0.001)
            assert sink.ends == 1

    run(work())


def test_a_reset_within_the_body_is_a_loss(run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await peer.request()  # until the test has the piece
        peer.reset()

    async def work() -> None:
        async with RawServer(script) as server, real() as pool:
            sink = Sink()
            connection = await pool.connection(server.origin)
            connection.start("POST", with_body=True)
            connection.send(b"POST /x HTTP/1.1\r\n\r\n")
            await connection.expect_head(10)
            pouring = asyncio.create_task(connection.pour(sink))
            while sink.payload != b"hel":
                await asyncio.sleep(0.001)
            connection.send(b"go on\r\n\r\n")
            with pytest.raises(UpstreamFailure) as failure:
                await pouring
            assert (failure.value.stage, failure.value.cause, sink.ends) == (Stage.BODY, Cause.LOST, 0)
            connection.release()
            assert pool.open_connections == 0

    run(work())


def test_a_full_sink_holds_the_provider_back(run) -> None:
    total = 64 * 1024 * 1024
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        piece = bytes(65_536)
        while sent < total:
            await peer.send(piece)
            sent += len(piece)

    class Counting(Sink):
        size = 0

        def take(self, payload: bytes, frame: bytes | None, done: bool) -> bool:
            self.size += len(payload)
            return self.full

    async def work() -> None:
        async with RawServer(script) as server, real() as pool:
            sink = Counting(full=True)
            task = asyncio.create_task(exchange(pool, server.origin, sink))
            before = -1
            while before != sent or not sent:  # until the provider can send no more
                before = sent
                await asyncio.sleep(0.05)
            assert sink.size <= 600_000, "two reads at most"
            assert sent < total / 2
            await cancel_and_wait(task)

    run(work())


def test_a_cancelled_exchange_closes_its_socket(run) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async def work() -> None:
        async with RawServer(script) as server, real() as pool:
            task = asyncio.create_task(exchange(pool, server.origin))
            while not server.open:
                await asyncio.sleep(0.001)
            await cancel_and_wait(task)
            while server.open or pool.open_connections:
                await asyncio.sleep(0.001)

    run(work())


def test_counts_come_back_to_zero_after_all_kinds_of_ends(run) -> None:
    answers = [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", b"garbage\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n\r\nok"]
    turn = 0

    async def script(peer: Peer) -> None:
        nonlocal turn
        while await peer.request():
            turn += 1
            await peer.send(answers[turn % len(answers)])
            if turn % 2:
                peer.reset() if turn % 3 else peer.close()
                return
            if turn % len(answers):
                return

    async def one(pool: Pool, origin: Origin) -> None:
        with suppress(UpstreamFailure):
            await exchange(pool, origin)

    async def work() -> None:
        async with RawServer(script) as server, real(connections_per_origin=4) as pool:
            tasks = [asyncio.create_task(one(pool, server.origin)) for _ in range(100)]
            await asyncio.sleep(0.01)
            await cancel_and_wait(*tasks[::7])
            await asyncio.gather(*tasks, return_exceptions=True)
            origin_pool = pool._pools.get((server.origin, False))
            if origin_pool is not None:
                for connection in list(origin_pool.everyone):
                    connection.close()
            while pool.open_connections:
                await asyncio.sleep(0.001)
            assert pool._pools == {}

    run(work())
