"""A copy is inflated for the reader: bounded, in any pieces, and never an error."""

import gzip
import zlib
from collections.abc import Callable
from itertools import count

import brotli
import pytest

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.protocol.inflate import CeilingError, CodingError, beginning, codings, decoding, inflating, unknown_coding, zstd

TEXT = b"The usage of it. " * 20_000


class Heard:
    """A reader that keeps what it is fed."""

    streamed = failed = False

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
        (b"br", brotli.compress(TEXT)),
        (b"zstd", zstd.compress(TEXT)),
        (b"ZSTD", zstd.compress(TEXT[:99]) + zstd.compress(TEXT[99:])),
        (b"zstd", b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(TEXT)),
        (b"gzip, br", brotli.compress(gzip.compress(TEXT))),
        (b"identity,, deflate , identity,zstd", zstd.compress(zlib.compress(TEXT))),
    ],
    ids=count(),
)
def test_the_reader_gets_what_was_compressed(encoding: bytes, body: bytes, size: int) -> None:
    reader, usage = heard(encoding, body, size)
    assert b"".join(reader.pieces) == TEXT
    assert (reader.whole, usage) == (True, Usage(1, 2))


CODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": brotli.compress,
    b"zstd": zstd.compress,
}


@pytest.mark.parametrize("encoding", CODERS)
def test_pieces_are_bounded(encoding: bytes) -> None:
    reader, _ = heard(encoding, CODERS[encoding](bytes(900_000)))
    assert max(map(len, reader.pieces)) <= 2 * 65536


@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 1 << 20])
@pytest.mark.parametrize("encoding", CODERS)
def test_a_bomb_is_unknown(encoding: bytes, size: int) -> None:
    reader, usage = heard(encoding, CODERS[encoding](bytes(1 << 24)), size, ceiling=100_000)
    assert sum(map(len, reader.pieces)) <= 100_000
    assert (reader.whole, usage) == (None, UNKNOWN_USAGE)


@pytest.mark.slow
@pytest.mark.parametrize("inner", CODERS)
@pytest.mark.parametrize("outer", CODERS)
def test_a_bomb_within_a_bomb_is_unknown(inner: bytes, outer: bytes) -> None:
    bomb = CODERS[outer](CODERS[inner](bytes(1 << 24)))
    reader, usage = heard(b"%b, %b" % (inner, outer), bomb, ceiling=100_000)
    assert sum(map(len, reader.pieces)) <= 100_000
    assert usage == UNKNOWN_USAGE


@pytest.mark.parametrize("encoding", CODERS)
def test_every_flushed_event_is_read_at_once(encoding: bytes) -> None:
    """A provider flushes its coder behind each event; the reader must not wait for more."""
    coder = {
        b"gzip": zlib.compressobj(wbits=31),
        b"deflate": zlib.compressobj(),
        b"br": brotli.Compressor(),
        b"zstd": zstd.ZstdCompressor(),
    }[encoding]
    reader = Heard()
    inflater = inflating(encoding, reader)
    assert inflater is not None
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        if encoding == b"br":
            coded = coder.process(event) + coder.flush()
        else:
            coded = coder.compress(event) + coder.flush(zlib.Z_SYNC_FLUSH if encoding != b"zstd" else coder.FLUSH_BLOCK)
        inflater.feed(coded)
        assert b"".join(reader.pieces) == event
        reader.pieces.clear()
    inflater.finish(True)
    assert reader.whole is False, "nothing said that this was the end"


@pytest.mark.parametrize("encoding", [b"gzip", b"zstd"])
def test_thousands_of_empty_members_are_not_followed(encoding: bytes) -> None:
    code = CODERS[encoding]
    reader, usage = heard(encoding, code(b"") * 5000 + code(b"x"))
    assert (reader.pieces, usage) == ([], UNKNOWN_USAGE)


@pytest.mark.parametrize("encoding", CODERS)
def test_a_body_that_stops_early_is_not_whole(encoding: bytes) -> None:
    reader, usage = heard(encoding, CODERS[encoding](TEXT)[:-1])
    assert (reader.whole, usage) == (False, Usage(1, 2))


def test_a_window_wider_than_http_allows_is_not_read() -> None:
    """RFC 9659: at most 8 MiB."""
    coder = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    undone = decoding(b"zstd")
    assert undone is not None
    with pytest.raises(CodingError):
        list(undone.pieces(coder.compress(TEXT) + coder.flush()))


@pytest.mark.parametrize("body", [b"", b"\x78"])
def test_a_body_that_never_begins_is_not_whole(body: bytes) -> None:
    reader, _ = heard(b"deflate", body)
    assert (reader.pieces, reader.whole) == ([], False)


@pytest.mark.parametrize("body", [b"not gzip at all", gzip.compress(TEXT, mtime=0)[:10] + b"\xff" * 50])
def test_what_is_broken_is_unknown(body: bytes) -> None:
    for encoding in (b"gzip", b"zstd", b"br"):
        assert heard(encoding, body)[1] == UNKNOWN_USAGE
        assert heard(encoding, body, 1)[1] == UNKNOWN_USAGE


@pytest.mark.parametrize("encoding", [b"compress", b"dcz", b"gzip, dcb", b"gzip, gzip, gzip, gzip", b"identity", b"", b","])
def test_other_encodings_have_no_reader(encoding: bytes) -> None:
    assert inflating(encoding, Heard()) is None


@pytest.mark.slow
@pytest.mark.parametrize("encoding", CODERS)
def test_the_beginning_of_a_body(encoding: bytes) -> None:
    code = CODERS[encoding]
    assert beginning(encoding, code(TEXT), len(TEXT)) == (TEXT, True)
    assert beginning(encoding, code(TEXT), len(TEXT) - 1) == (TEXT[:-1], False)
    assert beginning(encoding, code(bytes(1 << 26)), 1000) == (bytes(1000), False)
    cut = beginning(encoding, code(TEXT)[:-1], 1 << 20)
    assert cut is not None
    assert TEXT.startswith(cut[0])
    assert cut[1] is False


def test_a_body_without_a_beginning() -> None:
    assert beginning(b"gzip", TEXT, 1000) is None
    assert beginning(b"x", TEXT, 1000) is None
    assert beginning(b"gzip", gzip.compress(TEXT)[:30] + b"\xff" * 50, 1 << 20) is None


@pytest.mark.parametrize(
    ("encoding", "names", "unknown"),
    [
        (b"", [], None),
        (b"identity", [], None),
        (b" , ,", [], None),
        (b"GZIP", [b"gzip"], None),
        (b"gzip,\tBr , identity", [b"gzip", b"br"], None),
        (b"zstd, Foo, bar", [b"zstd", b"foo", b"bar"], b"foo"),
        (b"gzip gzip", [b"gzip gzip"], b"gzip gzip"),
        (b"br,br,br", [b"br"] * 3, None),
        (b"br,br,br,br", [b"br"] * 4, b""),
        (b"br,br,br,br,x", [*[b"br"] * 4, b"x"], b"x"),
    ],
)
def test_the_names_of_codings(encoding: bytes, names: list[bytes], unknown: bytes | None) -> None:
    assert codings(encoding) == names
    assert unknown_coding(encoding) == unknown
    assert (decoding(encoding) is None) == (not names or unknown is not None)


@pytest.mark.parametrize("encoding", CODERS)
def test_too_much_is_told_from_broken(encoding: bytes) -> None:
    undone = decoding(encoding, 1000)
    assert undone is not None
    with pytest.raises(CeilingError):
        list(undone.pieces(CODERS[encoding](bytes(1001))))
    undone = decoding(encoding, 1000)
    assert undone is not None
    with pytest.raises(CodingError) as broken:
        list(undone.pieces(b"\xff" * 1000))
    assert not isinstance(broken.value, CeilingError)


def test_more_behind_the_end_of_br_is_broken_however_it_comes() -> None:
    for pieces in ([brotli.compress(TEXT) + b"x"], [brotli.compress(TEXT), b"", b"x"]):
        undone = decoding(b"br")
        assert undone is not None
        with pytest.raises(CodingError):
            for piece in pieces:
                list(undone.pieces(piece))
