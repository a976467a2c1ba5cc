"""Response bodies (RFC 9112 sections 6 and 7): any split gives the same payload, nothing doubtful is taken for whole."""

from collections.abc import Iterator

import pytest

from gateway.upstream.framing import BadFraming, Chunked, Counted, Framing, NoBody, UntilClose, framing_for


def fed(framing: Framing, *pieces: bytes) -> bytes:
    return b"".join(framing.feed(piece) for piece in pieces)


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and cut in two at every place."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


# --- chunked ----------------------------------------------------------------------------------------

BODIES = {
    "one chunk": (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    "two chunks": (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
    "empty": (b"0\r\n\r\n", b""),
    "zeros before": (b"00000005\r\nhello\r\n000\r\n\r\n", b"hello"),
    "hexadecimal": (b"A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a"),
    "line ends within": (b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r"),
    "a body that looks like an end": (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    "extensions": (b'5;a=b;c="d"\r\nhello\r\n0;last\r\n\r\n', b"hello"),
    "space before an extension": (b"5 ;a\r\nhello\r\n0\r\n\r\n", b"hello"),
    "a long extension": (b"5;" + b"x" * 256 + b"\r\nhello\r\n0\r\n\r\n", b"hello"),
    "trailers": (b"5\r\nhello\r\n0\r\nx-sum: 1\r\nx-b: 2\r\n\r\n", b"hello"),
}


@pytest.mark.parametrize("name", BODIES)
def test_any_split_of_a_chunked_body_gives_its_payload(name: str) -> None:
    data, payload = BODIES[name]
    for pieces in splits(data):
        framing = Chunked()
        assert fed(framing, *pieces) == payload, pieces
        assert (framing.done, framing.clean, framing.end()) == (True, True, True), pieces


@pytest.mark.parametrize("name", BODIES)
def test_a_chunked_body_is_not_whole_before_its_last_byte(name: str) -> None:
    data, payload = BODIES[name]
    for at in range(len(data)):
        framing = Chunked()
        assert payload.startswith(fed(framing, data[:at]))
        assert not framing.done
        assert not framing.end()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("extra", [b"x", b"\r\n", b"5\r\nhello\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_bytes_behind_a_chunked_body_are_no_payload_and_end_reuse(name: str, extra: bytes) -> None:
    data, payload = BODIES[name]
    for pieces in splits(data + extra):
        framing = Chunked()
        assert fed(framing, *pieces) == payload
        assert (framing.done, framing.clean) == (True, False)
        assert framing.frame is None or len(pieces) > 1


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"\r\n",
        b"\n",
        b" 5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"0X5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"5h\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\r\r\nhello\r\n",
        b"5,a\r\nhello\r\n",
        b"5 6\r\nhello\r\n",
        b"123456789\r\n",
        b"000000005\r\nhello\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5;" + b"x" * 257 + b"\r\nhello\r\n",
        b"5\r\nhelloX\n",
        b"5\r\nhello\nX",
        b"5\r\nhelloXX",
        b"5\r\nhello world\r\n",
        b"5\r\nhello\r\n\r\n",
        b"5\r\nhello\r\n 0\r\n\r\n",
        b"5\r\nhello\r\n-0\r\n\r\n",
        b"5\r\nhello\r\n0x0\r\n\r\n",
        b"5;a\0b\r\nhello\r\n",
        b"0" * 600,
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nx-a: 1\r\nHTTP/1.1 200 OK\r\nx-b: 2\r\n\r\n",
        b"0\r\nx-a : 1\r\n\r\n",
        b"0\r\nx-a: 1\r\n folded\r\n\r\n",
        b"0\r\nx-a: \0\r\n\r\n",
        b"0\r\nx-a: 1\nx-b: 2\r\n\r\n",
        b"0\r\nx-a: 1\r\nContent-Length: 5\r\n\r\n",
        b"0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"0\r\n" + b"x: y\r\n" * 1400 + b"\r\n",
        b";a=b\r\n",
        b"\xb5\r\nhello\r\n",
    ],
)
def test_bad_chunks_are_never_taken(data: bytes) -> None:
    for pieces in splits(data):
        with pytest.raises(BadFraming):
            fed(Chunked(), *pieces)


def test_trailers_have_a_limit() -> None:
    framing = Chunked()
    framing.feed(b"0\r\n")
    with pytest.raises(BadFraming):
        for _ in range(10_000):
            framing.feed(b"x: y\r\n")


def test_a_size_line_has_a_limit() -> None:
    framing = Chunked()
    with pytest.raises(BadFraming):
        for _ in range(1000):
            framing.feed(b"1")


def test_memory_held_between_pieces_is_small() -> None:
    framing = Chunked()
    framing.feed(b"ffffffff\r\n")
    for _ in range(100):
        assert len(framing.feed(b"x" * 1000)) == 1000
    assert framing._line == b""


@pytest.mark.parametrize(
    ("data", "framed", "done"),
    [
        (b"5\r\nhello\r\n", True, False),
        (b"5\r\nhello\r\n0\r\n\r\n", True, True),
        (b"00005\r\nhello\r\n", True, False),
        (b"5\r\nhello\r\n6\r\n world\r\n", False, False),
        (b"5;a=b\r\nhello\r\n", False, False),
        (b"5 \r\nhello\r\n", False, False),
        (b"5\r\nhel", False, False),
        (b"5\r\nhello\r\n0\r\nx: y\r\n\r\n", False, True),
        (b"0\r\n\r\n", False, True),
        (b"5\r\nhello\r\n0\r\n\r\nextra", False, True),
    ],
)
def test_only_whole_plain_chunks_pass_as_they_are(data: bytes, framed: bool, done: bool) -> None:
    framing = Chunked()
    framing.feed(data)
    assert framing.frame == (data if framed else None)
    assert framing.done is done


def test_a_frame_is_told_of_the_last_piece_only() -> None:
    framing = Chunked()
    framing.feed(b"5\r\nhello\r\n")
    assert framing.frame is not None
    framing.feed(b"5\r\nhel")
    assert framing.frame is None
    framing.feed(b"lo\r\n")
    assert framing.frame is None
    framing.feed(b"5\r\nhello\r\n")
    assert framing.frame is not None
    framing.feed(b"0\r\n\r\n")
    assert (framing.frame, framing.done) == (None, True)


# --- the other framings -------------------------------------------------------------------------------


def test_a_counted_body_ends_at_its_length() -> None:
    for pieces in splits(b"hello"):
        framing = Counted(5)
        assert fed(framing, *pieces) == b"hello"
        assert (framing.done, framing.clean, framing.end()) == (True, True, True)


def test_a_counted_body_cut_short_is_not_whole() -> None:
    framing = Counted(5)
    assert framing.feed(b"hell") == b"hell"
    assert (framing.done, framing.end()) == (False, False)


def test_bytes_behind_a_counted_body_are_no_payload_and_end_reuse() -> None:
    for pieces in splits(b"hello!!"):
        framing = Counted(5)
        assert fed(framing, *pieces) == b"hello"
        assert (framing.done, framing.clean) == (True, False)


def test_a_body_until_close_ends_only_there() -> None:
    framing = UntilClose()
    assert fed(framing, b"a", b"", b"b") == b"ab"
    assert not framing.done
    assert framing.end()
    assert (framing.done, framing.clean) == (True, False)


def test_no_body_is_whole_at_once() -> None:
    framing = NoBody()
    assert (framing.done, framing.clean, framing.end()) == (True, True, True)
    assert framing.feed(b"") == b""
    assert framing.clean
    assert framing.feed(b"x") == b""
    assert not framing.clean


# --- which framing (RFC 9112 section 6.3) ---------------------------------------------------------------

LENGTH, CHUNKED = (b"content-length", b"5"), (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("method", "status", "fields", "kind", "length"),
    [
        ("GET", 200, [], UntilClose, None),
        ("POST", 200, [LENGTH], Counted, 5),
        ("POST", 200, [(b"content-length", b"0")], NoBody, 0),
        ("POST", 200, [CHUNKED], Chunked, None),
        ("POST", 200, [(b"transfer-encoding", b"Chunked")], Chunked, None),
        ("POST", 500, [CHUNKED], Chunked, None),
        ("HEAD", 200, [LENGTH], NoBody, 5),
        ("HEAD", 200, [CHUNKED], NoBody, None),
        ("HEAD", 200, [], NoBody, None),
        ("GET", 204, [], NoBody, None),
        ("GET", 204, [LENGTH], NoBody, 5),
        ("GET", 304, [LENGTH], NoBody, 5),
        ("GET", 304, [CHUNKED], NoBody, None),
        ("GET", 205, [], UntilClose, None),
        ("POST", 200, [(b"content-length", b"9" * 18)], Counted, 10**18 - 1),
    ],
)
def test_how_a_body_ends(method: str, status: int, fields, kind: type[Framing], length: int | None) -> None:
    framing, announced = framing_for(method, status, tuple(fields))
    assert type(framing) is kind
    assert announced == length


@pytest.mark.parametrize(
    ("method", "status", "field", "clean"),
    [
        ("GET", 204, None, True),
        ("GET", 204, (b"content-length", b"0"), True),
        ("GET", 204, LENGTH, False),
        ("GET", 204, CHUNKED, False),
        ("GET", 304, LENGTH, True),
        ("HEAD", 200, LENGTH, True),
        ("HEAD", 200, CHUNKED, True),
    ],
)
def test_a_204_with_framing_ends_reuse(method: str, status: int, field, clean: bool) -> None:
    framing, _ = framing_for(method, status, (field,) if field else ())
    assert framing.clean is clean


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "fields",
    [
        [LENGTH, CHUNKED],
        [CHUNKED, LENGTH],
        [LENGTH, (b"content-length", b"6")],
        [(b"content-length", b"5, 5")],
        [(b"content-length", b"5,6")],
        [(b"content-length", b"")],
        [(b"content-length", b"-5")],
        [(b"content-length", b"+5")],
        [(b"content-length", b"0x5")],
        [(b"content-length", b"5.0")],
        [(b"content-length", b"5 5")],
        [(b"content-length", b"1" * 19)],
        [CHUNKED, CHUNKED],
        [(b"transfer-encoding", b"gzip")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"chunked, chunked")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"")],
        [(b"transfer-encoding", b"xchunked")],
        [(b"transfer-encoding", b"chunked;x")],
    ],
)
def test_doubtful_framing_is_refused(method: str, fields) -> None:
    with pytest.raises(BadFraming):
        framing_for(method, 200, tuple(fields))
