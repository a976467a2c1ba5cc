"""Undoes content codings (RFC 9110 section 8.4.1) of a copy, in bounded pieces; the relayed bytes stay as they are.

Known are gzip, deflate, br (RFC 7932) and zstd (RFC 8878), and lists of them. Why they are decoded here and not kept from being
offered to providers: decision 0015.
"""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import brotli

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.protocol.usage import UsageReader

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CEILING_BYTES: Final = 8 * 1024 * 1024
"""Of plain bytes in all; behind it nobody reads on. A bomb costs this much work, and never more memory than one piece."""
PIECE_BYTES: Final = 65536
ACCEPTED: Final = b"gzip, deflate, br, zstd"
"""For Accept-Encoding (RFC 9110 section 12.5.3)."""
_MOST_LAYERS: Final = 3
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZSTD_OPTIONS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MiB: no bigger window is allowed in HTTP (RFC 9659)."""


class CodingError(ValueError):
    """The bytes are not in the coding they claim to be in, or hold more than the ceiling."""


class CeilingError(CodingError):
    """They hold more than the ceiling."""


class _Layer(Protocol):
    """One coding."""

    @property
    def ended(self) -> bool:
        """Whether what came so far is a complete body."""

    def undo(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes; b"" costs a piece, for work that leaves none."""


class Decoding:
    """Fed a coded body as it comes. Not to be fed again once it has raised."""

    __slots__ = ("_inner", "_layer", "_left_bytes")

    def __init__(self, layer: _Layer, ceiling_bytes: int, inner: "Decoding | None") -> None:
        self._layer = layer
        self._left_bytes = ceiling_bytes
        self._inner = inner
        """What was coded first, and so is undone last."""

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes of this chunk, each piece of about PIECE_BYTES at most; b"" for as much work that left none. Raises
        CodingError."""
        try:
            for piece in self._layer.undo(chunk):
                self._left_bytes -= len(piece) or PIECE_BYTES
                if self._left_bytes < 0:
                    raise CeilingError("more than the ceiling")
                if self._inner is not None:
                    yield from self._inner.pieces(piece)
                    piece = b""
                yield piece
        except (zlib.error, brotli.error, zstd.ZstdError) as error:
            raise CodingError("not in its coding") from error

    @property
    def ended(self) -> bool:
        """Whether the body is complete as far as its coding tells."""
        return self._layer.ended and (self._inner is None or self._inner.ended)


def codings(encoding: bytes) -> list[bytes]:
    """The names in this value of Content-Encoding, in the order they were applied; empty where the body is plain."""
    names = [name.strip().lower() for name in encoding.split(b",")]
    return [name for name in names if name not in (b"", b"identity")]


def unknown_coding(encoding: bytes) -> bytes | None:
    """The first name that is not known here, b"" where there are too many; None where all can be decoded."""
    names = codings(encoding)
    unknown = next((name for name in names if name not in _LAYERS), None)
    return b"" if unknown is None and len(names) > _MOST_LAYERS else unknown


def decoding(encoding: bytes, ceiling_bytes: int = CEILING_BYTES) -> Decoding | None:
    """For this value of Content-Encoding; None where it names no coding, or one that is not known here."""
    if unknown_coding(encoding) is not None:
        return None
    names = codings(encoding)
    undone: Decoding | None = None
    for name in names:
        undone = Decoding(_LAYERS[name](), ceiling_bytes, undone)
    return undone


def beginning(encoding: bytes, body: bytes, limit_bytes: int) -> tuple[bytes, bool] | None:
    """At most the first `limit_bytes` of what was coded, and whether that is all of it; None where nothing can be decoded."""
    undone = decoding(encoding)
    if undone is None:
        return None
    plain = bytearray()
    try:
        for piece in undone.pieces(body):
            plain += piece
            if len(plain) > limit_bytes:
                return bytes(plain[:limit_bytes]), False
    except CodingError:
        return (bytes(plain), False) if plain else None
    return bytes(plain), undone.ended


class InflatingReader:
    """Stands before a reader and is fed like it. What is broken, or over the ceiling, is unknown; nothing is raised."""

    __slots__ = ("_decoding", "_reader")

    def __init__(self, reader: UsageReader, undone: Decoding) -> None:
        self._reader: UsageReader | None = reader
        self._decoding = undone

    @property
    def streamed(self) -> bool:
        return self._reader is not None and self._reader.streamed

    @property
    def failed(self) -> bool:
        return self._reader is not None and self._reader.failed

    def feed(self, chunk: bytes) -> None:
        reader = self._reader
        if reader is None or not chunk:
            return
        try:
            for piece in self._decoding.pieces(chunk):
                if piece:
                    reader.feed(piece)
        except CodingError:
            self._reader = None

    def finish(self, whole: bool) -> Usage:
        """The reader's answer; a body that stops within its compression is not whole."""
        if self._reader is None:
            return UNKNOWN_USAGE
        return self._reader.finish(whole and self._decoding.ended)


def inflating(encoding: bytes, reader: UsageReader, ceiling_bytes: int = CEILING_BYTES) -> InflatingReader | None:
    """`reader` behind the Content-Encoding; None where `decoding` knows none."""
    undone = decoding(encoding, ceiling_bytes)
    return None if undone is None else InflatingReader(reader, undone)


# --- the codings


class _Gzip:
    """A body may have several members, and zeros behind them."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP)

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    def undo(self, chunk: bytes) -> Iterator[bytes]:
        while chunk or not self._decoder.eof:
            if self._decoder.eof:
                if not (chunk := chunk.lstrip(b"\0")):
                    return
                self._decoder = zlib.decompressobj(_GZIP)
                yield b""  # so nobody sends thousands of empty ones
            yield from _inflated(self._decoder, chunk)
            if not self._decoder.eof:
                return
            chunk = self._decoder.unused_data


class _Deflate:
    """Means zlib's format, but some send its naked inside (RFC 9110 section 8.4.1.2)."""

    def __init__(self) -> None:
        self._start = b""
        """The first byte, when it came alone."""
        self._decoder: zlib._Decompress | None = None

    @property
    def ended(self) -> bool:
        return self._decoder is not None and self._decoder.eof

    def undo(self, chunk: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            chunk = self._start + chunk
            if len(chunk) < 2:
                self._start = chunk
                return
            wrapped = chunk[0] & 0x0F == 8 and not int.from_bytes(chunk[:2]) % 31  # the header of RFC 1950
            self._decoder = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        if not self._decoder.eof:
            yield from _inflated(self._decoder, chunk)


def _inflated(decoder: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while True:
        piece = decoder.decompress(chunk, PIECE_BYTES)
        if piece:
            yield piece
        chunk = decoder.unconsumed_tail
        if decoder.eof or (not chunk and len(piece) < PIECE_BYTES):
            return


class _Brotli:
    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self.ended = False

    def undo(self, chunk: bytes) -> Iterator[bytes]:
        decoder = self._decoder
        if self.ended and chunk:
            raise CodingError("more behind the end")  # as the decoder itself says where it comes in one piece
        while not self.ended:
            piece = decoder.process(chunk, output_buffer_limit=PIECE_BYTES)
            self.ended = decoder.is_finished()
            if piece:
                yield piece
            if len(piece) < PIECE_BYTES and decoder.can_accept_more_data():
                return
            chunk = b""


class _Zstd:
    """A body may have several frames (RFC 8878 section 3)."""

    def __init__(self) -> None:
        self._decoder = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    def undo(self, chunk: bytes) -> Iterator[bytes]:
        while chunk or not (self._decoder.eof or self._decoder.needs_input):
            if self._decoder.eof:
                self._decoder = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
                yield b""
            piece = self._decoder.decompress(chunk, PIECE_BYTES)
            if piece:
                yield piece
            chunk = self._decoder.unused_data if self._decoder.eof else b""


_LAYERS: Final[dict[bytes, Callable[[], _Layer]]] = {
    b"gzip": _Gzip,
    b"x-gzip": _Gzip,
    b"deflate": _Deflate,
    b"br": _Brotli,
    b"zstd": _Zstd,
}
