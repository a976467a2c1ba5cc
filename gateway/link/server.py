"""Control's end of the link: a web handler that takes one WebSocket for each edge."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.link.frames import PROTOCOL_VERSION, UP_MESSAGE_BYTES, BadFrame, DownFrame, Hello, UpFrame, decode, encode
from gateway.link.outbox import Outbox
from gateway.link.port import LinkHandler
from gateway.link.questions import Answering

_HEARTBEAT_S: Final = 10.0
_OUTBOX_BYTES: Final = 64 * 1024 * 1024
"""Beyond this an edge does not take its frames: it is dropped, and gets a snapshot when it comes back."""

_log = logging.getLogger("gateway.link")


def link_handler(handler: LinkHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The web handler for `/link`."""
    return LinkServer(handler).handle


class LinkServer:
    """Takes the edges' connections; `close` ends them all (the edges come back by themselves)."""

    def __init__(self, handler: LinkHandler, *, outbox_bytes: int = _OUTBOX_BYTES) -> None:
        self._handler = handler
        self._outbox_bytes = outbox_bytes
        self._numbers = itertools.count(1)
        self._open: set[web.WebSocketResponse] = set()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(
            timeout=1.0, heartbeat=_HEARTBEAT_S, compress=False, max_msg_size=UP_MESSAGE_BYTES, decode_text=False
        )
        await ws.prepare(request)
        edge = _Edge(f"edge-{next(self._numbers)}", request.transport, Outbox(self._outbox_bytes))
        writer = spawn(edge.outbox.drain(lambda message: ws.send_frame(message, WSMsgType.TEXT)), "link-writer")
        self._open.add(ws)
        try:
            edge.send(Hello(PROTOCOL_VERSION, edge.edge_id))
            await self._attend(ws, edge)
        finally:
            self._open.discard(ws)
            edge.gone = True
            await cancel_and_wait(writer)
        return ws

    async def _attend(self, ws: web.WebSocketResponse, edge: "_Edge") -> None:
        self._handler.joined(edge)
        answering = Answering(edge, self._handler)
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    raise BadFrame("not a text message")
                frame = decode(message.data)
                if not isinstance(frame, UpFrame):
                    raise BadFrame("a frame of the other direction")
                answering.take(frame)
        except BadFrame as error:
            _log.warning("%s is dropped: %s", edge.edge_id, error)
            await ws.close(code=WSCloseCode.PROTOCOL_ERROR)
        finally:
            edge.gone = True
            answering.close()
            self._handler.left(edge)

    async def close(self) -> None:
        """End every connection; call it before the web server is cleaned up, which would wait for them."""
        await asyncio.gather(*(ws.close(code=WSCloseCode.GOING_AWAY) for ws in list(self._open)))


class _Edge:
    """One connected edge, as control sees it."""

    def __init__(self, edge_id: str, transport: asyncio.BaseTransport | None, outbox: Outbox) -> None:
        self.edge_id = edge_id
        self.outbox = outbox
        self.gone = False
        self._transport = transport

    def send(self, frame: DownFrame) -> bool:
        if self.gone:
            return False
        if not self.outbox.put(encode(frame)):
            _log.warning("%s is dropped: it does not take its frames", self.edge_id)
            self.gone = True
            if isinstance(self._transport, asyncio.Transport):
                self._transport.abort()
            return False
        return True
