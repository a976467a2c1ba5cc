"""Looks on as a body passes and keeps its beginning for the request log, up to a limit."""

import logging
from typing import Final

from gateway.model.tokens import hide_tokens

PIECES: Final = 64
"""Loose chunks are joined when there are this many: a body in single bytes must not cost an object for each."""

_log = logging.getLogger("gateway.taps")


class Sample:
    """Keeps references to the chunks instead of copies; only the last one is cut. Never raises, never alters, never waits."""

    __slots__ = ("_joined", "_left", "_loose", "_whole")

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._loose: list[bytes] = []
        self._joined: list[bytes] = []
        self._whole = True

    def feed(self, chunk: bytes) -> None:
        try:
            self._feed(chunk)
        except Exception as error:
            self._give_up(error)

    def _feed(self, chunk: bytes) -> None:
        size = len(chunk)
        if size > self._left:
            self._whole = False
            # The end of what is kept: a short copy, so that the long chunk can go.
            chunk, size = chunk[: self._left], self._left
        if not size:
            return
        self._left -= size
        # Only bytes never change under us.
        self._loose.append(chunk if type(chunk) is bytes else bytes(chunk))
        if len(self._loose) >= PIECES:
            self._joined.append(b"".join(self._loose))
            self._loose.clear()

    def close(self) -> tuple[bytes, bool]:
        """What was kept, without anything that looks like one of our tokens, and whether it is all that was fed."""
        try:
            kept = hide_tokens(b"".join((*self._joined, *self._loose)))
        except Exception as error:
            self._give_up(error)
            kept = b""
        self._joined, self._loose, self._left = [], [], 0
        return kept, self._whole

    def _give_up(self, error: Exception) -> None:
        self._joined, self._loose, self._left, self._whole = [], [], 0, False
        _log.error("body sample gave up: %s", type(error).__name__)
