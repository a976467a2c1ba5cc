"""What both transports of the link promise: the same suite over the unix socket and the loopback."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from fakes.link import FakeHandler

from gateway.link.client import connect_unix
from gateway.link.frames import (
    Answer,
    AskToken,
    Counters,
    Lease,
    Leased,
    OpenDefault,
    Opened,
    Patch,
    Question,
    Ready,
    Revoke,
    Revoked,
    TokenAnswer,
    Unavailable,
)
from gateway.link.loopback import LoopbackLink, loopback
from gateway.link.port import Connect, EdgeConnection, LinkDown, OnFrame
from gateway.link.server import LinkServer

WORKER = "edge-7"


async def until(condition: Callable[[], object], deadline_s: float = 20.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.002)


class OverUnix:
    """Control's web server on a socket that can be taken away and brought back."""

    def __init__(self, folder: str) -> None:
        self.path = str(Path(folder) / "control.sock")
        self.handler = FakeHandler()
        self.ask_timeout_s = 20.0
        self._runner: web.AppRunner | None = None
        self._server: LinkServer | None = None
        self._links: list[object] = []

    async def begin(self) -> None:
        self._server = LinkServer(self.handler)
        app = web.Application()
        app.router.add_get("/link", self._server.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.UnixSite(self._runner, self.path).start()

    async def connect(self, on_frame: OnFrame):
        link = await connect_unix(self.path, on_frame, worker=WORKER, ask_timeout_s=self.ask_timeout_s)
        self._links.append(link)
        return link

    async def interrupt(self) -> None:
        await self.stop()
        await self.begin()

    async def stop(self) -> None:
        await self._server.close()
        await self._runner.cleanup()

    async def end(self) -> None:
        for link in self._links:
            await link.close()
        await self.stop()


class InOneLoop:
    def __init__(self, folder: str) -> None:
        self.handler = FakeHandler()
        self.ask_timeout_s = 20.0
        self._links: list[LoopbackLink] = []
        self._connect: Connect | None = None

    async def begin(self) -> None:
        return

    async def connect(self, on_frame: OnFrame) -> LoopbackLink:
        if self._connect is None:
            self._connect = loopback(self.handler, worker=WORKER, ask_timeout_s=self.ask_timeout_s)
        link = await self._connect(on_frame)
        self._links.append(link)
        return link

    async def interrupt(self) -> None:
        for link in self._links:
            link.cut()

    async def end(self) -> None:
        for link in self._links:
            await link.close()


@pytest.fixture(params=[OverUnix, InOneLoop], ids=["unix", "loopback"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[OverUnix | InOneLoop]:
    with tempfile.TemporaryDirectory() as folder:
        transport = request.param(folder)
        await transport.begin()
        yield transport
        await transport.end()


async def joined(transport, on_frame: OnFrame = lambda frame: None):
    link = await transport.connect(on_frame)
    await until(lambda: link.connected and transport.handler.received_frames())
    return link


async def test_connecting_greets_and_asks_for_a_snapshot(transport) -> None:
    link = await joined(transport)
    assert link.generation == 1
    assert transport.handler.events[0] == ("joined", transport.handler.edges[0].edge_id)
    assert transport.handler.received_frames() == [Ready(WORKER, 0)]


async def test_frames_keep_their_order_both_ways(transport) -> None:
    taken: list[object] = []
    link = await joined(transport, taken.append)
    edge = transport.handler.edges[0]
    down = [Patch(version) if version % 2 else Revoke(bytes([version])) for version in range(200)]
    up = [Counters({"n": number}) if number % 2 else Revoked(bytes([number])) for number in range(200)]
    assert [edge.send(frame) for frame in down] == [True] * 200
    assert [link.send(frame) for frame in up] == [True] * 200
    await until(lambda: len(taken) == 200 and len(transport.handler.received_frames()) == 201)
    assert taken == down
    assert transport.handler.received_frames()[1:] == up


async def test_a_sent_frame_is_a_value_of_that_moment(transport) -> None:
    link = await joined(transport)
    deltas = {"requests": 1}
    link.send(Counters(deltas))
    deltas.clear()
    await until(lambda: len(transport.handler.received_frames()) == 2)
    assert transport.handler.received_frames()[1] == Counters({"requests": 1})


async def test_questions_are_answered(transport) -> None:
    link = await joined(transport)
    principal = await link.ask_token({"": b"\x01\x02"})
    assert principal is not None
    assert principal.token_id == "0102"
    assert await link.open_default("a" * 32) is True
    assert await link.lease("key", 3) == 3


async def test_an_unknown_token_is_none(transport) -> None:
    async def nobody(edge: EdgeConnection, question: Question) -> Answer:
        return TokenAnswer(question.ask, None)

    transport.handler.answerer = nobody
    link = await joined(transport)
    assert await link.ask_token({"": b"\x00"}) is None


async def test_frames_sent_before_an_answer_are_taken_before_it_resolves(transport) -> None:
    taken: list[object] = []

    async def answerer(edge: EdgeConnection, question: Question) -> Answer:
        for version in range(5):
            edge.send(Patch(version))
        return Opened(question.ask, True)

    transport.handler.answerer = answerer
    link = await joined(transport, taken.append)
    assert await link.open_default("a" * 32)
    assert taken == [Patch(version) for version in range(5)]


async def test_a_slow_answer_does_not_hold_up_the_next(transport) -> None:
    gate = asyncio.Event()

    async def answerer(edge: EdgeConnection, question: Question) -> Answer:
        if isinstance(question, OpenDefault):
            await gate.wait()
            return Opened(question.ask, True)
        return Leased(question.ask, 1)

    transport.handler.answerer = answerer
    link = await joined(transport)
    slow = asyncio.ensure_future(link.open_default("a" * 32))
    assert await link.lease("key", 1) == 1
    assert not slow.done()
    gate.set()
    assert await slow is True


async def test_many_questions_at_once_each_get_their_own_answer(transport) -> None:
    link = await joined(transport)
    digests = [number.to_bytes(2, "big") for number in range(500)]
    principals = await asyncio.gather(*(link.ask_token({"": digest}) for digest in digests))
    assert [principal.token_id for principal in principals] == [digest.hex() for digest in digests]


async def unavailable(edge: EdgeConnection, question: Question) -> Answer:
    return Unavailable(question.ask)


async def broken(edge: EdgeConnection, question: Question) -> Answer:
    raise RuntimeError("a defect of control")


@pytest.mark.parametrize("answerer", [unavailable, broken])
async def test_unavailable_is_link_down(transport, answerer: Callable[..., Awaitable[Answer]]) -> None:
    transport.handler.answerer = answerer
    link = await joined(transport)
    for ask in (link.ask_token({"": b"\x00"}), link.open_default("a"), link.lease("k", 1)):
        with pytest.raises(LinkDown):
            await ask
    assert link.connected


async def test_a_cut_fails_open_questions_at_once_and_the_next_connection_is_a_new_generation(transport) -> None:
    async def never(edge: EdgeConnection, question: Question) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    transport.handler.answerer = never
    link = await joined(transport)
    asking = [asyncio.ensure_future(link.ask_token({"": bytes([number])})) for number in range(3)]
    await until(lambda: sum(kind == "asked" for kind, _ in transport.handler.events) == 3)
    await transport.interrupt()
    for result in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(result, LinkDown)
    await until(lambda: link.connected and link.generation == 2)
    await until(lambda: transport.handler.received_frames() == [Ready(WORKER, 0)] * 2)
    kinds = [kind for kind, _ in transport.handler.events if kind in ("joined", "left")]
    assert kinds == ["joined", "left", "joined"]


async def test_nothing_is_sent_or_asked_while_cut(transport) -> None:
    link = await transport.connect(lambda frame: None)
    assert not link.connected
    assert link.send(Counters({"n": 1})) is False
    with pytest.raises(LinkDown):
        await link.ask_token({"": b"\x00"})


async def test_an_answer_that_does_not_come_is_link_down(transport) -> None:
    gate = asyncio.Event()

    async def late(edge: EdgeConnection, question: Question) -> Answer:
        await gate.wait()
        return Leased(question.ask, 1)

    transport.handler.answerer = late
    transport.ask_timeout_s = 0.05
    link = await joined(transport)
    with pytest.raises(LinkDown):
        await link.lease("key", 1)
    gate.set()
    link.send(Counters({"after": 1}))
    await until(lambda: Counters({"after": 1}) in transport.handler.received_frames())
    assert link.connected


async def test_a_cancelled_question_leaves_the_others_alone(transport) -> None:
    gate = asyncio.Event()

    async def gated(edge: EdgeConnection, question: Question) -> Answer:
        await gate.wait()
        return Leased(question.ask, question.count) if isinstance(question, Lease) else Unavailable(question.ask)

    transport.handler.answerer = gated
    link = await joined(transport)
    first, second = (asyncio.ensure_future(link.lease("key", count)) for count in (1, 2))
    await until(lambda: sum(kind == "asked" for kind, _ in transport.handler.events) == 2)
    first.cancel()
    gate.set()
    assert await second == 2
    assert first.cancelled() or await asyncio.wait([first])


async def test_an_edge_that_fails_to_take_a_frame_starts_again(transport) -> None:
    taken: list[object] = []

    def on_frame(frame: object) -> None:
        taken.append(frame)
        if len(taken) == 1:
            raise ValueError("a defect of the edge")

    link = await joined(transport, on_frame)
    transport.handler.edges[0].send(Patch(1))
    await until(lambda: link.generation == 2 and link.connected)
    await until(lambda: len(transport.handler.edges) == 1)
    transport.handler.edges[0].send(Patch(2))
    await until(lambda: len(taken) == 2)
    assert taken == [Patch(1), Patch(2)]


async def test_closing_delivers_what_was_sent_and_control_sees_the_edge_leave(transport) -> None:
    link = await joined(transport)
    edge = transport.handler.edges[0]
    link.send(Counters({"last": 1}))
    await link.close()
    await until(lambda: ("left", edge.edge_id) in transport.handler.events)
    assert transport.handler.received_frames()[-1] == Counters({"last": 1})
    assert edge.send(Patch(1)) is False
    assert not link.connected
    with pytest.raises(LinkDown):
        await link.ask_token({"": b"\x00"})


async def test_each_edge_has_its_own_name(transport) -> None:
    for count in (1, 2, 3):
        await transport.connect(lambda frame: None)
        await until(lambda count=count: len(transport.handler.edges) == count)
    assert len({edge.edge_id for edge in transport.handler.edges}) == 3


async def test_more_questions_than_control_takes_at_once_are_all_answered_in_turn(transport) -> None:
    running = peak = 0

    async def counted(edge: EdgeConnection, question: Question) -> Answer:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        assert isinstance(question, AskToken)
        return TokenAnswer(question.ask, None)

    transport.handler.answerer = counted
    link = await joined(transport)
    answers = await asyncio.gather(*(link.ask_token({"": number.to_bytes(2, "big")}) for number in range(300)))
    assert answers == [None] * 300
    assert 1 < peak <= 64
