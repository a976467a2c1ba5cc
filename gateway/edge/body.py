"""The request body: what is here already, and what still arrives. Short ones are held whole, long ones stream."""

import asyncio

from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from gateway.edge.downstream import Request
from gateway.edge.repeat import ArrivedBody
from gateway.edge.taps.sample import Sample
from gateway.model.faults import BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED, Refusal
from gateway.model.service import Limits
from gateway.protocol.headers import RequestHead

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """`held` goes out with the head; `whole` says that nothing comes after it, so it can be sent again."""

    __slots__ = ("_limit_bytes", "_reader", "_timeout_s", "arrived", "held", "length", "received_bytes", "sample", "whole")

    def __init__(self, reader: StreamReader | ArrivedBody, length: int | None, limit_bytes: int, timeout_s: float) -> None:
        self._reader = reader
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self.held = b""
        self.length = length
        """Bytes in all, as the client announced them; None: chunked."""
        self.received_bytes = 0
        self.sample: Sample | None = None
        """Is shown what still arrives."""
        self.whole = False
        self.arrived = False
        """It was all there with the head: nobody waited for the client."""

    async def next_piece(self) -> bytes:
        """What arrived; empty at the end. Raises Refusal for a body that is too long, too slow or badly framed."""
        try:
            if self._reader.is_eof() or self._timeout_s <= 0:
                piece = await self._reader.readany()
            else:
                async with asyncio.timeout(self._timeout_s):
                    piece = await self._reader.readany()
        except TimeoutError:
            raise Refusal(BODY_TIMEOUT) from None
        except RequestPayloadError:
            raise Refusal(MALFORMED) from None
        self.received_bytes += len(piece)
        if self.received_bytes > self._limit_bytes:
            raise Refusal(BODY_TOO_LARGE)
        if self.sample is not None:
            self.sample.feed(piece)
        return piece

    async def hold(self) -> None:
        """Wait for all of it."""
        pieces = [self.held]
        while piece := await self.next_piece():
            pieces.append(piece)
        self.held = b"".join(pieces)
        self.whole = True

    def replace(self, held: bytes) -> None:
        """Other bytes in the place of those held; the announced length moves with them."""
        if self.length is not None:
            self.length += len(held) - len(self.held)
        self.held = held


async def open_body(request: Request, head: RequestHead, limits: Limits, timeout_s: float) -> Body:
    """The body of an admitted request. Only now does a client that asked first hear `100 Continue`."""
    length = 0 if head.content_length is None and not head.chunked else head.content_length
    if length is not None and length > limits.body_bytes:
        raise Refusal(BODY_TOO_LARGE)
    reader = request.body
    body = Body(reader, length, limits.body_bytes, timeout_s)
    if reader.is_eof():
        return arrived_body(request, limits)
    if head.expects_continue:
        request.downstream.write(_CONTINUE)
    if length is not None and length <= limits.replay_bytes:
        await body.hold()
    return body


def arrived_body(request: Request, limits: Limits) -> Body:
    """The body of a request of which nothing is to come."""
    held = request.body.read_nowait()
    body = Body(request.body, len(held), limits.body_bytes, 0.0)
    body.held = held
    body.received_bytes = len(held)
    body.whole = body.arrived = True
    if len(held) > limits.body_bytes:
        raise Refusal(BODY_TOO_LARGE)
    return body
