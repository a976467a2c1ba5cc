"""What a request costs inside an edge: the whole way from bytes to bytes, without sockets and without the kernel.

    python bench/inside.py                 three kinds of traffic, half a minute
    python bench/inside.py --only shared   one of them

64 clients with a token each and four kinds of SDK heads send a small completion. `kept`: each repeats its head on its own
connection; `own`: the same with a trace id of its own in each request; `shared`: any client on any connection, as behind a
balancer. Rounds are short and the least of them counts: the least is what the code costs, the rest is what else the machine
did. So it tells a change of a few per cent on a machine that is busy, where bench/quick.py does not; it says nothing about
other proxies.
"""

import argparse
import asyncio
import gc
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).resolve().parent)]

import provider  # noqa: E402
from fakes.edge import ACCOUNT, RunningEdge, gateway  # noqa: E402

from gateway.upstream.dial import Dialer  # noqa: E402

CLIENTS = 64
VARIANTS = 200
"""Requests of a client before they come again: more than a memory of ids would hold."""
BODY = b'{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"Say hello to xxxxxxxxx"}]}'
COMPLETION = provider.completion()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 05 Oct 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n%b" % (len(COMPLETION), COMPLETION)
)
KINDS = (
    (b"OpenAI/Python 2.0.0", b"python"),
    (b"OpenAI/JS 6.1.0", b"js"),
    (b"Anthropic/Python 0.75", b"python"),
    (b"ai", b"node"),
)


class Transport:
    """Hands on what is written, at once; never full."""

    def __init__(self, written: Callable[[bytes], None]) -> None:
        self.write = written

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 50_000) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return 0

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_args, **_options: None


async def dial(_: Dialer, __: object, factory: Callable[[], Any], *, guarded: bool) -> Any:
    """A provider that answers each request in the next turn of the loop."""
    loop = asyncio.get_running_loop()
    connection = factory()

    def written(_: bytes) -> None:
        loop.call_soon(connection.data_received, ANSWER)

    connection.connection_made(Transport(written))
    return connection


def request(token: str, kind: int, trace: bool) -> bytes:
    agent, language = KINDS[kind % len(KINDS)]
    ids = b""
    if trace:
        ids = b"X-Request-Id: %b\r\ntraceparent: 00-%b-0123456789abcdef-01\r\n" % ((uuid.uuid4().hex.encode(),) * 2)
    return (
        b"POST /v1/%b/g1/openai/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nAccept: application/json\r\n"
        b"Accept-Encoding: gzip, deflate\r\nContent-Type: application/json\r\nUser-Agent: %b\r\nX-Stainless-Lang: %b\r\n"
        b"X-Stainless-Package-Version: 2.0.0\r\nX-Stainless-OS: Linux\r\nX-Stainless-Runtime: CPython\r\n"
        b"X-Stainless-Runtime-Version: 3.11.7\r\nAuthorization: Bearer sk-bench-0123456789abcdef\r\n"
        b"cf-aig-authorization: Bearer %b\r\n%bContent-Length: %d\r\n\r\n%b"
        % (ACCOUNT.encode(), agent, language, token.encode(), ids, len(BODY), BODY)
    )


def kinds_of_traffic(tokens: list[str]) -> dict[str, list[list[bytes]]]:
    """Name → the requests of each connection."""
    mixed = [request(token, kind, True) for kind, token in enumerate(tokens) for _ in range(VARIANTS)]
    random.Random(1).shuffle(mixed)
    return {
        "kept": [[request(token, kind, False)] for kind, token in enumerate(tokens)],
        "own": [[request(token, kind, True) for _ in range(VARIANTS)] for kind, token in enumerate(tokens)],
        "shared": [mixed[at :: len(tokens)] for at in range(len(tokens))],
    }


async def one_round(edge: RunningEdge, traffic: list[list[bytes]], total: int) -> float:
    """Microseconds of CPU for each of so many requests."""
    loop, server = asyncio.get_running_loop(), edge.edge._server
    assert server is not None
    done, answered = loop.create_future(), 0

    def connect(requests: list[bytes]) -> tuple[Any, Callable[[], None]]:
        turn = 0

        def send() -> None:
            nonlocal turn
            turn += 1
            client.data_received(requests[turn % len(requests)])

        def written(data: bytes) -> None:
            nonlocal answered
            answered += 1
            if not data.startswith(b"HTTP/1.1 200"):
                done.set_exception(AssertionError(data[:200]))
            elif answered < total:
                loop.call_soon(send)
            elif not done.done():
                done.set_result(None)

        client: Any = server()
        client.connection_made(Transport(written))
        return client, send

    clients = [connect(requests) for requests in traffic]
    await asyncio.sleep(0)
    gc.collect()
    began = time.process_time()
    for _, send in clients:
        loop.call_soon(send)
    await done
    taken = time.process_time() - began
    for client, _ in clients:
        client.connection_lost(None)
    edge.link.sent.clear()
    await asyncio.sleep(0.01)
    return taken / total * 1e6


async def measure(only: str, rounds: int, total: int) -> Iterator[tuple[str, list[float]]]:
    async with RunningEdge(gateways=[gateway("g1")], providers={"openai": "http://127.0.0.1:9/v1"}) as edge:
        traffic = kinds_of_traffic([edge.admit() for _ in range(CLIENTS)])
        found: dict[str, list[float]] = {name: [] for name in traffic if only in name}
        for _ in range(rounds):
            for name, each in found.items():
                each.append(await one_round(edge, traffic[name], total))
    return iter(found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="traffic whose name contains this")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=2000, help="of a round")
    given = parser.parse_args()
    Dialer.dial = dial  # type: ignore[method-assign, assignment]
    from gateway.edge import relay

    print("plain Python" if relay.__file__.endswith(".py") else "compiled")
    print("| traffic | least µs | lower quartile |\n|---|--:|--:|")
    for name, each in uvloop.run(measure(given.only, given.rounds, given.requests)):
        print(f"| {name} | {min(each):.1f} | {sorted(each)[len(each) // 4]:.1f} |")


if __name__ == "__main__":
    main()
