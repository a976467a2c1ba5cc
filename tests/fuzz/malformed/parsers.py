"""aiohttp's two request parsers, and our checks behind the first: each reads bytes into requests and where they end.

Bytes are given one by one, so that a request's end is known exactly and what came before a refusal is not lost.
"""

import asyncio
from typing import Any, NamedTuple

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from gateway.model.faults import Refusal
from gateway.protocol.headers import RequestHead
from gateway.protocol.strict import examine_line

HEAD_LIMIT_BYTES = 65_536
_PLAIN_END = b"\r\n0\r\n\r\n"

assert HttpRequestParser is not HttpRequestParserPy, "aiohttp's C extension is not here: nothing to compare"
C = HttpRequestParser
PYTHON = HttpRequestParserPy


class Whole(NamedTuple):
    """One request as a parser took it."""

    method: str
    target: str
    version: tuple[int, int]
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    end: int
    """Index behind its last byte."""
    message: Any


class Reading(NamedTuple):
    whole: list[Whole]
    refused: bool
    """The parser raised, behind those."""


class _Transport(asyncio.Transport):
    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def parse(kind: Any, data: bytes, loop: asyncio.AbstractEventLoop) -> Reading:
    """What one parser makes of the bytes; reading ends where it refuses or hands over to another protocol."""
    protocol = BaseProtocol(loop)
    protocol.connection_made(_Transport())
    parser = kind(protocol, loop, 1 << 20, max_line_size=8190, max_field_size=8190, max_headers=128, auto_decompress=False)
    whole: list[Whole] = []
    open_message, payload = None, None
    for at in range(len(data)):
        try:
            messages, upgraded, _ = parser.feed_data(data[at : at + 1])
        except HttpProcessingError:
            return Reading(whole, True)
        if messages:
            assert open_message is None, "a request within another's body"
            ((open_message, payload),) = messages
        if open_message is not None and payload is not None:
            if payload.exception() is not None:
                return Reading(whole, True)
            if payload.is_eof():
                whole.append(_whole(open_message, payload, at + 1))
                open_message = None
        if upgraded:
            break
    return Reading(whole, False)


def _whole(message: Any, payload: Any, end: int) -> Whole:
    version = (message.version.major, message.version.minor)
    body = payload.read_nowait() if payload.total_bytes else b""
    return Whole(message.method, message.path, version, tuple(message.raw_headers), body, end, message)


def accepted(reading: Reading, data: bytes) -> list[Whole]:
    """Those that we would act upon: nothing behind a refusal, nor behind a chunked body that did not end plainly."""
    passed: list[Whole] = []
    for request in reading.whole:
        try:
            examine_line(request.method, request.target, request.version)
            head = RequestHead(request.fields, http_10=request.version[1] == 0, limit_bytes=HEAD_LIMIT_BYTES)
        except Refusal:
            break
        passed.append(request)
        if request.message.should_close or request.message.upgrade:
            break
        if head.chunked and not data[: request.end].endswith(_PLAIN_END):
            break
    return passed
