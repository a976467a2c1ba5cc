"""Questions and answers on the link, for either transport: `Asking` numbers and matches them, `Answering` has them answered.

Questions about tokens wait in line by where they come from, and the lines take turns: a flood of invented tokens keeps its own
source waiting and nobody else.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from gateway.kit.aio import spawn
from gateway.link.frames import (
    Answer,
    AskToken,
    Lease,
    Leased,
    OpenDefault,
    Opened,
    Question,
    TokenAnswer,
    Unavailable,
    UpFrame,
)
from gateway.link.port import EdgeConnection, LinkBusy, LinkDown, LinkHandler
from gateway.link.turns import Turns
from gateway.model.tokens import Principal

PENDING_LIMIT: Final = 4096
"""Questions one edge may have open; beyond it asking fails at once instead of filling memory."""
SOURCE_LIMIT: Final = 1024
"""Of them, about tokens from one source."""
UNDER_WAY: Final = 64
"""Questions about tokens that are with control; the others wait here, where they can take turns."""
CONCURRENT_ANSWERS: Final = 64
"""Questions of one edge that control works on at the same time; the others wait in order."""

_log = logging.getLogger("gateway.link")
A = TypeVar("A")


class Asking:
    """The edge's end of the questions: base of both transports, which supply `send`."""

    connected: bool
    generation: int

    def __init__(self, ask_timeout_s: float) -> None:
        self.connected = False
        self.generation = 0
        self._ask_timeout_s = ask_timeout_s
        self._number = 0
        self._pending: dict[int, asyncio.Future[Answer | None]] = {}
        self._turns = Turns(UNDER_WAY, SOURCE_LIMIT)

    def send(self, frame: UpFrame) -> bool:
        raise NotImplementedError

    async def ask_token(self, digests: Mapping[str, bytes], source: str = "") -> Principal | None:
        until = asyncio.get_running_loop().time() + self._ask_timeout_s
        try:
            async with asyncio.timeout_at(until):
                await self._turns.take(source)
        except TimeoutError:
            raise LinkBusy("too many questions wait") from None
        try:
            answer = await self._ask(lambda number: AskToken(number, digests), until)
        finally:
            self._turns.give()
        return _expect(answer, TokenAnswer).principal

    async def open_default(self, account_id: str) -> bool:
        answer = await self._ask(lambda number: OpenDefault(number, account_id))
        return _expect(answer, Opened).opened

    async def lease(self, key: str, count: int) -> int:
        answer = await self._ask(lambda number: Lease(number, key, count))
        return _expect(answer, Leased).granted

    async def _ask(self, question: Callable[[int], Question], until: float | None = None) -> Answer:
        if len(self._pending) >= PENDING_LIMIT:
            raise LinkBusy("too many questions are open")
        self._number += 1
        number = self._number
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._pending[number] = waiting
        try:
            if not self.send(question(number)):
                raise LinkDown("the link is cut")
            async with asyncio.timeout_at(loop.time() + self._ask_timeout_s if until is None else until):
                answer: Answer | None = await waiting
        except TimeoutError:
            raise LinkDown("control did not answer in time") from None
        finally:
            del self._pending[number]
        if answer is None:
            raise LinkDown("the link was cut")
        return answer

    def _answered(self, answer: Answer) -> None:
        waiting = self._pending.get(answer.ask)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail_pending(self) -> None:
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_result(None)


def _expect(answer: Answer, kind: type[A]) -> A:
    if not isinstance(answer, kind):
        raise LinkDown("control cannot answer now")
    return answer


class Answering:
    """Control's end of one edge: hands its frames to the handler and sends the answers back, a bounded number at a time."""

    def __init__(self, edge: EdgeConnection, handler: LinkHandler) -> None:
        self._edge = edge
        self._handler = handler
        self._waiting: deque[Question] = deque()
        self._running: set[asyncio.Task[None]] = set()

    def take(self, frame: UpFrame) -> None:
        """One frame from the edge, in order. Questions overtake nothing: they are only answered later."""
        if not isinstance(frame, Question):
            self._received(frame)
        elif len(self._running) < CONCURRENT_ANSWERS:
            self._start(frame)
        elif len(self._waiting) < PENDING_LIMIT:
            self._waiting.append(frame)
        else:
            self._edge.send(Unavailable(frame.ask))

    def close(self) -> None:
        """The edge is gone: nobody waits for these answers."""
        self._waiting.clear()
        for task in self._running:
            task.cancel()

    def _received(self, frame: UpFrame) -> None:
        try:
            self._handler.received(self._edge, frame)
        except Exception:
            _log.exception("a %s frame could not be taken", type(frame).__name__)

    def _start(self, question: Question) -> None:
        task = spawn(self._answer(question), "link-answer")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting:
            self._start(self._waiting.popleft())

    async def _answer(self, question: Question) -> None:
        try:
            answer = await self._handler.answer(self._edge, question)
        except Exception:
            _log.exception("a %s question could not be answered", type(question).__name__)
            answer = Unavailable(question.ask)
        self._edge.send(answer)
