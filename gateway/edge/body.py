"""The request body: what is here already, and what still arrives. Short ones are held whole, long ones stream."""

import asyncio
import re
from typing import TYPE_CHECKING, Final

from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError

from gateway.edge.coded import CodedReader
from gateway.edge.head_memory import WholeBody
from gateway.edge.request import Request
from gateway.edge.taps.ends import Ends
from gateway.edge.taps.sample import Sample
from gateway.model.faults import BAD_BODY, BODY_TIMEOUT, BODY_TOO_LARGE, MALFORMED, UNKNOWN_CODING, Refusal
from gateway.model.service import Limits, Timeouts
from gateway.protocol.headers import RequestHead
from gateway.protocol.inflate import decoding, unknown_coding
from gateway.protocol.jsonrepeat import RepeatFinder, may_hold_model
from gateway.protocol.jsonspan import SpanState

if TYPE_CHECKING:
    from gateway.edge.downstream import Downstream

_CODING_NAME: Final = re.compile(rb"[a-z0-9_.+*-]{1,16}\Z")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """`held` goes out with the head; `whole` says that nothing comes after it, so it can be sent again."""

    __slots__ = (
        "_limits", "_reader", "_timeouts", "_waited_s", "arrived", "decoded", "ended", "ends", "held", "holder", "kept",
        "length", "received_bytes", "repeats", "sample", "whole",
    )  # fmt: skip

    def __init__(
        self, reader: StreamReader | WholeBody | CodedReader, length: int | None, limits: Limits, timeouts: Timeouts
    ) -> None:
        self._reader = reader
        self._limits = limits
        self._timeouts = timeouts
        self._waited_s = 0.0
        """For the client alone: a provider that takes the body slowly is not its fault."""
        self.held = b""
        self.length = length
        """Bytes in all, as the client announced them; None: chunked."""
        self.received_bytes = 0
        self.repeats: RepeatFinder | None = None
        """Looks for a second model in what still arrives."""
        self.ends: Ends | None = None
        """Is shown what still arrives."""
        self.sample: Sample | None = None
        """Likewise."""
        self.holder: Downstream | None = None
        """Is told what was read, as long as it is kept and not sent on."""
        self.whole = False
        self.ended = False
        """Its last piece was read."""
        self.kept: list[bytes] | None = None
        """Pieces that were sent, in case they must be sent again; None where they are not kept."""
        self.arrived = False
        """It was all there with the head: nobody waited for the client."""
        self.decoded = False
        """It is read, and sent, without the Content-Encoding it came in."""

    async def next_piece(self) -> bytes:
        """What arrived; empty at the end. Raises Refusal for a body that is too long, too slow or badly framed."""
        try:
            piece = await self._reader.readany() if self._reader.is_eof() else await self._awaited()
        except TimeoutError:
            raise Refusal(BODY_TIMEOUT) from None
        except RequestPayloadError:
            raise Refusal(MALFORMED) from None
        self.received_bytes += len(piece)
        if self.received_bytes > self._limits.body_bytes:
            raise Refusal(BODY_TOO_LARGE)
        if self.holder is not None:
            self.holder.keep(self.received_bytes)
        if self.sample is not None:
            self.sample.feed(piece)
        if self.ends is not None:
            self.ends.feed(piece)
        if self.repeats is not None:
            _look(self.repeats, piece)
        if not piece:
            self.ended = True
        elif self.kept is not None:
            self.kept.append(piece)
        return piece

    async def _awaited(self) -> bytes:
        """What comes next, in time and not drop by drop: neither pauses nor the average rate may hold us for ever."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(self._timeouts.client_body_s):
            piece = await self._reader.readany()
        self._waited_s += loop.time() - began
        received = self.received_bytes + len(piece)
        if self._waited_s > self._timeouts.client_body_slow_s and received < self._waited_s * self._limits.body_rate_bytes:
            raise TimeoutError
        return piece

    def watch(self, following: bytes) -> None:
        """Refuse a body whose model was found and comes again, here or later: providers differ on which one counts."""
        if self.whole and not may_hold_model(following):
            return
        repeats = RepeatFinder("model")
        _look(repeats, following)
        if not self.whole:
            self.repeats = repeats

    async def hold(self) -> None:
        """Wait for all of it."""
        pieces = [self.held]
        while piece := await self.next_piece():
            pieces.append(piece)
        self.held = b"".join(pieces)
        self.whole = True

    async def settle(self) -> None:
        """Wait for all that was coded: only then its length is known."""
        if not self.whole and isinstance(self._reader, CodedReader):
            await self.hold()
        if self.whole:
            self.length = len(self.held)

    def rewind(self) -> None:
        """Hold again what was kept: it has to be sent once more."""
        assert self.kept is not None
        self.held = b"".join((self.held, *self.kept))
        self.kept = []
        self.whole = self.ended

    def put(self, whole: bytes) -> None:
        """Another body in the place of one that came whole."""
        self.held = whole
        self.length = len(whole)

    def replace(self, held: bytes) -> None:
        """Other bytes in the place of those held; the announced length moves with them."""
        if self.length is not None:
            self.length += len(held) - len(self.held)
        self.held = held


async def open_body(request: Request, head: RequestHead, limits: Limits, timeouts: Timeouts) -> Body:
    """The body of an admitted request. Only now does a client that asked first hear `100 Continue`."""
    length = 0 if request.length is None and not head.chunked else request.length
    if length is not None and length > limits.body_bytes:
        raise Refusal(BODY_TOO_LARGE)
    reader = request.body
    if reader.is_eof():
        return arrived_body(request, limits, timeouts)
    body = Body(reader, length, limits, timeouts)
    body.holder = request.downstream
    if head.expects_continue:
        request.downstream.write(_CONTINUE)
    if length is not None and length <= limits.replay_bytes:
        await body.hold()
    return body


async def open_decoded(request: Request, head: RequestHead, limits: Limits, timeouts: Timeouts) -> Body:
    """What was coded, of a body with a Content-Encoding; no more of it than could be held. Raises Refusal."""
    unknown = unknown_coding(head.coding)
    if unknown is not None:
        raise Refusal(UNKNOWN_CODING, _unknown(unknown))
    coded = await open_body(request, head, limits, timeouts)
    coded.decoded = True
    undone = decoding(head.coding, min(limits.peek_bytes, limits.body_bytes))
    if undone is None:  # `identity`
        return coded
    body = Body(CodedReader(coded.held, coded.next_piece, undone), None, limits, timeouts)
    body.holder, coded.holder = coded.holder, None
    body.arrived, body.decoded = coded.arrived, True
    return body


def _unknown(coding: bytes) -> str | None:
    """Names it, unless it may be anything: no registered name is longer, and a secret is."""
    if not coding:
        return "The request body is in too many content codings"
    shown = _CODING_NAME.match(coding)
    return None if shown is None else f"{UNKNOWN_CODING.message}: {coding.decode()}"


def arrived_body(request: Request, limits: Limits, timeouts: Timeouts) -> Body:
    """The body of a request of which nothing is to come."""
    held = request.body.read_nowait()
    body = Body(request.body, len(held), limits, timeouts)
    body.held = held
    body.received_bytes = len(held)
    body.whole = body.arrived = True
    if len(held) > limits.body_bytes:
        raise Refusal(BODY_TOO_LARGE)
    return body


def _look(repeats: RepeatFinder, piece: bytes) -> None:
    if piece and repeats.feed(piece) is SpanState.NOT_OBJECT:
        raise Refusal(BAD_BODY, "The request body names its model more than once" if repeats.repeated else None)
