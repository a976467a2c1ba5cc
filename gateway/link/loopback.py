"""Both ends of the link in one loop, with the semantics of the real one: same frames, same order, delivered later."""

import asyncio
import itertools
import logging
from typing import Final

from gateway.link.frames import PROTOCOL_VERSION, Answer, DownFrame, Hello, Ready, UpFrame, decode, encode, encode_up
from gateway.link.port import Connect, LinkHandler, OnFrame
from gateway.link.questions import Answering, Asking

_REJOIN_S: Final = 0.05

_log = logging.getLogger("gateway.link")


def loopback(handler: LinkHandler, *, worker: str = "edge-0", ask_timeout_s: float = 5.0) -> Connect:
    """Connects an edge to a control that lives in the same loop."""
    numbers = itertools.count(1)

    async def connect(on_frame: OnFrame) -> LoopbackLink:
        link = LoopbackLink(handler, on_frame, worker=worker, ask_timeout_s=ask_timeout_s, numbers=numbers)
        link.start()
        return link

    return connect


class LoopbackLink(Asking):
    def __init__(
        self, handler: LinkHandler, on_frame: OnFrame, *, worker: str, ask_timeout_s: float, numbers: "itertools.count[int]"
    ) -> None:
        super().__init__(ask_timeout_s)
        self._handler = handler
        self._on_frame = on_frame
        self._worker = worker
        self._numbers = numbers
        self._loop = asyncio.get_running_loop()
        self._edge: _Edge | None = None
        self._closed = False

    def start(self) -> None:
        self._loop.call_soon(self._join)

    def send(self, frame: UpFrame) -> bool:
        edge = self._edge
        if edge is None or not self.connected:
            return False
        self._loop.call_soon(edge.take, encode_up(frame))
        return True

    async def close(self) -> None:
        """Leave once what was sent before has arrived."""
        self._closed = True
        arrived = self._loop.create_future()
        self._loop.call_soon(arrived.set_result, None)
        await arrived
        self.cut()

    def cut(self) -> None:
        """Lose the connection, as a control that dies does; it is made again shortly after unless the link was closed."""
        edge, self._edge = self._edge, None
        self.connected = False
        self._fail_pending()
        if edge is not None:
            edge.leave()
        if not self._closed:
            self._loop.call_later(_REJOIN_S, self._join)

    def _join(self) -> None:
        if self._closed or self._edge is not None:
            return
        edge = _Edge(f"edge-{next(self._numbers)}", self, self._handler)
        self._edge = edge
        edge.send(Hello(PROTOCOL_VERSION, edge.edge_id))
        self._handler.joined(edge)

    def receive(self, edge: "_Edge", message: bytes) -> None:
        """One message from control; those of a connection that was cut are lost."""
        if edge is not self._edge:
            return
        frame = decode(message)
        if isinstance(frame, Hello):
            self.generation += 1
            self.connected = True
            self.send(Ready(self._worker, 0))
        elif isinstance(frame, Answer):
            self._answered(frame)
        elif isinstance(frame, DownFrame):
            self._give(frame)

    def _give(self, frame: DownFrame) -> None:
        try:
            self._on_frame(frame)
        except Exception:
            _log.exception("a %s frame could not be taken", type(frame).__name__)
            self.cut()


class _Edge:
    """The edge, as control sees it."""

    def __init__(self, edge_id: str, link: LoopbackLink, handler: LinkHandler) -> None:
        self.edge_id = edge_id
        self.gone = False
        self._link = link
        self._handler = handler
        self._answering = Answering(self, handler)
        self._loop = asyncio.get_running_loop()

    def send(self, frame: DownFrame) -> bool:
        if self.gone:
            return False
        self._loop.call_soon(self._link.receive, self, encode(frame))
        return True

    def take(self, message: bytes) -> None:
        if self.gone:
            return
        frame = decode(message)
        if isinstance(frame, UpFrame):
            self._answering.take(frame)

    def leave(self) -> None:
        self.gone = True
        self._answering.close()
        self._handler.left(self)
