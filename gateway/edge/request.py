"""One request as its connection hands it on, and the refusal that answers it."""

from typing import TYPE_CHECKING

from aiohttp.streams import StreamReader

from gateway.edge.head_memory import Message, WholeBody
from gateway.model.faults import UPGRADE_REQUIRED, URI_TOO_LONG, Fault, Refusal
from gateway.model.routes import Surface
from gateway.protocol.errors import render
from gateway.protocol.head_lines import Line
from gateway.protocol.headers import RequestHead
from gateway.protocol.request_forms import forwards, origin_form, with_host
from gateway.protocol.strict import METHODS, examine_line

if TYPE_CHECKING:
    from gateway.edge.downstream import Downstream


class Request:
    """One request: the parsed message, the body's reader, the connection. Nothing is derived."""

    __slots__ = ("answered", "body", "downstream", "length", "lines", "message", "method", "target")

    def __init__(self, message: Message, body: StreamReader | WholeBody, downstream: "Downstream") -> None:
        self.message: Message = message
        self.body = body
        self.downstream = downstream
        self.method: str = message.method
        self.target: str = message.path
        self.answered = False
        self.length: int | None = None
        """Of the body, as announced; None: chunked, or not told."""
        self.lines: list[Line] | None = None
        """Those that cross, where they are not those of the head: see head_memory.FoundHead."""

    def _cancel(self, error: BaseException) -> None:
        """aiohttp calls this when the client is gone."""
        if not self.body.is_eof():
            self.body.set_exception(error)

    def write_fault(
        self, fault: Fault, surface: Surface, ids: bytes = b"", message: str | None = None, close: bool = True
    ) -> None:
        """Write a refusal in one piece."""
        self.answered = True
        told = render(fault, surface, message)
        connection = told.end if close else b""
        body = b"" if self.method == "HEAD" else told.body
        self.downstream.write(
            b"HTTP/1.1 %d %b\r\n%b%b%b\r\n%b" % (told.status, told.reason, told.fields, ids, connection, body)
        )


def read_head(message: Message, limit_bytes: int) -> tuple[RequestHead, str]:
    """The head of a request, read strictly, and its target: a path, also where it came as an absolute URI. Raises Refusal."""
    method, target, fields, final = message.method, message.path, message.raw_headers, False
    if len(target) > limit_bytes:
        raise Refusal(URI_TOO_LONG)
    if method == "OPTIONS":
        fields, further = forwards(fields)
        final = not further or target == "*"
    if target[:1] != "/" and not final and method in METHODS:
        target, authority = origin_form(target)
        fields = with_host(fields, authority)
    examine_line(method, "/" if target == "*" and final else target, message.version)
    head = RequestHead(fields, http_10=message.version[1] == 0, limit_bytes=limit_bytes - len(message.path))
    if head.upgrade == b"websocket" and not head.http_10:
        raise Refusal(UPGRADE_REQUIRED)  # clients then go on with plain requests at once
    head.final = final
    return head, target
