"""What each end of the link may ask of the other. The edge and control know these, not the transport between them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from gateway.link.frames import Answer, DownFrame, Question, UpFrame
from gateway.model.tokens import Principal


class LinkDown(Exception):
    """Control cannot be asked now: the link is cut, the answer did not come in time, or the store is gone."""


class LinkBusy(LinkDown):
    """Too many questions wait: that says nothing of control."""


class EdgeLink(Protocol):
    """The edge's end. Frames from control go to the callback `on_frame`, in the order they were sent.

    Before a TokenAnswer, Opened or Leased resolves a question, every frame sent earlier has been given to `on_frame`.
    """

    connected: bool
    generation: int
    """Grows with each connection: what was cached under an older one may have missed a Revoke."""

    def send(self, frame: UpFrame) -> bool:
        """Hand a frame over without waiting; False when the link is down (the frame is not kept). Raises Unsendable."""

    async def ask_token(self, digests: Mapping[str, bytes], source: str = "") -> Principal | None:
        """Who holds the token with one of these digests (AskToken); None if unknown. Sources that ask take turns. Raises
        LinkDown."""

    async def open_default(self, account_id: str) -> bool:
        """Have the account's default gateway created; False for an unknown account. Raises LinkDown."""

    async def lease(self, key: str, count: int) -> int:
        """How many of `count` units were granted. Raises LinkDown."""


OnFrame = Callable[[DownFrame], None]


class EdgeConnection(Protocol):
    """Control's end of one edge's link."""

    edge_id: str

    def send(self, frame: DownFrame) -> bool:
        """Hand a frame over without waiting, in order; False when this edge is gone."""


class LinkHandler(Protocol):
    """What control does with the edges: the server and the loopback call these."""

    def joined(self, edge: EdgeConnection) -> None:
        """An edge connected; called before any of its frames. Hello was sent."""

    def left(self, edge: EdgeConnection) -> None: ...

    def received(self, edge: EdgeConnection, frame: UpFrame) -> None:
        """A frame that wants no answer: Ready, Revoked, Records, Counters, Unauthenticated."""

    async def answer(self, edge: EdgeConnection, question: Question) -> Answer:
        """Answer a question; never raises, an unreachable store is Unavailable."""


Connect = Callable[[OnFrame], Awaitable[EdgeLink]]
