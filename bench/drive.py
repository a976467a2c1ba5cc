"""The load that wrk cannot make: many paced event streams, idle connections, large bodies. Prints one JSON object.

    python bench/drive.py streams URL --field "cf-aig-authorization: Bearer agw_..." --count 200
    python bench/drive.py idle URL --count 2000 --hold-s 2
    python bench/drive.py up URL --count 4 --size 1000000 --times 100
    python bench/drive.py down URL --count 1 --size 100000000 --times 2

Event streams must come from provider.py: it stamps each event with the moment it was written, and what is told here is how
long the event was under way.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import uvloop

_STAMP = b'"t":'
_DIGITS = 20
_OPENERS = 16
"""Connections that are being opened at the same time."""
_SLICE_BYTES = 262_144
USUAL = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": "OpenAI/Python 2.0.0",
    "X-Stainless-Lang": "python",
    "X-Stainless-Package-Version": "2.0.0",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Runtime": "CPython",
    "X-Stainless-Runtime-Version": "3.11.7",
}
Figures = dict[str, float]


class Place:
    """Where requests go and what every one of them carries."""

    def __init__(self, address: str, fields: Iterable[str]) -> None:
        url = urlsplit(address)
        self.host, self.port = url.hostname or "", url.port or 80
        lines = [f"POST {url.path} HTTP/1.1", f"Host: {url.netloc}"]
        lines += [f"{name}: {value}" for name, value in USUAL.items()]
        self._head = "\r\n".join([*lines, *fields])

    def request(self, body: bytes) -> bytes:
        return f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chat(content: str = "Tell me more", *, order: str = "", stream: bool = False) -> bytes:
    """A chat completion's body; `order` is for provider.py."""
    value: dict[str, object] = {"model": f"bench:{order}" if order else "gpt-4.1-mini"}
    if stream:
        value["stream"] = True
    value["messages"] = [{"role": "user", "content": content}]
    return json.dumps(value, separators=(",", ":")).encode()


class Client(asyncio.Protocol):
    """A connection of the load; `ended` is set when its work is done or can no longer be."""

    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.begin()

    def begin(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        self.finish()


Made = TypeVar("Made", bound=Client)


class Stream(Client):
    """Sends one request, collects delays until the end mark."""

    def __init__(self, wanted: bytes, delays_ns: list[int], firsts_ns: list[int]) -> None:
        super().__init__()
        self._request, self._delays_ns, self._firsts_ns = wanted, delays_ns, firsts_ns
        self._rest = b""
        self._head_seen = False

    def begin(self) -> None:
        self._sent_ns = time.monotonic_ns()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self._head_seen:
            self._head_seen = True
            if b" 200 " not in data[:20]:
                self.transport.abort()
                return
        text = self._rest + data if self._rest else data
        at, done = text.find(_STAMP), 0
        if at >= 0 and self._sent_ns:
            self._firsts_ns.append(now - self._sent_ns)
            self._sent_ns = 0
        while at >= 0 and at + 4 + _DIGITS <= len(text):
            self._delays_ns.append(now - int(text[at + 4 : at + 4 + _DIGITS]))
            done = at + 4 + _DIGITS
            at = text.find(_STAMP, done)
        if b"\r\n0\r\n\r\n" in text:
            self.whole = True
            self.transport.close()
        self._rest = text[max(done, len(text) - 4 - _DIGITS) :]


class Answered(Client):
    """Sends requests one after another on one connection."""

    def __init__(self, wanted: bytes, times: int) -> None:
        super().__init__()
        self._outgoing = self._request = memoryview(wanted)
        self._times = times
        self._paused = False
        self._head = b""
        self._left = 0
        self._tail: bytes | None = None
        """The last bytes of a chunked answer."""
        self.received_bytes = 0

    def begin(self) -> None:
        self._outgoing = self._request
        self._pour()

    def _pour(self) -> None:
        while self._outgoing and not self._paused:
            self.transport.write(self._outgoing[:_SLICE_BYTES])
            self._outgoing = self._outgoing[_SLICE_BYTES:]

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pour()

    def data_received(self, data: bytes) -> None:
        if self._left == 0 and self._tail is None:
            data = self._read_head(data)
        self.received_bytes += len(data)
        if self._tail is not None:
            self._tail = (self._tail + data)[-7:]
            if self._tail.endswith(b"0\r\n\r\n"):
                self._tail = None
                self._answered()
        elif self._left > 0:
            self._left -= len(data)
            if self._left == 0:
                self._answered()

    def _read_head(self, data: bytes) -> bytes:
        self._head += data
        end = self._head.find(b"\r\n\r\n") + 4
        if end < 4:
            return b""
        head, rest = self._head[:end].lower(), self._head[end:]
        self._head = b""
        if b" 200 " not in head[:20]:
            self.transport.abort()
        elif b"\r\ntransfer-encoding: chunked" in head:
            self._tail = b""
        else:
            at = head.index(b"\r\ncontent-length:") + 17
            self._left = int(head[at : head.index(b"\r\n", at)])
        return rest

    def _answered(self) -> None:
        self._times -= 1
        if self._times > 0:
            self.begin()
        else:
            self.whole = True
            self.finish()


async def opened(place: Place, make: Callable[[], Made], count: int, spread_s: float) -> list[Made]:
    """That many connections, begun evenly over a time; one that cannot be opened is missing from the list."""
    loop = asyncio.get_running_loop()
    started, clients, numbers = loop.time(), [], iter(range(count))

    async def opener() -> None:
        for number in numbers:
            await asyncio.sleep(max(0.0, started + spread_s * number / count - loop.time()))
            try:
                _, client = await loop.create_connection(make, place.host, place.port)
            except OSError:
                continue
            clients.append(client)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_OPENERS, count)):
            group.create_task(opener())
    return clients


async def ended(clients: Sequence[Client], limit_s: float) -> None:
    if clients:
        await asyncio.wait([client.ended for client in clients], timeout=limit_s)


def shares_ms(prefix: str, values_ns: list[int]) -> Figures:
    """p50, p99 and maximum in milliseconds."""
    values_ns.sort()
    last = len(values_ns) - 1
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {f"{prefix}{name}_ms": round(values_ns[int(last * share)] / 1e6, 3) for name, share in shares.items() if last >= 0}


async def streams(place: Place, given: argparse.Namespace) -> Figures:
    delays_ns: list[int] = []
    firsts_ns: list[int] = []
    wanted = place.request(chat(order=given.order, stream=True))
    clients = await opened(place, lambda: Stream(wanted, delays_ns, firsts_ns), given.count, given.spread_s)
    in_time = sum(not client.ended.done() for client in clients)
    await ended(clients, given.limit_s)
    failed = given.count - sum(client.whole for client in clients)
    found = {"events": len(delays_ns), "failed": failed, "open_at_once": in_time}
    return {**found, **shares_ms("", delays_ns), **shares_ms("first_", firsts_ns)}


async def idle(place: Place, given: argparse.Namespace) -> Figures:
    """Each connection carries one request, then nothing."""
    wanted = place.request(chat())
    clients = await opened(place, lambda: Answered(wanted, 1), given.count, given.spread_s)
    await ended(clients, given.limit_s)
    await asyncio.sleep(given.hold_s)
    return {"failed": given.count - sum(client.whole and not client.transport.is_closing() for client in clients)}


async def up(place: Place, given: argparse.Namespace) -> Figures:
    return await _moved(place, given, place.request(chat("x" * given.size)), 1)


async def down(place: Place, given: argparse.Namespace) -> Figures:
    wanted = place.request(chat(order=f"answer_bytes={given.size}"))
    return await _moved(place, given, wanted, given.size * given.times)


async def _moved(place: Place, given: argparse.Namespace, wanted: bytes, least_bytes: int) -> Figures:
    """`least_bytes`: what a connection must have received in all."""
    started = time.monotonic()
    make = partial(Answered, wanted, given.times)
    clients: list[Answered] = await opened(place, make, given.count, 0.0)
    await ended(clients, given.limit_s)
    took_s = time.monotonic() - started
    whole = sum(client.whole and client.received_bytes >= least_bytes for client in clients)
    moved_mb = whole * given.times * given.size / 1e6
    return {"mb": moved_mb, "mb_s": round(moved_mb / took_s, 2), "failed": given.count - whole}


MODES = {"streams": streams, "idle": idle, "up": up, "down": down}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("url")
    parser.add_argument("--field", action="append", default=[], help="a header field, `Name: value`; again for more")
    parser.add_argument("--count", type=int, default=200, help="connections")
    parser.add_argument("--order", default="", help="for provider.py, such as events=20,interval_ms=250")
    parser.add_argument("--size", type=int, default=1_000_000, help="bytes of one body")
    parser.add_argument("--times", type=int, default=1, help="bodies on each connection")
    parser.add_argument("--spread-s", type=float, default=0.5, help="time over which the connections start")
    parser.add_argument("--hold-s", type=float, default=1.0, help="how long connections stay idle")
    parser.add_argument("--limit-s", type=float, default=30.0, help="when to give up, once all are open")
    given = parser.parse_args()
    if not given.url.startswith("http://"):
        sys.exit("only http")
    print(json.dumps(uvloop.run(MODES[given.mode](Place(given.url, given.field), given))))


if __name__ == "__main__":
    main()
