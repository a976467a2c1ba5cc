"""A head that is another one but for values that mean nothing to us."""

import pytest

from gateway.protocol.headers import RequestHead
from gateway.protocol.varied_head import varied_head

FIELDS = (
    (b"Host", b"gateway.example"),
    (b"Authorization", b"Bearer sk"),
    (b"cf-aig-metadata", b"{}"),
    (b"X-Request-Id", b"1"),
    (b"My-X-Request-Id", b"1"),
    (b"traceparent", b"00-a-b-01"),
    (b"Connection", b"keep-alive, X-Hop"),
    (b"X-Hop", b"h"),
    (b"X-Twice", b"a"),
    (b"x-twice", b"a"),
    (b"User-Agent", b"sdk/1"),
    (b"Content-Type", b"application/json"),
    (b"Cookie", b"a=b"),
    (b"X-Forwarded-For", b"192.0.2.1"),
    (b"Content-Length", b"2"),
    (b"Accept-Encoding", b"gzip"),
    (b"Content-Encoding", b"gzip"),
)
FREE = {b"X-Request-Id", b"My-X-Request-Id", b"traceparent", b"Accept-Encoding"}


def base() -> RequestHead:
    return RequestHead(FIELDS, http_10=False, limit_bytes=9999)


def varied(one: RequestHead, **values: str) -> RequestHead | None:
    names = [name.decode().lower().replace("-", "_") for name, _ in FIELDS]
    return varied_head(one, [(names.index(name), value.encode()) for name, value in values.items()])


def test_what_nobody_reads_is_free() -> None:
    assert {name for number, (name, _) in enumerate(FIELDS) if base().free(number)} == FREE


def test_it_is_the_head_that_its_fields_make() -> None:
    known = base()
    made = varied(known, traceparent="00-c-d-01", x_request_id="2")
    assert made is not None
    alone = RequestHead(made.fields, http_10=False, limit_bytes=9999)
    assert made.value(b"x-request-id") == b"2"
    assert made.value(b"my-x-request-id") == b"1"
    assert (made.credentials, made.control, made.content_length) == (alone.credentials, alone.control, alone.content_length)
    assert made.coding == alone.coding == b"gzip"
    for without in (frozenset(), frozenset({b"authorization"}), frozenset({b"accept-encoding", b"traceparent"})):
        assert made.crossing(without) == alone.crossing(without)
        assert known.crossing(without) == base().crossing(without), "the base is as it was"


def test_the_first_line_of_a_block_varies_too() -> None:
    known = RequestHead(((b"X-Id", b"1"), (b"X-Other", b"1")), http_10=False, limit_bytes=99)
    made = varied_head(known, [(0, b"2"), (1, b"3")])
    assert made is not None
    assert made.crossing() == b"X-Id: 2\r\nX-Other: 3\r\n"


def test_what_is_derived_is_the_bases() -> None:
    known = base()
    known.memo["log"] = "kept"
    made = varied(known, x_request_id="2")
    assert made is not None
    assert made.base is known
    assert known.base is known
    assert made.memo is known.memo
    assert known.vary(b"block", frozenset()) == b"block"


def test_a_line_of_another_source_is_left_alone() -> None:
    known = RequestHead(((b"X-Id", b"1"),), http_10=False, limit_bytes=99)
    made = varied_head(known, [(0, b"2")])
    assert made is not None
    theirs = b"\r\nX-Id: 1\r\n"
    assert made.vary(theirs, frozenset({b"x-id"})) == theirs
    assert made.vary(theirs, frozenset()) == b"\r\nX-Id: 2\r\n"


@pytest.mark.parametrize("value", [b"", b" 2", b"2 ", b"\t2", b"2\t", b"2\x00", b"2\n3", b"2\r3", b"\x7f"])
def test_the_parser_judges_what_is_not_plainly_a_value(value: bytes) -> None:
    assert varied_head(base(), [(3, value)]) is None
