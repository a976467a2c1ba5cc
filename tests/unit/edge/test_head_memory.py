"""The memory of heads: it may save parsing, it must never see a request where the parser sees none."""

import asyncio
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser

from gateway.edge.head_memory import HeadMemory, KnownHead, WholeBody
from gateway.model.faults import Refusal
from gateway.protocol.headers import RequestHead

HEAD = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\n\r\n"
LIMIT = 65_536


def parsed(data: bytes) -> list[tuple[Any, bytes]]:
    """What aiohttp's parser makes of it: messages and their bodies."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(SimpleNamespace(get_extra_info=lambda *_: None))  # type: ignore[arg-type]
    parser: Any = HttpRequestParser(protocol, loop, 65_536)
    messages, _, _ = parser.feed_data(data)
    return [(message, b"".join(getattr(body, "_buffer", ()))) for message, body in messages]


def learned(memory: HeadMemory, raw: bytes) -> KnownHead | None:
    """What the memory keeps of a head that came alone."""
    ((message, _),) = parsed(raw)
    return memory.learn(raw, message, RequestHead(message.raw_headers, http_10=False, limit_bytes=99_999))


def known(raw: bytes = HEAD) -> KnownHead:
    found = learned(HeadMemory(1 << 20), raw)
    assert found is not None
    return found


def whole(memory: HeadMemory, data: bytes) -> tuple[KnownHead, bytes] | None:
    """The head and the body, where `data` is exactly one request with a head that is known."""
    found = memory.find(data, LIMIT)
    if found is None or len(data) - found.end != (found.length or 0):
        return None
    return found.known, data[found.end :]


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (HEAD + b"hello", b"hello"),
        (HEAD.replace(b" 5", b" 11") + b"hello world", b"hello world"),
        (HEAD.replace(b" 5", b" 0"), b""),
        (HEAD.replace(b" 5", b" 005") + b"hello", b"hello"),
        (HEAD, None),
        (HEAD + b"hell", None),
        (HEAD + b"hello!", None),
        (HEAD + b"hello" + HEAD + b"hello", None),
        (HEAD[:-1], None),
        (HEAD.replace(b" 5", b" +5") + b"hello", None),
        (HEAD.replace(b" 5", b" ") + b"hello", None),
        (HEAD.replace(b" 5", b" 5 ") + b"hello", None),
        (HEAD.replace(b" 5", b" 5,5") + b"hello", None),
        (HEAD.replace(b" 5", b" 0x5") + b"hello", None),
        (HEAD.replace(b" 5", b" -5") + b"hello", None),
        (HEAD.replace(b" 5", " ٥".encode()) + b"hello", None),
        (HEAD.replace(b" 5", b" 5\r\nContent-Length: 5") + b"hello", None),
        (HEAD.replace(b" 5", b" " + b"0" * 30 + b"5") + b"hello", None),
        (HEAD.replace(b"X: y", b"X: z") + b"hello", None),
        (HEAD.replace(b"X: y", b"X: y\r\nZ: z") + b"hello", None),
        (HEAD.replace(b"X: y", b"Transfer-Encoding: chunked") + b"hello", None),
        (b"\r\n" + HEAD + b"hello", None),
        (b"", None),
    ],
)
async def test_only_the_length_may_differ(data: bytes, body: bytes | None) -> None:
    assert known().body_in(data) == body


async def test_without_a_length_nothing_may_differ() -> None:
    raw = b"GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n"
    one = known(raw)
    assert one.body_in(raw) == b""
    assert one.body_in(raw + b"x") is None
    assert one.body_in(raw + raw) is None


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 5 \r\n\r\n", [(b"Content-Length", b"5")]),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\t\r\n\r\n", [(b"Content-Length", b"5")]),
        (b"POST / HTTP/1.1\r\nContent-Length:\r\n 5\r\n\r\n", [(b"Content-Length", b"5")]),
        (b"POST / HTTP/1.1\r\n\r\n", [(b"Content-Length", b"5")]),
        (b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n", [(b"Content-Length", b"5")]),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", []),
        (b"POST / HTTP/1.1\r\nX: 5\r\n\r\n", [(b"X", b"6")]),
        (b"POST / HTTP/1.1\r\nX: 5\r\n\r\n", [(b"x", b"5")]),
        (b"POST / HTTP/1.1\r\nX: 5\r\nY: 6\r\n\r\n", [(b"X", b"5")]),
        (b"POST /other HTTP/1.1\r\nX: 5\r\n\r\n", [(b"X", b"5")]),
        (b"PUT / HTTP/1.1\r\nX: 5\r\n\r\n", [(b"X", b"5")]),
        (b"POST / HTTP/1.0\r\nX: 5\r\n\r\n", [(b"X", b"5")]),
        (b"POST  / HTTP/1.1\r\nX: 5\r\n\r\n", [(b"X", b"5")]),
        (b"POST / HTTP/1.1\r\nConnection: X\r\nX: 5\r\n\r\n", [(b"Connection", b"X"), (b"X", b"5")]),
    ],
)
def test_bytes_and_parser_must_agree(raw: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    message = SimpleNamespace(method="POST", path="/", version=(1, 1))
    head = RequestHead(tuple(fields), http_10=False, limit_bytes=9999)
    assert HeadMemory(1 << 20).learn(raw, message, head) is None


async def test_a_whole_body_is_read_once() -> None:
    body = WholeBody(b"hello", RequestHead((), http_10=False, limit_bytes=0))
    assert body.is_eof()
    assert len(body) == 5
    assert await body.readany() == b"hello"
    assert await body.readany() == body.read_nowait() == b""
    body.set_exception(RuntimeError())


async def test_what_was_not_used_since_the_last_sweep_is_forgotten() -> None:
    memory = HeadMemory(1 << 20)
    first, second = learned(memory, HEAD), learned(memory, HEAD.replace(b"/v1/x", b"/v1/y"))
    assert first is not None
    assert second is not None
    memory.sweep()
    assert (len(memory), whole(memory, HEAD + b"hello")) == (2, (first, b"hello"))
    memory.sweep()
    assert len(memory) == 1
    for data in (HEAD + b"hello", b"\0", b"\0\0", b"", b"\r\n\r\n", b"\x005\r\0"):
        assert second.body_in(data) is None
    assert (second.message, second.lines) == (None, [])
    first.used = True  # compared by its bytes alone
    memory.sweep()
    assert whole(memory, HEAD.replace(b"X: y", b"X: other") + b"hello") == (first, b"hello")
    memory.sweep()
    memory.sweep()
    assert (len(memory), memory.held_bytes) == (0, 0)
    assert whole(memory, HEAD + b"hello") is None


async def test_it_holds_no_more_than_it_may() -> None:
    memory = HeadMemory(100_000)
    kept: list[KnownHead] = []
    for number in range(300):
        raw = HEAD.replace(b"/v1/x", b"/v1/%d" % number)
        one = learned(memory, raw)
        assert one is not None
        kept.append(one)
        assert memory.held_bytes <= 100_000
    assert 3 < len(memory) < 30
    assert kept[0].message is None
    for number in range(3000):  # ids, of clients and of names that strangers make up
        memory.find(HEAD.replace(b"X: y", b"X-%d: %d" % (number % 700, number)) + b"hello", LIMIT)
        assert memory.held_bytes <= 100_000 + 10_000


async def test_one_head_may_not_take_most_of_it() -> None:
    raw = HEAD.replace(b"X: y", b"X: " + b"y" * 1500)
    assert learned(HeadMemory(1 << 17), raw) is None
    assert learned(HeadMemory(1 << 20), raw) is not None


async def test_a_long_head_is_for_the_parser() -> None:
    memory = HeadMemory(1 << 20)
    assert learned(memory, HEAD) is not None
    assert memory.find(HEAD.replace(b"X: y", b"X: " + b"y" * 7000), LIMIT) is not None
    for long in (b"X: " + b"y" * 8180, b"\r\n".join([b"X: y"] * 120)):
        assert memory.find(HEAD.replace(b"X: y", long) + b"hello", LIMIT) is None
        assert learned(memory, HEAD.replace(b"X: y", long)) is None
    assert memory.find(HEAD.replace(b"X: y", b"X: " + b"y" * 700), 600) is None, "the configured limit"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        HEAD[:-1],
        b"\r\n" + HEAD,
        HEAD.replace(b" 5", b" x"),
        HEAD.replace(b"Content-Length: 5\r\n", b""),
        HEAD[:-2] + b"Content-Length: 5\r\n\r\n",
        HEAD.replace(b"Host: a", b"Host: b"),
        HEAD.replace(b"Host: a\r\n", b""),
        HEAD.replace(b"Host: a", b"Host: a\r\nHost: a"),
    ],
)
async def test_other_heads_are_not_found(data: bytes) -> None:
    memory = HeadMemory(1 << 20)
    assert learned(memory, HEAD) is not None
    assert memory.find(data, LIMIT) is None
    assert memory.find(HEAD + data, LIMIT) is not None, "what comes behind a head is for the caller to judge"


# --- values that mean nothing to us ---------------------------------------------------------------------------

SENT = (
    b"POST /v1/a/g/openai/chat/completions HTTP/1.1\r\nHost: gateway.example\r\nauthorization: Bearer sk-x\r\n"
    b"cf-aig-authorization: Bearer agw\r\nX-Request-Id: 0123\r\ntraceparent:00-aa-bb-01\r\n"
    b"User-Agent: sdk\r\nContent-Length: 5\r\nX-Last: 1\r\n\r\n"
)


async def taught() -> HeadMemory:
    memory = HeadMemory(1 << 20)
    assert learned(memory, SENT) is not None
    return memory


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        (b"0123", b"4567", True),
        (b"0123", b"much longer than it was", True),
        (b"00-aa", b"00-cc", True),
        (b" 5\r\n", b" 05\r\n", True),
        (b"X-Last: 1", b"X-Last: \xc3\xa9", True),
        (b"X-Last: 1", b"X-Last: \xff", True),
        (b"X-Last: 1", b"X-Last: ", False),
        (b"X-Last: 1", b"X-Last: 1 ", False),
        (b"X-Last: 1", b"X-Last: 1\r\n folded", False),
        (b"X-Last: 1", b"X-Last : 1", False),
        (b"X-Last: 1", b"x-last: 2", True),
        (b"X-Last: 1", b"X-Last: 1\r\nX-New: 1", True),
        (b"X-Last: 1", b"X-Last: 1\r\nX-Last: 1", True),
        (b"X-Last: 1", b"X-Last:  1", False),
        (b"X-Last: 1", b"X-Last:", False),
        (b"X-Last: 1", b"X-Last: agw_0123456789abcdef", False),
        (b"X-Last: 1", b"cf-last: 1", False),
        (b"X-Last: 1", b"Cookie: 1", False),
        (b"X-Last: 1", b"X_Forwarded_For: 1", False),
        (b"X-Last: 1", b"Connection: X-Request-Id", False),
        (b"X-Last: 1", b"Expect: 100-continue", False),
        (b"X-Last: 1", b"Content-Length: 5", False),
        (b"X-Last: 1", b": 1", False),
        (b"X-Last: 1", b"X\xc3\xa9: 1", False),
        (b"X-Last: 1", b"Transfer-Encoding: chunked", False),
        (b"X-Last: 1", b"X-Last: 1\nTransfer-Encoding: chunked", False),
        (b"\r\nX-Last: 1", b"", True),
        (b"0123", b"01\x0023", False),
        (b"0123", b"x" * 9000, False),
        (b" 5\r\n", b" 6\r\n", False),
        (b" 5\r\n", b" \r\n", False),
        (b" 5\r\n", b" +5\r\n", False),
        (b" 5\r\n", b" 5 \r\n", False),
        (b" 5\r\n", b" 5, 5\r\n", False),
        (b" 5\r\n", b" " + b"0" * 30 + b"5\r\n", False),
        (b"sk-x", b"sk-y", False),
        (b"agw", b"other", False),
        (b"gateway.example", b"other.example", False),
        (b"User-Agent: sdk", b"User-Agent: other", False),
        (b"/openai/", b"/groq/", False),
        (b"POST", b"PUT", False),
        (b"HTTP/1.1", b"HTTP/1.0", False),
    ],
)
async def test_only_what_nobody_reads_may_vary(old: bytes, new: bytes, known: bool) -> None:
    assert old in SENT
    found = whole(await taught(), SENT.replace(old, new, 1) + b"hello")
    assert (found is not None) is known
    if found is not None:
        assert found[1] == b"hello"


def mutants(count: int) -> Iterator[bytes]:
    """The request with some bytes changed, mostly in values."""
    dice = random.Random(11)
    likely = b'abc0123456789 \t:;,\r\n\x00\x7f\xc3\xa9\xff-\\"%'
    for _ in range(count):
        data = bytearray(SENT + b"hello")
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[at] = dice.choice(likely)
                case 1:
                    data.insert(at, dice.choice(likely))
                case 2:
                    del data[at]
                case _:
                    at = data.find(dice.choice((b"0123", b"aa-bb", b"1\r\n\r\n"))) + 1
                    data[at:at] = bytes(dice.choice(likely) for _ in range(dice.randrange(3)))
        yield bytes(data)


async def test_what_is_found_is_what_the_parser_would_have_read() -> None:
    memory, taken = await taught(), 0
    for data in mutants(20_000):
        found = memory.find(data, LIMIT)
        if found is None or len(data) - found.end != (found.length or 0):
            continue
        taken += 1
        ((message, read),) = parsed(data)
        assert (message.method, message.path, message.version) == ("POST", "/v1/a/g/openai/chat/completions", (1, 1))
        assert data[found.end :] == read
        try:
            alone = RequestHead(message.raw_headers, http_10=False, limit_bytes=9999)
        except Refusal:
            pytest.fail(f"a head that is refused: {data!r}")
        head = found.head
        assert (head.credentials, head.control, head.chunked) == (alone.credentials, alone.control, alone.chunked)
        assert alone.content_length == found.length
        lines = found.known.lines if found.lines is None else found.lines
        assert b"".join(line.crossing for line in lines) == alone.crossing()
    assert taken > 900
