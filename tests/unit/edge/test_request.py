"""A request and the refusal written for it."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.streams import StreamReader

from gateway.edge.head_memory import WholeBody
from gateway.edge.request import Request
from gateway.model.faults import MISSING_TOKEN
from gateway.model.routes import Surface
from gateway.protocol.errors import render
from gateway.protocol.headers import RequestHead

HEAD = RequestHead((), http_10=False, limit_bytes=0)


class Client:
    """Remembers what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append


def request(method: str = "POST", body: Any = None, client: Any = None) -> Request:
    message = SimpleNamespace(method=method, path="/v1/x?y=1")
    return Request(message, body if body is not None else WholeBody(b"{}", HEAD), client or Client())


def test_it_is_what_the_message_says() -> None:
    made = request("PUT")
    assert (made.method, made.target, made.answered, made.body.is_eof()) == ("PUT", "/v1/x?y=1", False, True)


@pytest.mark.parametrize(("method", "close"), [("POST", False), ("POST", True), ("HEAD", False), ("HEAD", True)])
def test_a_refusal_is_one_write(method: str, close: bool) -> None:
    client = Client()
    made = request(method, client=client)
    made.write_fault(MISSING_TOKEN, Surface.PROVIDER_NATIVE, b"x-id: 7\r\n", close=close)
    told = render(MISSING_TOKEN, Surface.PROVIDER_NATIVE)
    (written,) = client.written
    head, _, body = written.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 401 Unauthorized"
    assert b"x-id: 7" in lines
    assert (b"connection: close" in lines) is close
    assert b"content-length: %d" % len(told.body) in [line.lower() for line in lines]
    assert body == (b"" if method == "HEAD" else told.body)
    assert made.answered


async def test_a_client_that_leaves_ends_a_body_under_way_and_no_whole_one() -> None:
    reader = StreamReader(SimpleNamespace(_reading_paused=False), 2**16)  # type: ignore[arg-type]
    request(body=reader)._cancel(ConnectionResetError())
    assert isinstance(reader.exception(), ConnectionResetError)
    whole = WholeBody(b"{}", HEAD)
    request(body=whole)._cancel(ConnectionResetError())
    assert whole.read_nowait() == b"{}"
