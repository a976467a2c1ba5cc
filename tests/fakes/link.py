"""Stand-ins for the ends of the link: `FakeLink` for the edge's tests, `FakeEdgeConnection` and `FakeHandler` for control's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gateway.link.frames import (
    Answer,
    AskToken,
    DownFrame,
    Lease,
    Leased,
    OpenDefault,
    Opened,
    Question,
    TokenAnswer,
    UpFrame,
)
from gateway.link.port import EdgeConnection, LinkBusy, LinkDown, OnFrame
from gateway.model.tokens import Principal


class FakeLink:
    """An edge's link without a control: answers come from dictionaries, sent frames are kept in `sent`.

    Use it as `Connect`: `link = FakeLink(); await link.connect(on_frame)`; `link.deliver(frame)` is control speaking.
    """

    def __init__(self) -> None:
        self.connected = True
        self.generation = 1
        self.sent: list[UpFrame] = []
        self.principals: dict[bytes, Principal] = {}
        self.accounts: set[str] = set()
        self.leases: dict[str, int] = {}
        self.asked: list[object] = []
        self.on_frame: OnFrame | None = None
        self.on_open_default: Callable[[str], None] | None = None
        """Called before open_default answers: deliver the gateway's Patch here."""
        self.gate: asyncio.Event | None = None
        """Answers wait until it is set."""
        self.failing = self.busy = False
        """Questions fail as if control did not answer in time, or as if too many were open."""
        self.sources: list[str] = []
        """Who asked about tokens."""
        self.closed = False

    async def connect(self, on_frame: OnFrame) -> "FakeLink":
        self.on_frame = on_frame
        return self

    def deliver(self, *frames: DownFrame) -> None:
        assert self.on_frame is not None, "nobody connected"
        for frame in frames:
            self.on_frame(frame)

    def cut(self) -> None:
        self.connected = False

    def rejoin(self) -> None:
        self.connected = True
        self.generation += 1

    def send(self, frame: UpFrame) -> bool:
        if self.connected:
            self.sent.append(frame)
        return self.connected

    async def ask_token(self, digests: Mapping[str, bytes], source: str = "") -> Principal | None:
        self.sources.append(source)
        await self._asked(next(iter(digests.values())))
        return next((self.principals[each] for each in digests.values() if each in self.principals), None)

    async def open_default(self, account_id: str) -> bool:
        await self._asked(account_id)
        if account_id in self.accounts and self.on_open_default is not None:
            self.on_open_default(account_id)
        return account_id in self.accounts

    async def lease(self, key: str, count: int) -> int:
        await self._asked((key, count))
        granted = min(count, self.leases.get(key, 0))
        self.leases[key] = self.leases.get(key, 0) - granted
        return granted

    async def close(self) -> None:
        self.closed = True
        self.connected = False

    async def _asked(self, what: object) -> None:
        self.asked.append(what)
        if self.gate is not None:
            await self.gate.wait()
        if not self.connected:
            raise LinkDown("cut by the test")
        if self.busy:
            raise LinkBusy("busy by the test")
        if self.failing:
            raise LinkDown("failing by the test")


class FakeEdgeConnection:
    """Control's end of an edge that only keeps what it is sent."""

    def __init__(self, edge_id: str = "edge-1") -> None:
        self.edge_id = edge_id
        self.sent: list[DownFrame] = []
        self.gone = False

    def send(self, frame: DownFrame) -> bool:
        if not self.gone:
            self.sent.append(frame)
        return not self.gone


Answerer = Callable[[EdgeConnection, Question], Awaitable[Answer]]


class FakeHandler:
    """A control that notes what happens on the link; `answerer` may be replaced, the default grants everything."""

    def __init__(self) -> None:
        self.edges: list[EdgeConnection] = []
        self.events: list[tuple[str, object]] = []
        self.answerer: Answerer = grant

    def joined(self, edge: EdgeConnection) -> None:
        self.edges.append(edge)
        self.events.append(("joined", edge.edge_id))

    def left(self, edge: EdgeConnection) -> None:
        self.edges.remove(edge)
        self.events.append(("left", edge.edge_id))

    def received(self, edge: EdgeConnection, frame: UpFrame) -> None:
        self.events.append(("received", frame))

    async def answer(self, edge: EdgeConnection, question: Question) -> Answer:
        self.events.append(("asked", question))
        return await self.answerer(edge, question)

    def received_frames(self) -> list[object]:
        return [what for kind, what in self.events if kind == "received"]


async def grant(edge: EdgeConnection, question: Question) -> Answer:
    match question:
        case AskToken(ask=ask, digests=digests):
            return TokenAnswer(ask, Principal(token_id=next(iter(digests.values())).hex()))
        case OpenDefault(ask=ask):
            return Opened(ask, True)
        case Lease(ask=ask, count=count):
            return Leased(ask, count)
