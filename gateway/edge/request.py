"""One request as its connection hands it on, and the refusal that answers it."""

from typing import TYPE_CHECKING

from aiohttp.streams import StreamReader

from gateway.edge.repeat import ArrivedBody, Message
from gateway.model.faults import Fault
from gateway.model.routes import Surface
from gateway.protocol.errors import render

if TYPE_CHECKING:
    from gateway.edge.downstream import Downstream


class Request:
    """One request: the parsed message, the body's reader, the connection. Nothing is derived."""

    __slots__ = ("answered", "body", "downstream", "message", "method", "target")

    def __init__(self, message: Message, body: StreamReader | ArrivedBody, downstream: "Downstream") -> None:
        self.message: Message = message
        self.body = body
        self.downstream = downstream
        self.method: str = message.method
        self.target: str = message.path
        self.answered = False

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
