"""Reads along in compressed answers: a bounded copy is inflated for the reader, the relayed bytes stay as they are."""

import zlib
from typing import Final

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.protocol.usage import UsageReader

CEILING_BYTES: Final = 8 * 1024 * 1024
"""Of inflated bytes in all; behind it nobody reads on. A bomb costs this much work, and never more memory than one piece."""
_PIECE_BYTES: Final = 65536
_GZIP: Final = 16 + zlib.MAX_WBITS


def inflating(encoding: bytes, reader: UsageReader, ceiling_bytes: int = CEILING_BYTES) -> "InflatingReader | None":
    """`reader` behind the Content-Encoding (RFC 9110 section 8.4.1); None for one that is not gzip or deflate."""
    name = encoding.strip().lower()
    return InflatingReader(reader, name, ceiling_bytes) if name in (b"gzip", b"x-gzip", b"deflate") else None


class InflatingReader:
    """Stands before a reader and is fed like it. What is broken, or over the ceiling, is unknown; nothing is raised."""

    __slots__ = ("_inflater", "_left_bytes", "_reader", "_start", "_wbits")

    def __init__(self, reader: UsageReader, name: bytes, ceiling_bytes: int) -> None:
        self._reader: UsageReader | None = reader
        self._left_bytes = ceiling_bytes
        self._wbits = 0 if name == b"deflate" else _GZIP
        self._start = b""
        """The first byte of a deflated body that came alone."""
        self._inflater = zlib.decompressobj(_GZIP) if self._wbits else None

    def feed(self, chunk: bytes) -> None:
        if self._reader is None or not chunk:
            return
        if self._inflater is None:
            chunk = self._start + chunk
            if len(chunk) < 2:
                self._start = chunk
                return
            # Deflate means zlib's format, but some send its naked inside: tell them apart by the header (RFC 1950).
            wrapped = chunk[0] & 0x0F == 8 and not int.from_bytes(chunk[:2]) % 31
            self._wbits = zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
            self._inflater = zlib.decompressobj(self._wbits)
        try:
            self._inflate(self._reader, chunk)
        except zlib.error:
            self._reader = None

    def _inflate(self, reader: UsageReader, chunk: bytes) -> None:
        inflater = self._inflater
        assert inflater is not None
        while True:
            if inflater.eof:  # a gzip body may have several members, and zeros behind them
                if self._wbits != _GZIP or not (chunk := chunk.lstrip(b"\0")):
                    return
                self._inflater = inflater = zlib.decompressobj(_GZIP)
                self._left_bytes -= _PIECE_BYTES  # so nobody sends thousands of empty ones
            piece = inflater.decompress(chunk, _PIECE_BYTES)
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                self._reader = None
                return
            if piece:
                reader.feed(piece)
            chunk = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if not chunk and len(piece) < _PIECE_BYTES:
                return

    def finish(self, whole: bool) -> Usage:
        """The reader's answer; a body that stops within its compression is not whole."""
        if self._reader is None:
            return UNKNOWN_USAGE
        return self._reader.finish(whole and self._inflater is not None and self._inflater.eof)
