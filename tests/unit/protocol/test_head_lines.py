"""Lines of heads: what is read of one, and how much of them is remembered."""

import pytest

from gateway.model.tokens import mint_token
from gateway.protocol.head_lines import Line, LineTable


def read(raw: bytes) -> Line | None:
    lines = LineTable().read([raw])
    return None if lines is None else lines[0]


@pytest.mark.parametrize(
    ("raw", "crossing", "free"),
    [
        (b"X-Request-Id: 1", b"X-Request-Id: 1\r\n", True),
        (b"traceparent:00-1", b"traceparent: 00-1\r\n", True),
        (b"X: a: b", b"X: a: b\r\n", True),
        (b"X: Jos\xe9", b"X: Jos\xe9\r\n", True),
        (b"Accept-Encoding: br", b"Accept-Encoding: br\r\n", True),
        (b"User-Agent: sdk", b"User-Agent: sdk\r\n", False),
        (b"CONTENT-TYPE: application/json", b"CONTENT-TYPE: application/json\r\n", False),
        (b"anthropic-version: 2023-06-01", b"anthropic-version: 2023-06-01\r\n", False),
        (b"Authorization: Bearer sk", b"Authorization: Bearer sk\r\n", False),
        (b"cf-aig-metadata: {}", b"", False),
        (b"Host: a", b"", False),
        (b"Cookie: a=b", b"", False),
        (b"X_Forwarded_For: 192.0.2.1", b"", False),
        (b"Connection: close", b"", False),
        (b"Origin: https://a", b"", False),
    ],
)
def test_what_crosses_and_what_is_read(raw: bytes, crossing: bytes, free: bool) -> None:
    line = read(raw)
    assert line is not None
    assert (line.crossing, line.free, line.length) == (crossing, free, -1)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"X", b"X:", b"X: ", b":", b": 1", b" X: 1", b"X : 1", b"X\t: 1", b"X:  1", b"X: 1 ", b"X:\t1", b"X: 1\t",
        b"X: \x00", b"X: a\rb", b"X: a\nb", b"X: \x7f", b"X\xe9: 1", b"X" * 200 + b": 1", b"(X): 1",
        b"Content-Length: ", b"Content-Length: +5", b"Content-Length: 5,5", b"Content-Length: 0x5", b"Content-Length: -1",
        b"Content-Length: " + b"1" * 19, "Content-Length: ٥".encode(), b"content-length: 5 ",
        pytest.param(b"X-Note: " + mint_token().encode(), id="token"), b"X-Note: Basic " + b"YWd3XzAxMjM0NTY3ODlhYmNkZWY=",
    ],
)  # fmt: skip
def test_what_is_left_to_the_parser(raw: bytes) -> None:
    assert read(raw) is None
    assert LineTable().read([b"X: 1", raw]) is None


def test_a_credential_of_ours_is_read_and_does_not_cross() -> None:
    line = read(b"Authorization: Bearer " + mint_token().encode())
    assert line is not None
    assert (line.crossing, line.free) == (b"", False)


@pytest.mark.parametrize(("raw", "length"), [(b"Content-Length: 5", 5), (b"content-length:0", 0), (b"CONTENT-LENGTH: 007", 7)])
def test_the_length_of_the_body(raw: bytes, length: int) -> None:
    line = read(raw)
    assert line is not None
    assert (line.length, line.free, line.crossing) == (length, False, b"")


def test_a_line_is_read_once() -> None:
    table = LineTable()
    (first,) = table.read([b"User-Agent: sdk"]) or [None]
    (second,) = table.read([bytes(bytearray(b"User-Agent: sdk"))]) or [None]
    assert first is second


def test_lines_that_nobody_used_since_the_last_sweep_go() -> None:
    table = LineTable()
    table.read([b"Host: a", b"Host: b"])
    table.sweep()
    table.read([b"Host: a"])
    table.sweep()
    assert len(table) == 1
    assert table.held_bytes > 0
    table.sweep()
    assert (len(table), table.held_bytes) == (0, 0)
    table.read([b"Host: a"])
    table.clear()
    assert (len(table), table.held_bytes) == (0, 0)


def test_ids_do_not_fill_the_table() -> None:
    table = LineTable()
    for number in range(5000):
        assert table.read([b"X-Request-Id: %d" % number, b"Content-Length: %d" % number]) is not None
    assert len(table) < 1200
    for number in range(5000):
        assert table.read([b"Authorization: Bearer sk-%d" % number]) is not None
    assert len(table) > 5000, "credentials are as many as clients"
    before = len(table)
    assert table.read([b"Authorization: " + b"x" * 3000]) is not None
    assert len(table) == before, "long lines are read each time"


def test_made_up_names_do_not_fill_memory() -> None:
    table = LineTable()
    for number in range(9000):
        table.read([b"X-%d: %s" % (number, b"x" * 3000)])
    assert len(table._names) <= 4096
    assert len(table) == 0
