"""Hostile providers, and clients that ask them: each attack is a path below `/attack/`, answered by what it names."""

import asyncio
import contextlib
import gzip
import random
from collections.abc import Awaitable, Callable, Mapping

from fakes.attacks.ground import Attack, Ground
from fakes.attacks.holders import with_token
from fakes.attacks.strangers import KEY, no_fault_of_ours
from fakes.provider import Behaviour, Exchange, hang_up, raw, reply, reply_json
from fakes.wire import Peer

JSON = "Content-Type: application/json\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_STREAM = [("Content-Type", "text/event-stream")]
_LONG_LINE_BYTES = 150 << 20
_PIECE = b"x" * (1 << 20)


async def endless_head(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.write(_OK)
    for number in range(100_000):
        await exchange.write(b"X-%d: %b\r\n" % (number, b"y" * 1_000))


async def endless_body(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.head(200, [("Content-Type", "application/octet-stream")])
    while True:
        await exchange.part(_PIECE)


async def long_line(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.head(200, _STREAM)
    await exchange.part(b"data: ")
    for _ in range(_LONG_LINE_BYTES // len(_PIECE)):
        await exchange.part(_PIECE)
    await exchange.part(b"\n\ndata: [DONE]\n\n")
    await exchange.end()


async def drip(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.head(200, _STREAM)
    for _ in range(30):
        await exchange.part(b"d")
        await asyncio.sleep(0.2)
    exchange.cut("fin")


async def dripping_head(exchange: Exchange) -> None:
    await exchange.body()
    for at in range(len(_OK)):
        await exchange.write(_OK[at : at + 1])
        await asyncio.sleep(0.1)
    exchange.cut("rst")


async def half_a_stream(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.head(200, _STREAM)
    await exchange.part(b'data: {"choices":[{"delta":{"content":"half"}}]}\n\ndata: {"cho')
    exchange.cut(random.choice(("fin", "rst")))


async def json_bomb(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.head(200, [("Content-Type", "application/json")], framing="length", length=16 << 20)
    for _ in range(16):
        await exchange.part(b"[" * (1 << 20))


async def unread(exchange: Exchange) -> None:
    """Answers at once and takes whatever follows the head for the next request."""
    await exchange.head(200, [("Content-Type", "text/plain")], framing="length", length=2)
    await exchange.part(b"ok")


async def interim(exchange: Exchange) -> None:
    await exchange.body()
    for _ in range(5_000):
        await exchange.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    exchange.cut("fin")


def inflating(size: int) -> Behaviour:
    packed = gzip.compress(b"data: " + b"0" * size + b"\n\n")
    return reply(packed, headers=[("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip")])


def behaviours(inside: str) -> Mapping[str, Behaviour]:
    steering = [
        ("Content-Type", "text/html"),
        ("Service-Worker-Allowed", "/"),
        ("Refresh", f"0; url=http://{inside}/"),
        ("Clear-Site-Data", '"*"'),
        ("SourceMap", f"http://{inside}/x"),
        ("Set-Cookie", "session=stolen; Path=/"),
        ("Content-Security-Policy", "default-src *"),
        ("Access-Control-Allow-Origin", "*"),
    ]
    return {
        "html": reply(b"<script>fetch('/client/v4/user/session')</script>", headers=steering),
        "endless head": endless_head,
        "endless body": endless_body,
        "150 MB event line": long_line,
        "slow drip": drip,
        "slow head": dripping_head,
        "cut stream": half_a_stream,
        "broken chunk": raw(_OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\nzz\r\n", close=True),
        "endless chunk size": raw(_OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 100_000 + b"5\r\nhello\r\n", close=True),
        "two lengths": raw(_OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", close=True),
        "short body": hang_up("fin", _OK + b"Content-Length: 100\r\n\r\n{"),
        "more than the length": raw(_OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"),
        "json bomb": json_bomb,
        "gzip bomb": inflating(30_000_000),
        "tiny events that tell": reply(b'data:{"usage":{}}\n\ndata:"error"\n\n' * 60_000, headers=_STREAM),
        "redirect inside": reply(b"", 302, [("Location", f"http://{inside}/latest/meta-data")]),
        "redirect inside, 307": reply(b"", 307, [("Location", f"//{inside}/")]),
        "SSH": raw(b"SSH-2.0-OpenSSH_9.2p1\r\n", close=True),
        "HTTP/2": raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", close=True),
        "TLS alert": raw(b"\x15\x03\x03\x00\x02\x02\x28", close=True),
        "nothing": hang_up("rst"),
        "interim answers": interim,
        "unread": unread,
        "huge counts": reply_json({"usage": {"prompt_tokens": 10**300, "completion_tokens": -1, "total_tokens": "x" * 99_999}}),
        "huge error": reply(b"e" * 5_000_000, 500),
        "strange statuses": raw(b"HTTP/1.1 999 Nine\r\nContent-Length: 0\r\n\r\n"),
    }  # fmt: skip


class Answering:
    """The behaviour that the request's path names; a sensible answer for any other."""

    def __init__(self, inside: str) -> None:
        self.known = behaviours(inside)

    async def __call__(self, exchange: Exchange) -> None:
        name = exchange.received.path.rpartition("/attack/")[2].replace("%20", " ").replace("%2C", ",")
        await self.known.get(name, reply(b'{"choices":[]}'))(exchange)


def greeting(data: bytes, linger_s: float = 0.0) -> Callable[[Peer], Awaitable[None]]:
    """A server that speaks first, whoever comes; for addresses where TLS is expected."""

    async def script(peer: Peer) -> None:
        await peer.send(data)
        if linger_s:
            await asyncio.sleep(linger_s)

    return script


GREETINGS = {
    "mistral": greeting(b"\x15\x03\x03\x00\x02\x02\x28"),
    "deepseek": greeting(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", linger_s=1.0),
}
"""Provider slug → what its https address says instead of TLS."""


def asking(name: str) -> Attack:
    async def run(ground: Ground, chance: random.Random) -> str:
        target = chance.choice(("groq", ground.custom)) + "/attack/" + name.replace(" ", "%20").replace(",", "%2C")
        gateway, fields = chance.choice(((ground.open_gateway, KEY), (ground.closed_gateway, with_token(ground.run))))
        if chance.random() < 0.3:
            fields = {**fields, "cf-aig-collect-log-payload": "true"}
        leave_after = chance.choice((1, 30 << 20, 400 << 20 if name == "150 MB event line" else 30 << 20))
        body = {"model": "m", "stream": True}
        answer = await ground.ask("POST", ground.native(gateway, target), fields, body, leave_after=leave_after)
        if name == "huge error":
            return answer.outcome
        return no_fault_of_ours(answer, f"a provider's {name}")

    heavy = name in ("endless head", "endless body", "150 MB event line", "gzip bomb", "json bomb", "huge error")
    return Attack(f"provider: {name}", run, 2 if heavy else 6)


def greeted(slug: str) -> Attack:
    async def run(ground: Ground, chance: random.Random) -> str:
        answer = await ground.ask(
            "POST", ground.native(ground.closed_gateway, f"{slug}/x"), with_token(ground.run), {"model": "m"}
        )
        return no_fault_of_ours(answer, f"no TLS at {slug}")

    return Attack(f"provider: no TLS ({slug})", run, 5)


async def slow_reader(ground: Ground, chance: random.Random) -> str:
    """Asks for what never ends and reads little of it."""
    path = ground.native(ground.closed_gateway, "groq/attack/endless%20body")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            answer = await ground.ask("POST", path, with_token(ground.run), {"model": "m"}, pause_s=0.5)
            return answer.outcome
    return "left"


ATTACKS = (
    *(asking(name) for name in behaviours("")),
    *(greeted(slug) for slug in GREETINGS),
    Attack("slow readers of endless bodies", slow_reader, 6),
)
