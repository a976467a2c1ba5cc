"""The memory of a connection's last head: it may save parsing, it must never see a request where the parser sees none."""

import pytest

from gateway.edge.repeat import ArrivedBody, Repeat, Repeats
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
    body = ArrivedBody(b"hello")
    assert body.is_eof()
    assert await body.readany() == b"hello"
    assert await body.readany() == body.read_nowait() == b""
    body.set_exception(RuntimeError())


def test_connections_share_a_head_as_long_as_one_of_them_keeps_it() -> None:
    repeats = Repeats()
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
    repeats, known = Repeats(), repeat_of(HEAD, 5)
    assert known is not None
    repeats.use(known)
    assert repeats.find(data) is None
    assert repeats.find(HEAD + data) is known, "what comes behind a head is for `body_in` to judge"
