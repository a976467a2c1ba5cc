"""aiohttp's parsers in C and in Python, and our own reading: bytes into messages, and where each ends.

Bytes are given one by one, so that a request's end is known exactly and what came before a refusal is not lost.
"""

import asyncio
import re
from typing import Any, NamedTuple

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy, HttpResponseParser, HttpResponseParserPy

from gateway.edge.request import read_head
from gateway.model.faults import Refusal
from gateway.protocol.response_head import BadHead, ResponseHead
from gateway.upstream.connection import INTERIM_LIMIT
from gateway.upstream.framing import BadFraming, Chunked, framing_for

LATER_VERSION = re.compile(rb"([A-Z]+ [!-~]+ HTTP/1\.)[2-9]\r\n")
HEAD_LIMIT_BYTES = 65_536
_PLAIN_END = b"\r\n0\r\n\r\n"

assert HttpRequestParser is not HttpRequestParserPy, "aiohttp's C extension is not here: nothing to compare"
C = HttpRequestParser
PYTHON = HttpRequestParserPy
ANSWERS_BY_C = HttpResponseParser
ANSWERS_BY_PYTHON = HttpResponseParserPy


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
    limits = {"max_line_size": HEAD_LIMIT_BYTES, "max_field_size": HEAD_LIMIT_BYTES + 1, "max_headers": 128}
    parser = kind(protocol, loop, 1 << 20, auto_decompress=False, **limits)
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
            head, _ = read_head(request.message, HEAD_LIMIT_BYTES)
        except Refusal:
            break
        passed.append(request)
        if request.message.should_close or request.message.upgrade:
            break
        if head.chunked and not data[: request.end].endswith(_PLAIN_END):
            break
    return passed


class Answered(NamedTuple):
    """The first answer that is not interim."""

    status: int
    body: bytes
    end: int
    """Index behind its last byte."""


def read_answer(data: bytes) -> Answered | None:
    """As our connection reads it, for a POST; None where it would be 502 or cut."""
    at = interim = 0
    try:
        while interim <= INTERIM_LIMIT:
            stop = data.find(b"\r\n\r\n", at) + 4
            if stop < 4:
                return None
            head, at = ResponseHead(data[at:stop]), stop
            if head.status == 101:
                return None
            if head.status >= 200:
                break
            interim += 1
        else:
            return None
        framing, _ = framing_for("POST", head.status, head.framing)
        if head.http_10 and isinstance(framing, Chunked):
            return None
        body = b""
        while at < len(data) and not framing.done:
            body += framing.feed(data[at : at + 1])
            at += 1
    except (BadHead, BadFraming):
        return None
    return Answered(head.status, body, at) if framing.done or framing.end() else None


def parse_answer(kind: Any, data: bytes, loop: asyncio.AbstractEventLoop) -> Answered | str:
    """What one of aiohttp's parsers makes of them; a string says why nothing."""
    protocol = BaseProtocol(loop)
    protocol.connection_made(_Transport())
    parser = kind(protocol, loop, 1 << 20, read_until_eof=True, response_with_body=True, auto_decompress=False)
    message, payload, end = None, None, 0
    for at in range(len(data)):
        try:
            messages, upgraded, _ = parser.feed_data(data[at : at + 1])
        except HttpProcessingError:
            return "refused"
        if upgraded and not messages:
            return "refused"  # it reads no more HTTP behind an Upgrade, not even one that stands in a 100
        for one, reader in messages:
            if message is None and (one.code >= 200 or one.code == 101):
                message, payload = one, reader
        if message is not None and payload is not None:
            end = at + 1
            if payload.exception() is not None:
                return "refused"
            if payload.is_eof():
                break
    if message is None or payload is None or not _ends(parser, payload):
        return "not whole"
    return Answered(message.code, payload.read_nowait() if payload.total_bytes else b"", end)


def _ends(parser: Any, payload: Any) -> bool:
    """Whether the body is whole when the provider closes now."""
    if not payload.is_eof():
        try:
            parser.feed_eof()
        except (HttpProcessingError, PayloadEncodingError):
            return False
    return payload.is_eof() and payload.exception() is None
