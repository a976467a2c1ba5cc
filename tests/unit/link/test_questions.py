import asyncio

import pytest
from fakes.link import FakeEdgeConnection, FakeHandler

from gateway.link.frames import Answer, Counters, Lease, Leased, Question, Unavailable, UpFrame
from gateway.link.port import EdgeConnection, LinkDown
from gateway.link.questions import CONCURRENT_ANSWERS, PENDING_LIMIT, Answering, Asking


class Recorder(Asking):
    def __init__(self, ask_timeout_s: float = 20.0) -> None:
        super().__init__(ask_timeout_s)
        self.connected = True
        self.sent: list[UpFrame] = []

    def send(self, frame: UpFrame) -> bool:
        self.sent.append(frame)
        return self.connected


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_answers_find_their_question_whatever_their_order() -> None:
    link = Recorder()
    first, second = (asyncio.ensure_future(link.lease("k", count)) for count in (1, 2))
    await settle()
    link._answered(Leased(2, 20))
    link._answered(Leased(1, 10))
    link._answered(Leased(99, 0))
    assert (await first, await second) == (10, 20)


async def test_an_answer_of_another_kind_is_link_down() -> None:
    link = Recorder()
    asking = asyncio.ensure_future(link.ask_token({"": b"\x00"}))
    await settle()
    link._answered(Leased(1, 10))
    with pytest.raises(LinkDown):
        await asking


async def test_open_questions_are_bounded() -> None:
    link = Recorder()
    asking = [asyncio.ensure_future(link.lease("k", 1)) for _ in range(PENDING_LIMIT)]
    await settle()
    with pytest.raises(LinkDown):
        await link.lease("k", 1)
    link._fail_pending()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(result, LinkDown) for result in results)
    assert link._pending == {}


async def test_control_answers_a_bounded_number_at_once_and_refuses_beyond_its_queue() -> None:
    gate = asyncio.Event()

    async def gated(edge: EdgeConnection, question: Question) -> Answer:
        await gate.wait()
        return Leased(question.ask, 1)

    edge, handler = FakeEdgeConnection(), FakeHandler()
    handler.answerer = gated
    answering = Answering(edge, handler)
    total = CONCURRENT_ANSWERS + PENDING_LIMIT
    for ask in range(total + 1):
        answering.take(Lease(ask, "k", 1))
    await settle()
    assert sum(kind == "asked" for kind, _ in handler.events) == CONCURRENT_ANSWERS
    assert edge.sent == [Unavailable(total)]
    gate.set()
    while len(edge.sent) < total + 1:
        await asyncio.sleep(0)
    assert {answer.ask for answer in edge.sent[1:]} == set(range(total))


async def test_a_handler_that_fails_on_a_frame_does_not_end_the_link(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(FakeHandler):
        def received(self, edge: EdgeConnection, frame: UpFrame) -> None:
            raise ValueError("a defect")

    edge = FakeEdgeConnection()
    answering = Answering(edge, Failing())
    answering.take(Counters({"n": 1}))
    answering.take(Lease(1, "k", 4))
    await settle()
    assert edge.sent == [Leased(1, 4)]
    assert "Counters" in caplog.text


async def test_closing_stops_the_work_for_an_edge_that_left() -> None:
    gate = asyncio.Event()
    ended: list[str] = []

    async def gated(edge: EdgeConnection, question: Question) -> Answer:
        try:
            await gate.wait()
        finally:
            ended.append("ended")
        return Leased(question.ask, 1)

    edge, handler = FakeEdgeConnection(), FakeHandler()
    handler.answerer = gated
    answering = Answering(edge, handler)
    for ask in range(CONCURRENT_ANSWERS + 5):
        answering.take(Lease(ask, "k", 1))
    await settle()
    answering.close()
    await settle()
    assert ended == ["ended"] * CONCURRENT_ANSWERS
    assert edge.sent == []
