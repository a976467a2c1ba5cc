"""Looks on as an answer passes and reads the provider's token counts from it."""

import logging
from collections.abc import Callable

from gateway.model.records import UNKNOWN_USAGE, Usage
from gateway.model.targets import Dialect
from gateway.protocol.inflate import inflating
from gateway.protocol.usage import UsageReader, usage_reader

_log = logging.getLogger("gateway.taps")


class UsageTap:
    """Guards the reader: an error in it is counted, ends the reading and never reaches the client.

    A body with a Content-Encoding is inflated for the reader alone; one of an encoding unknown here is not read.
    """

    __slots__ = ("_count", "_reader", "_usage")

    def __init__(self, dialect: Dialect, *, streamed: bool, count: Callable[[str], None], encoding: bytes = b"") -> None:
        reader = usage_reader(dialect, streamed=streamed)
        plain = not encoding or encoding.lower() == b"identity"
        self._reader: UsageReader | None = reader if plain else inflating(encoding, reader)
        self._count = count
        self._usage: Usage | None = None

    @property
    def streamed(self) -> bool:
        """Whether the body is a stream of events, whatever its media type says."""
        return self._reader is not None and self._reader.streamed

    def feed(self, chunk: bytes) -> None:
        if self._reader is None:
            return
        try:
            self._reader.feed(chunk)
        except Exception as error:
            self._give_up(error)

    def tells_error(self) -> bool:
        """Whether an answer that came to its end told of an error in it."""
        self.close(True)
        return self._reader is not None and self._reader.failed

    def close(self, whole: bool) -> Usage:
        """The counts; `whole` tells whether the body came to its end. What is said first holds."""
        usage = self._usage
        if usage is None:
            usage = self._usage = self._finished(whole)
        return usage

    def _finished(self, whole: bool) -> Usage:
        if self._reader is None:
            return UNKNOWN_USAGE
        try:
            return self._reader.finish(whole)
        except Exception as error:
            self._give_up(error)
            return UNKNOWN_USAGE

    def _give_up(self, error: Exception) -> None:
        self._reader = None
        self._count("tap_failed")
        _log.error("usage tap gave up: %s", type(error).__name__)
