"""A mock LLM provider that is never the bottleneck: bare protocol, uvloop, answers made in advance.

POST anything: one chat completion of fixed size. With `"stream":true` in the body: an event stream at a set pace, each
event stamped with the moment it was written (`"t":`, nanoseconds of CLOCK_MONOTONIC), so that a reader on the same
machine knows how long it was under way.

    python bench/provider.py --port 9000 --events 40 --interval-ms 50

The flags say how it behaves. A request may ask for something else by the name of its model, which every gateway passes on:
`"model":"bench:events=20,interval_ms=250"`. All names, for both, are the fields of `Order` below.
"""

import argparse
import asyncio
import dataclasses
import json
import time
from functools import cache

import uvloop

ANSWER_BYTES = 674
STAMP_DIGITS = 20
KEPT_BYTES = 65_536
"""How far into a body its wishes are looked for; the rest is counted and dropped."""
SLICE_BYTES = 262_144


@dataclasses.dataclass(frozen=True)
class Order:
    """How one request is to be answered."""

    events: int = 40
    """of a stream"""
    interval_ms: float = 50.0
    """between bursts"""
    burst: int = 1
    """events written at once"""
    delay_ms: float = 0.0
    """before the first byte: a model that thinks"""
    stall_after: int = 0
    """events, then nothing for `stall_ms`; 0: no stall"""
    stall_ms: float = 1000.0
    cut_after: int = 0
    """events, then the connection breaks; 0: the stream ends as it should"""
    answer_bytes: int = ANSWER_BYTES
    """of a whole answer"""

    def changed_by(self, body: bytes) -> "Order":
        """With what the request's model is named to ask for."""
        start = body.find(b'"bench:')
        if start < 0:
            return self
        wishes = (wish.partition("=") for wish in body[start + 7 : body.index(b'"', start + 7)].decode().split(","))
        return dataclasses.replace(self, **{name: _KINDS[name](value) for name, _, value in wishes})


_KINDS = {field.name: type(field.default) for field in dataclasses.fields(Order)}


def completion(size: int = ANSWER_BYTES) -> bytes:
    """A chat completion of exactly this many bytes."""
    value = {
        "id": "chatcmpl-9b7c2f0e5d",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4.1-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "@"}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 19, "completion_tokens": 87, "total_tokens": 106},
    }
    before, _, after = json.dumps(value).encode().partition(b"@")
    missing = size - len(before) - len(after)
    words = b"An edge proxy checks who is calling and passes the rest on. "
    return before + (words * (missing // len(words) + 1))[:missing] + after


@cache
def whole_answer(size: int) -> memoryview:
    body = completion(size)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return memoryview(head + body)


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_EVENT = (
    b'data: {"id":"chatcmpl-9b7c2f0e5d","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4.1-mini",'
    b'"choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"t":%020d}\n\n'
)
_EVENT_SIZE = b"%x\r\n" % len(_EVENT % 0)
_LAST = b"data: [DONE]\n\n"
STREAM_END = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_LAST), _LAST)


class Provider(asyncio.Protocol):
    """One connection; requests come one after another, as keep-alive clients send them."""

    def __init__(self, usual: Order) -> None:
        self._usual = usual
        self._head = b""
        self._kept = bytearray()
        self._missing = 0
        """Bytes of the body under way; -1 for a chunked one, whose end is its last chunk."""
        self._outgoing = memoryview(b"")
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, _: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # --- requests

    def data_received(self, data: bytes) -> None:
        while data:
            data = self._read_body(data) if self._missing else self._read_head(data)

    def _read_head(self, data: bytes) -> bytes:
        """Answers what is left of the data."""
        self._head += data
        end = self._head.find(b"\r\n\r\n") + 4
        if end < 4:
            return b""
        head, rest = self._head[:end].lower(), self._head[end:]
        self._head = b""
        self._kept.clear()
        self._missing = -1 if b"\r\ntransfer-encoding: chunked" in head else _length(head)
        if self._missing == 0:
            self._answer()
        return rest

    def _read_body(self, data: bytes) -> bytes:
        if self._missing < 0:
            self._kept += data
            if self._kept.endswith(b"0\r\n\r\n"):
                self._missing = 0
                self._answer()
            return b""
        piece = data[: self._missing]
        self._missing -= len(piece)
        if len(self._kept) < KEPT_BYTES:
            self._kept += piece
        if self._missing == 0:
            self._answer()
        return data[len(piece) :]

    # --- answers

    def _answer(self) -> None:
        body = bytes(self._kept[:KEPT_BYTES])
        order = self._usual.changed_by(body)
        if b'"stream":true' in body or b'"stream": true' in body:
            self._later(order.delay_ms, self._open_stream, order)
        else:
            self._later(order.delay_ms, self._send_whole, order)

    def _later(self, wait_ms: float, work, order: Order) -> None:  # type: ignore[no-untyped-def]
        if wait_ms:
            self._timer = self._loop.call_later(wait_ms / 1000, work, order)
        else:
            work(order)

    def _send_whole(self, order: Order) -> None:
        answer = whole_answer(order.answer_bytes)
        if len(answer) <= SLICE_BYTES:
            self._transport.write(answer)
        else:
            self._outgoing = answer
            self._pour()

    def _pour(self) -> None:
        while self._outgoing and not self._paused:
            self._transport.write(self._outgoing[:SLICE_BYTES])
            self._outgoing = self._outgoing[SLICE_BYTES:]

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pour()

    def _open_stream(self, order: Order) -> None:
        self._transport.write(STREAM_HEAD)
        self._send_next(order, 0, self._loop.time())

    def _send_next(self, order: Order, sent: int, due: float) -> None:
        """Write a burst of events, stamped now; the pace does not drift with the load."""
        for _ in range(min(order.burst, order.events - sent)):
            if order.cut_after and sent == order.cut_after:
                self._transport.abort()
                return
            self._transport.write(_EVENT_SIZE + _EVENT % time.monotonic_ns() + b"\r\n")
            sent += 1
        if sent < order.events:
            stalls = order.stall_after and sent - order.burst < order.stall_after <= sent
            due += (order.stall_ms if stalls else order.interval_ms) / 1000
            self._timer = self._loop.call_at(due, self._send_next, order, sent, due)
        else:
            self._timer = None
            self._transport.write(STREAM_END)


def _length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    return int(head[at + 17 : head.find(b"\r\n", at + 2)]) if at >= 0 else 0


async def serve(host: str, port: int, usual: Order) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Provider(usual), host, port, backlog=4096)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    for field in dataclasses.fields(Order):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=_KINDS[field.name], default=field.default)
    given = vars(parser.parse_args())
    host, port = given.pop("host"), given.pop("port")
    uvloop.run(serve(host, port, Order(**given)))


if __name__ == "__main__":
    main()
