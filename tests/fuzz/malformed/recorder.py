"""An upstream that reads strictly and remembers: every request the edge sends must be one that cannot be misread."""

import asyncio
import logging
from collections.abc import Callable
from typing import Self

import pytest
from strict_reader import Doubt, Request, Wanting, read_request

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfine"

_HOP = {b"expect", b"upgrade", b"connection", b"keep-alive", b"te", b"trailer", b"proxy-connection", b"http2-settings"}
_OURS = (b"cf-", b"x-forwarded-")


class Recorder:
    """`whole`: requests that came to their end; `partial`: heads whose bodies did not; `malformed`: bytes that are neither."""

    def __init__(self) -> None:
        self.whole: list[Request] = []
        self.partial: list[Request] = []
        self.malformed: list[bytes] = []
        self.connections = 0
        self.answer: Callable[[Request], bytes | None] = lambda request: OK
        """What is sent for a request; None closes after nothing."""
        self.greeting = b""
        """Sent on accept, before any request."""
        self.closes = False
        """Whether each answer is followed by the end of the connection."""
        self.split_bytes = 0
        """So many of an answer's first bytes are sent one by one; 0: all of it at once."""
        self.open: set[_Line] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Line(self), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for line in list(self.open):
            line.transport.abort()
        for _turn in range(3):
            await asyncio.sleep(0)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def forget(self) -> None:
        self.whole.clear()
        self.partial.clear()
        self.malformed.clear()

    def judge(self, request: Request) -> None:
        """A gateway's own requests need no leniency, name one host, and carry nothing of the hop before."""
        names = [name.lower() for name, _ in request.fields]
        wrong = (
            not request.plain
            or request.minor != 1
            or names.count(b"host") != 1
            or names[0] != b"host"
            or _HOP & set(names)
            or any(name.startswith(_OURS) for name in names)
            or any(names.count(name) > 1 for name in (b"authorization", b"content-type", b"x-api-key"))
        )
        if wrong:
            self.malformed.append(repr(request).encode())


class _Line(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._recorder.connections += 1
        self._recorder.open.add(self)
        if self._recorder.greeting:
            self.transport.write(self._recorder.greeting)

    def data_received(self, data: bytes) -> None:
        self._data += data
        recorder = self._recorder
        while self._data:
            try:
                request, end = read_request(self._data)
            except Wanting:
                return
            except Doubt:
                recorder.malformed.append(self._data)
                self.transport.abort()
                return
            self._data = self._data[end:]
            if self._data:
                recorder.malformed.append(b"pipelined: " + self._data)  # the edge never sends two at once
            recorder.judge(request)
            recorder.whole.append(request)
            answer = recorder.answer(request)
            if answer is not None and recorder.split_bytes:
                self._dripping = asyncio.ensure_future(self._drip(answer))
                return
            if answer is not None:
                self.transport.write(answer)
            if answer is None or recorder.closes:
                self.transport.close()

    async def _drip(self, answer: bytes) -> None:
        for at in range(min(len(answer), self._recorder.split_bytes)):
            self.transport.write(answer[at : at + 1])
            for _turn in range(3):  # so that it is read before the next is written
                await asyncio.sleep(0)
            if self.transport.is_closing():
                return  # the edge has seen enough
        self.transport.write(answer[self._recorder.split_bytes :])
        if self._recorder.closes:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._recorder.open.discard(self)
        if not self._data:
            return
        try:
            read_request(self._data)
        except Wanting as wanting:
            if wanting.begun is not None:
                self._recorder.partial.append(wanting.begun)
        except Doubt:
            self._recorder.malformed.append(self._data)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the service's log says beyond that a provider failed, which it says of each cause once."""
    said = [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING]
    return [line for line in said if not line.startswith("provider openai failed: ")]
