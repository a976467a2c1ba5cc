"""The edge's end of the link: a WebSocket over control's unix socket that keeps itself connected."""

import asyncio
import contextlib
import logging
from typing import Final

import aiohttp
from aiohttp import WSMsgType

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.link.frames import (
    PROTOCOL_VERSION,
    Answer,
    BadFrame,
    DownFrame,
    Hello,
    Ready,
    UpFrame,
    decode,
    encode_up,
)
from gateway.link.outbox import Outbox
from gateway.link.port import OnFrame
from gateway.link.questions import Asking

_URL: Final = "http://control/link"
_FIRST_DELAY_S: Final = 0.05
_LAST_DELAY_S: Final = 1.0
_HANDSHAKE_S: Final = 5.0
_HEARTBEAT_S: Final = 10.0
_OUTBOX_BYTES: Final = 32 * 1024 * 1024
_MESSAGE_BYTES: Final = 1024 * 1024 * 1024
"""A snapshot holds all settings of all gateways."""
_FLUSH_S: Final = 2.0

_log = logging.getLogger("gateway.link")


async def connect_unix(path: str, on_frame: OnFrame, *, worker: str, ask_timeout_s: float = 5.0) -> "UnixLink":
    """A link to the control behind this socket. Returns at once; the connection is made, and made again, in the background.

    After each Hello it sends Ready(worker, 0), which control answers with a snapshot.
    """
    link = UnixLink(path, on_frame, worker=worker, ask_timeout_s=ask_timeout_s)
    link.start()
    return link


class UnixLink(Asking):
    def __init__(self, path: str, on_frame: OnFrame, *, worker: str, ask_timeout_s: float) -> None:
        super().__init__(ask_timeout_s)
        self._path = path
        self._on_frame = on_frame
        self._worker = worker
        self._outbox: Outbox | None = None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeper = spawn(self._keep_connected(), "link")

    def send(self, frame: UpFrame) -> bool:
        if self._outbox is None or not self.connected:
            return False
        return self._outbox.put(encode_up(frame))

    async def close(self) -> None:
        """Send what is queued, within a limit, and disconnect for good."""
        if self._outbox is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_S):
                    await self._outbox.emptied()
        await cancel_and_wait(self._keeper)

    async def _keep_connected(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_HANDSHAKE_S)
        async with aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=self._path),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            trust_env=False,
        ) as session:
            delay_s = _FIRST_DELAY_S
            while True:
                before = self.generation
                try:
                    await self._converse(session)
                except (aiohttp.ClientError, OSError, TimeoutError, BadFrame) as error:
                    _log.debug("the link is cut: %s", type(error).__name__)
                delay_s = _FIRST_DELAY_S if self.generation > before else min(delay_s * 2, _LAST_DELAY_S)
                await asyncio.sleep(delay_s)

    async def _converse(self, session: aiohttp.ClientSession) -> None:
        """One connection, from its handshake to its end."""
        async with asyncio.timeout(_HANDSHAKE_S):
            ws = await session.ws_connect(
                _URL,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                heartbeat=_HEARTBEAT_S,
                compress=0,
                max_msg_size=_MESSAGE_BYTES,
                decode_text=False,
            )
        outbox = Outbox(_OUTBOX_BYTES)
        writer = spawn(outbox.drain(lambda message: ws.send_frame(message, WSMsgType.TEXT)), "link-writer")
        try:
            self._outbox = outbox
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    raise BadFrame("not a text message")
                self._take(decode(message.data))
        finally:
            self._cut()
            await cancel_and_wait(writer)
            await ws.close()

    def _take(self, frame: object) -> None:
        if isinstance(frame, Hello):
            self._joined(frame)
        elif isinstance(frame, Answer):
            self._answered(frame)
        elif isinstance(frame, DownFrame):
            self._give(frame)
        else:
            raise BadFrame("a frame of the other direction")

    def _joined(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL_VERSION:
            raise BadFrame("control speaks another version of the link")
        self.generation += 1
        self.connected = True
        self.send(Ready(self._worker, 0))

    def _give(self, frame: DownFrame) -> None:
        """An edge that fails to take a frame has settings of unknown state: it starts again with a snapshot."""
        try:
            self._on_frame(frame)
        except Exception as error:
            _log.exception("a %s frame could not be taken", type(frame).__name__)
            raise BadFrame("the edge could not take a frame") from error

    def _cut(self) -> None:
        self.connected = False
        self._outbox = None
        self._fail_pending()
