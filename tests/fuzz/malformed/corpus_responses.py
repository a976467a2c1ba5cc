"""Raw answers of a provider, each with what the client must see: a 502, a visible cut, or the whole of a good answer."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

MARK = b"canary-8e1b"

Outcome = Literal["502", "cut", "whole"]


class Answer(NamedTuple):
    name: str
    raw: bytes
    outcome: Outcome
    """`502`: nothing of it reaches the client; `cut`: the client sees that it is not whole; `whole`: it is."""
    status: int = 200
    body: bytes = b""
    closes: bool = False
    """The provider closes behind it."""
    reused: bool = False
    """The connection may serve another request."""
    method: str = "POST"


OK = b"HTTP/1.1 200 OK\r\n"
GOOD = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def broken(name: str, raw: bytes, *, closes: bool = False) -> Answer:
    return Answer(name, raw, "502", 502, closes=closes)


def cut(name: str, raw: bytes, *, closes: bool = False) -> Answer:
    return Answer(name, raw, "cut", closes=closes)


def status_lines() -> Iterable[Answer]:
    for name, line in {
        "word": MARK,
        "empty": b"",
        "no-status": b"HTTP/1.1",
        "no-number": b"HTTP/1.1 abc OK",
        "short": b"HTTP/1.1 20 OK",
        "long": b"HTTP/1.1 2000 OK",
        "minus": b"HTTP/1.1 -20 OK",
        "plus": b"HTTP/1.1 +20 OK",
        "zero": b"HTTP/1.1 000 OK",
        "99": b"HTTP/1.1 099 OK",
        "600": b"HTTP/1.1 600 No",
        "999": b"HTTP/1.1 999 No",
        "09": b"HTTP/0.9 200 OK",
        "12": b"HTTP/1.2 200 OK",
        "20": b"HTTP/2.0 200 OK",
        "2": b"HTTP/2 200 OK",
        "lower": b"http/1.1 200 OK",
        "icy": b"ICY 200 OK",
        "space-before": b" HTTP/1.1 200 OK",
        "tab": b"HTTP/1.1\t200\tOK",
        "reason-cr": b"HTTP/1.1 200 O\rK",
        "reason-nul": b"HTTP/1.1 200 O\x00K",
        "reason-escape": b"HTTP/1.1 200 O\x1bK",
        "reason-lf": b"HTTP/1.1 200 OK\nX: " + MARK,
        "request": b"GET / HTTP/1.1",
        "html": b"<html>" + MARK,
        "101": b"HTTP/1.1 101 Switching Protocols",
    }.items():
        yield broken(f"status-{name}", line + b"\r\nContent-Length: 5\r\n\r\nhello")
    yield broken(
        "status-101-upgrade",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    )
    yield broken("status-lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")
    yield broken("status-tls", b"\x15\x03\x03\x00\x02\x02\x28", closes=True)
    yield broken("nothing", b"", closes=True)
    yield broken("half-a-status", b"HTTP/1.", closes=True)
    yield broken("half-a-head", OK + b"Content-Le", closes=True)
    yield broken("head-without-end", OK + b"Content-Length: 5\r\n", closes=True)
    yield Answer("reason-none", b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", "whole", body=b"hello", reused=True)


def fields() -> Iterable[Answer]:
    for name, field in {
        "nul": b"X: a\x00b",
        "bare-cr": b"X: a\rb",
        "bare-lf": b"X: a\nY: b",
        "escape": b"X: \x1b[31m",
        "del": b"X: \x7f",
        "vertical-tab": b"X: a\x0bb",
        "fold": b"X: a\r\n b",
        "fold-tab": b"X: a\r\n\tb",
        "no-colon": MARK,
        "no-colon-known-name": b"Content-Type: a/b\r\nContent-Type",
        "no-colon-seen-name": b"X-Seen: a\r\nX-Seen",
        "no-name": b": " + MARK,
        "space-before-colon": b"X : a",
        "tab-before-colon": b"X\t: a",
        "space-in-name": b"X Y: a",
        "nul-in-name": b"X\x00: a",
        "utf8-in-name": "é: a".encode(),
        "split": b"X: a\r\r\nSet-Cookie: " + MARK,
        "length-space-before-colon": b"Content-Length : 3",
        "coding-space-before-colon": b"Transfer-Encoding : chunked",
        "coding-folded": b"Transfer-Encoding:\r\n chunked",
    }.items():
        yield broken(f"field-{name}", OK + field + b"\r\nContent-Length: 5\r\n\r\nhello")
    yield broken("field-too-long", OK + b"X: " + b"y" * 9000 + b"\r\nContent-Length: 5\r\n\r\nhello")
    yield broken("field-flood", OK + b"X: y\r\n" * 500 + b"Content-Length: 5\r\n\r\nhello")
    yield broken("head-too-large", OK + (b"X: " + b"y" * 800 + b"\r\n") * 100 + b"Content-Length: 5\r\n\r\nhello")
    yield broken("head-never-ends", OK + b"X: y\r\n" * 20_000)
    yield broken("line-never-ends", OK + b"X" * 100_000)
    yield Answer(
        "field-own-name",
        OK + b"cf-aig-log-id: " + MARK + b"\r\nContent-Length: 5\r\n\r\nhello",
        "whole",
        body=b"hello",
        reused=True,
    )
    yield Answer(
        "field-cookie", OK + b"Set-Cookie: " + MARK + b"\r\nContent-Length: 5\r\n\r\nhello", "whole", body=b"hello", reused=True
    )
    yield Answer(
        "field-named-by-connection",
        OK + b"Connection: x-hop\r\nX-Hop: " + MARK + b"\r\nContent-Length: 5\r\n\r\nhello",
        "whole",
        body=b"hello",
        reused=True,
    )
    yield Answer(
        "connection-names-length",
        OK + b"Connection: content-length\r\nContent-Length: 5\r\n\r\nhello",
        "whole",
        body=b"hello",
        reused=True,
    )


def framings() -> Iterable[Answer]:
    for name, field in {
        "both": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        "both-other-order": b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        "length-twice-same": b"Content-Length: 5\r\nContent-Length: 5",
        "length-twice": b"Content-Length: 5\r\nContent-Length: 6",
        "length-list": b"Content-Length: 5, 6",
        "length-plus": b"Content-Length: +5",
        "length-minus": b"Content-Length: -5",
        "length-word": b"Content-Length: five",
        "length-empty": b"Content-Length:",
        "length-hexadecimal": b"Content-Length: 0x5",
        "length-huge": b"Content-Length: " + b"9" * 40,
        "length-spaces": b"Content-Length: 5 5",
        "coding-gzip": b"Transfer-Encoding: gzip",
        "coding-gzip-chunked": b"Transfer-Encoding: gzip, chunked",
        "coding-twice": b"Transfer-Encoding: chunked, chunked",
        "coding-two-lines": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "coding-identity": b"Transfer-Encoding: identity",
        "coding-unknown": b"Transfer-Encoding: xchunked",
        "coding-comma": b"Transfer-Encoding: ,chunked",
        "coding-empty": b"Transfer-Encoding:",
        "coding-tab": b"Transfer-Encoding: chunked\t",
        "length-tab": b"Content-Length: 5\t",
        "coding-parameter": b"Transfer-Encoding: chunked;q=1",
        "both-named-away": b"Connection: content-length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    }.items():
        yield broken(f"framing-{name}", OK + field + b"\r\n\r\n5\r\nhello\r\n" + LAST)
    yield broken("framing-chunked-http-10", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + LAST)


def bodies() -> Iterable[Answer]:
    for name, coded in {
        "size-word": b"x\r\nhello\r\n",
        "size-minus": b"-5\r\nhello\r\n",
        "size-plus": b"+5\r\nhello\r\n",
        "size-0x": b"0x5\r\nhello\r\n",
        "size-empty": b"\r\nhello\r\n",
        "size-huge": b"fffffffff\r\nhello\r\n",
        "size-space-before": b" 5\r\nhello\r\n",
        "size-lf": b"5\nhello\r\n",
        "data-long": b"5\r\nhello!\r\n",
        "data-lf": b"5\r\nhello\n",
        "data-without-end": b"5\r\nhello5\r\n",
        "ext-nul": b"5;\x00\r\nhello\r\n",
        "ext-cr": b"5;a\rb\r\nhello\r\n",
        "ext-flood": b"5;" + b"e" * 70_000 + b"\r\nhello\r\n",
        "size-zeros": b"0" * 70_000 + b"5\r\nhello\r\n",
        "trailer-no-colon": b"5\r\nhello\r\n0\r\n" + MARK + b"\r\n\r\n",
        "trailer-space": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
        "trailer-folded": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
        "trailer-nul": b"5\r\nhello\r\n0\r\nX: \x00\r\n\r\n",
        "trailer-lf": b"5\r\nhello\r\n0\r\nX: y\nZ: y\r\n\r\n",
        "trailer-flood-with-an-end": b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        "trailer-length": b"5\r\nhello\r\n0\r\nX: y\r\nContent-length: 5\r\n\r\n",
        "trailer-coding": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "trailer-is-the-next-head": b"5\r\nhello\r\n0\r\n" + GOOD,
        "trailer-flood": b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 20_000,
    }.items():
        yield cut(f"chunk-{name}", CHUNKED + b"2\r\nhi\r\n" + coded)
        yield cut(f"first-chunk-{name}", CHUNKED + coded)
    yield cut("chunk-short", CHUNKED + b"5\r\nhel", closes=True)
    yield cut("chunk-no-last", CHUNKED + b"5\r\nhello\r\n", closes=True)
    yield cut("chunk-half-a-last", CHUNKED + b"5\r\nhello\r\n0\r\n", closes=True)
    yield cut("chunk-half-a-trailer", CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n", closes=True)
    yield cut("chunk-none", CHUNKED, closes=True)
    yield cut("length-short", OK + b"Content-Length: 9\r\n\r\nhello", closes=True)
    yield cut("length-none", OK + b"Content-Length: 9\r\n\r\n", closes=True)
    yield cut(
        "events-cut",
        OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n",
        closes=True,
    )
    hello = b"hello"
    yield Answer("good-length", GOOD, "whole", body=hello, reused=True)
    yield Answer("good-chunked", CHUNKED + b"5\r\nhello\r\n" + LAST, "whole", body=hello, reused=True)
    yield Answer(
        "good-trailers", CHUNKED + b"5;x=y\r\nhello\r\n0\r\nX: " + MARK + b"\r\n\r\n", "whole", body=hello, reused=True
    )
    yield Answer("good-until-close", OK + b"\r\nhello", "whole", body=hello, closes=True)
    yield Answer("good-http-10", b"HTTP/1.0 200 OK\r\n\r\nhello", "whole", body=hello, closes=True)
    yield Answer("good-204", b"HTTP/1.1 204 No Content\r\n\r\n", "whole", 204, reused=True)
    yield Answer("good-304", b"HTTP/1.1 304 Not Modified\r\n\r\n", "whole", 304, reused=True)
    yield Answer(
        "good-gzip-is-not-read",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        "whole",
        body=hello,
        reused=True,
    )
    yield Answer(
        "good-unknown-encoding-is-not-read",
        OK + b"Content-Encoding: x-unknown, gzip\r\nContent-Length: 5\r\n\r\nhello",
        "whole",
        body=hello,
        reused=True,
    )
    yield Answer("length-extra", GOOD + MARK, "whole", body=hello)
    yield Answer("length-extra-answer", GOOD + GOOD, "whole", body=hello)
    yield Answer("length-0-extra", OK + b"Content-Length: 0\r\n\r\n" + MARK, "whole")
    yield Answer("chunk-extra", CHUNKED + b"5\r\nhello\r\n" + LAST + MARK, "whole", body=hello)
    yield Answer("chunk-extra-answer", CHUNKED + b"5\r\nhello\r\n" + LAST + GOOD, "whole", body=hello)
    yield Answer("204-with-a-body", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "whole", 204)
    yield Answer("304-with-a-body", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "whole", 304)
    yield Answer("head-with-a-body", GOOD, "whole", method="HEAD")
    yield Answer("head-without-a-body", OK + b"Content-Length: 5\r\n\r\n", "whole", method="HEAD", reused=True)
    yield Answer("close-asked", OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", "whole", body=hello)


def interim() -> Iterable[Answer]:
    hints, go_on = b"HTTP/1.1 103 Early Hints\r\nLink: " + MARK + b"\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"
    yield Answer("interim-100", go_on + GOOD, "whole", body=b"hello", reused=True)
    yield Answer("interim-103", hints + GOOD, "whole", body=b"hello", reused=True)
    yield Answer("interim-some", (hints + go_on) * 5 + GOOD, "whole", body=b"hello", reused=True)
    yield Answer("interim-102", b"HTTP/1.1 102 Processing\r\n\r\n" + GOOD, "whole", body=b"hello", reused=True)
    yield broken("interim-flood", go_on * 500 + GOOD)
    yield broken("interim-flood-hints", hints * 500 + GOOD)
    yield broken("interim-then-end", go_on, closes=True)
    yield broken("interim-then-101", go_on + b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    yield broken("interim-unclean", b"HTTP/1.1 103 Early Hints\r\nX: a\x00\r\n\r\n" + GOOD)
    yield broken("interim-with-a-body", b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + GOOD)
    yield broken("interim-then-garbage", go_on + MARK + b"\r\n\r\n")


ANSWERS = tuple(answer for group in (status_lines, fields, framings, bodies, interim) for answer in group())
