"""The memory of a connection's last head: it may save parsing, it must never see a request where the parser sees none."""

import asyncio
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser

from gateway.edge.repeat import ArrivedBody, Repeat, Repeats
from gateway.model.faults import Refusal
from gateway.protocol.headers import RequestHead

HEAD = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\n\r\n"


def repeat_of(raw: bytes, length: int | None) -> Repeat | None:
    fields = ((b"content-length", b"%d" % length),) if length is not None else ()
    head = RequestHead(fields, http_10=False, limit_bytes=9999)
    return Repeat.of(raw, None, head)  # type: ignore[arg-type]


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
def test_only_the_length_may_differ(data: bytes, body: bytes | None) -> None:
    repeat = repeat_of(HEAD, 5)
    assert repeat is not None
    assert repeat.body_in(data) == body


def test_without_a_length_nothing_may_differ() -> None:
    raw = b"GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n"
    repeat = repeat_of(raw, None)
    assert repeat is not None
    assert repeat.body_in(raw) == b""
    assert repeat.body_in(raw + b"x") is None
    assert repeat.body_in(raw + raw) is None


@pytest.mark.parametrize(
    ("raw", "length"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 5 \r\n\r\n", 5),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\t\r\n\r\n", 5),
        (b"POST / HTTP/1.1\r\nContent-Length:\r\n 5\r\n\r\n", 5),
        (b"POST / HTTP/1.1\r\n\r\n", 5),
        (b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n", 5),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", None),
    ],
)
def test_bytes_and_parser_must_agree_on_the_length(raw: bytes, length: int | None) -> None:
    assert repeat_of(raw, length) is None


async def test_an_arrived_body_is_read_once() -> None:
    body = ArrivedBody(b"hello", RequestHead((), http_10=False, limit_bytes=0))
    assert body.is_eof()
    assert await body.readany() == b"hello"
    assert await body.readany() == body.read_nowait() == b""
    body.set_exception(RuntimeError())


def test_connections_share_a_head_as_long_as_one_of_them_keeps_it() -> None:
    repeats = Repeats(1 << 20)
    first, second = repeat_of(HEAD, 5), repeat_of(HEAD.replace(b" 5", b" 11"), 11)
    assert first is not None
    assert second is not None
    assert repeats.use(first) is first
    assert repeats.use(second) is first, "only the length differs"
    assert (len(repeats), first.users) == (1, 2)
    assert repeats.find(HEAD.replace(b" 5", b" 7") + b"seven..") is first
    repeats.leave(first)
    assert repeats.find(HEAD + b"hello") is first
    repeats.leave(first)
    assert len(repeats) == 0
    assert repeats.find(HEAD + b"hello") is None


def test_the_oldest_heads_are_forgotten_where_there_are_too_many() -> None:
    repeats = Repeats(100_000)
    made = [repeat_of(HEAD.replace(b"X: y", b"X: %d" % number), 5) for number in range(30)]
    for one in made:
        assert one is not None
        assert repeats.use(one) is one
        assert repeats.held_bytes <= 100_000
    first, last = made[0], made[-1]
    assert first is not None
    assert last is not None
    assert 10 < len(repeats) < 30
    assert first.forgotten
    assert not last.forgotten
    assert repeats.find(HEAD.replace(b"X: y", b"X: 29")) is last
    for data in (HEAD + b"hello", HEAD.replace(b"X: y", b"X: 0") + b"hello", b"\0", b"\0\0", b"", b"\r\n\r\n", b"\x005\r\0"):
        assert first.body_in(data) is None
        assert first.varied_in(data) is None
    for one in made:
        assert one is not None
        repeats.leave(one)
    assert (len(repeats), repeats.held_bytes) == (0, 0)


def test_one_head_may_not_take_most_of_it() -> None:
    one = repeat_of(HEAD.replace(b"X: y", b"X: " + b"y" * 60_000), 5)
    assert one is not None
    assert Repeats(1 << 20).use(one) is None
    assert Repeats(1 << 24).use(one) is one


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        HEAD[:-1],
        b"\r\n" + HEAD,
        HEAD.replace(b"X: y", b"X: z"),
        HEAD.replace(b" 5", b" x"),
        HEAD.replace(b"Content-Length: 5\r\n", b""),
        HEAD[:-2] + b"Content-Length: 5\r\n\r\n",
    ],
)
def test_other_heads_are_not_found(data: bytes) -> None:
    repeats, known = Repeats(1 << 20), repeat_of(HEAD, 5)
    assert known is not None
    repeats.use(known)
    assert repeats.find(data) is None
    assert repeats.find(HEAD + data) is known, "what comes behind a head is for `body_in` to judge"


# --- values that mean nothing to us ---------------------------------------------------------------------------

SENT = (
    b"POST /v1/a/g/openai/chat/completions HTTP/1.1\r\nHost: gateway.example\r\nauthorization: Bearer sk-x\r\n"
    b"cf-aig-authorization: Bearer agw\r\nX-Request-Id: 0123\r\ntraceparent:00-aa-bb-01\r\nX-Odd:  two\r\nX-Empty:\r\n"
    b"User-Agent: sdk\r\nContent-Length: 5\r\nX-Last: 1\r\n\r\n"
)


def parsed(data: bytes) -> list[tuple[Any, bytes]]:
    """What aiohttp's parser makes of it: messages and their bodies."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(SimpleNamespace(get_extra_info=lambda *_: None))  # type: ignore[arg-type]
    parser: Any = HttpRequestParser(protocol, loop, 65_536)
    messages, _, _ = parser.feed_data(data)
    return [(message, b"".join(getattr(body, "_buffer", ()))) for message, body in messages]


def sent_once() -> Repeat:
    ((message, _),) = parsed(SENT + b"hello")
    head = RequestHead(message.raw_headers, http_10=False, limit_bytes=9999)
    repeat = Repeat.of(SENT, message, head)
    assert repeat is not None
    return repeat


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        (b"0123", b"4567", True),
        (b"0123", b"much longer than it was", True),
        (b"00-aa", b"00-cc", True),
        (b"  two", b"  three", True),
        (b" 5\r\n", b" 05\r\n", True),
        (b"X-Last: 1", b"X-Last: \xc3\xa9", True),
        (b"X-Last: 1", b"X-Last: \xff", True),
        (b"X-Last: 1", b"X-Last: ", False),
        (b"X-Last: 1", b"X-Last: 1 ", False),
        (b"X-Last: 1", b"X-Last: 1\r\n folded", False),
        (b"X-Last: 1", b"X-Last : 1", False),
        (b"X-Last: 1", b"x-last: 2", False),
        (b"X-Last: 1", b"X-Last: 1\r\nX-New: 1", False),
        (b"X-Last: 1", b"Transfer-Encoding: chunked", False),
        (b"X-Last: 1", b"X-Last: 1\nTransfer-Encoding: chunked", False),
        (b"\r\nX-Last: 1", b"", False),
        (b"X-Empty:", b"X-Empty: 1", False),
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
    found = sent_once().varied_in(SENT.replace(old, new, 1) + b"hello")
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
                    at = data.find(dice.choice((b"0123", b"aa-bb", b"two", b"1\r\n\r\n"))) + 1
                    data[at:at] = bytes(dice.choice(likely) for _ in range(dice.randrange(3)))
        yield bytes(data)


async def test_what_is_taken_for_a_variation_is_what_the_parser_would_have_read() -> None:
    repeat, taken = sent_once(), 0
    for data in mutants(20_000):
        found = repeat.varied_in(data)
        if found is None:
            continue
        taken += 1
        head, body = found
        ((message, read),) = parsed(data)
        assert (message.method, message.path, message.version) == ("POST", "/v1/a/g/openai/chat/completions", (1, 1))
        assert head.fields == message.raw_headers
        assert body == read
        try:
            alone = RequestHead(message.raw_headers, http_10=False, limit_bytes=9999)
        except Refusal:
            pytest.fail(f"a head that is refused: {data!r}")
        assert (head.credentials, head.control, head.chunked) == (alone.credentials, alone.control, alone.chunked)
        assert alone.content_length == len(body)
        assert head.crossing() == alone.crossing()
    assert taken > 1000
