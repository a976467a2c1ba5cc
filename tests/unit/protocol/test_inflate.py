"""A copy is inflated for the reader: bounded, in any pieces, and never an error."""

import gzip
import zlib

import pytest

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.protocol.inflate import inflating

TEXT = b"The usage of it. " * 20_000


class Heard:
    """A reader that keeps what it is fed."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.whole: bool | None = None

    def feed(self, chunk: bytes) -> None:
        self.pieces.append(chunk)

    def finish(self, whole: bool) -> Usage:
        self.whole = whole
        return Usage(1, 2)


def heard(encoding: bytes, body: bytes, size: int = 1 << 20, ceiling: int = 1 << 20) -> tuple[Heard, Usage]:
    reader = Heard()
    inflater = inflating(encoding, reader, ceiling)
    assert inflater is not None
    for at in range(0, len(body), size):
        inflater.feed(body[at : at + size])
    return reader, inflater.finish(True)


def raw(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


@pytest.mark.parametrize("size", [1, 2, 1000, 1 << 20])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(TEXT)),
        (b"x-gzip", gzip.compress(TEXT)),
        (b" GZIP ", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:])),
        (b"gzip", gzip.compress(TEXT) + b"\0" * 512),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", raw(TEXT)),
        (b"deflate", raw(TEXT) + b"behind it"),
    ],
)
def test_the_reader_gets_what_was_compressed(encoding: bytes, body: bytes, size: int) -> None:
    reader, usage = heard(encoding, body, size)
    assert b"".join(reader.pieces) == TEXT
    assert (reader.whole, usage) == (True, Usage(1, 2))


def test_pieces_are_bounded() -> None:
    reader, _ = heard(b"gzip", gzip.compress(bytes(900_000)))
    assert max(map(len, reader.pieces)) <= 65536


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_a_bomb_is_unknown(size: int) -> None:
    reader, usage = heard(b"gzip", gzip.compress(bytes(1 << 24)), size, ceiling=100_000)
    assert sum(map(len, reader.pieces)) <= 100_000
    assert (reader.whole, usage) == (None, UNKNOWN_USAGE)


def test_thousands_of_empty_members_are_not_followed() -> None:
    reader, usage = heard(b"gzip", gzip.compress(b"") * 5000 + gzip.compress(b"x"))
    assert (reader.pieces, usage) == ([], UNKNOWN_USAGE)


def test_a_body_that_stops_early_is_not_whole() -> None:
    reader, usage = heard(b"gzip", gzip.compress(TEXT)[:-9])
    assert b"".join(reader.pieces)
    assert (reader.whole, usage) == (False, Usage(1, 2))


@pytest.mark.parametrize("body", [b"", b"\x78"])
def test_a_body_that_never_begins_is_not_whole(body: bytes) -> None:
    reader, _ = heard(b"deflate", body)
    assert (reader.pieces, reader.whole) == ([], False)


@pytest.mark.parametrize("body", [b"not gzip at all", gzip.compress(TEXT)[:10] + b"\xff" * 50])
def test_what_is_broken_is_unknown(body: bytes) -> None:
    assert heard(b"gzip", body)[1] == UNKNOWN_USAGE
    assert heard(b"gzip", body, 1)[1] == UNKNOWN_USAGE


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"compress", b"gzip, br", b"identity", b""])
def test_other_encodings_have_no_reader(encoding: bytes) -> None:
    assert inflating(encoding, Heard()) is None
