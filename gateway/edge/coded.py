"""A request body in a content coding (RFC 9110 section 8.4), read as what was coded while it arrives.

Bounded in size, in how far it expands, and in the work of one turn of the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.model.faults import BAD_BODY, BODY_TOO_LARGE, Refusal
from gateway.protocol.inflate import PIECE_BYTES, CeilingError, CodingError, Decoding

FREE_BYTES: Final = 4 * 1024 * 1024
"""Up to here a body may expand as far as it likes: repeated text does, by thousands."""
RATIO: Final = 100
"""Beyond it plain bytes are at most so many times those that came. Long prompts compress by ten to thirty."""


class CodedReader:
    """Stands where a body has its StreamReader, and waits for the coded bytes by `more`."""

    __slots__ = ("_coded_bytes", "_more", "_pieces", "_plain_bytes", "_undone", "_worked_bytes")

    def __init__(self, held: bytes, more: Callable[[], Awaitable[bytes]], undone: Decoding) -> None:
        self._more = more
        self._undone = undone
        self._pieces = undone.pieces(held)
        self._coded_bytes = len(held)
        self._plain_bytes = 0
        self._worked_bytes = 0
        """Since the loop had its last turn."""

    def is_eof(self) -> bool:
        """That nobody need time it: `more` waits for the client, and says when it is too slow."""
        return True

    async def readany(self) -> bytes:
        """The next plain piece; empty at the end. Raises Refusal."""
        while True:
            piece = self._next()
            if piece is None:
                coded = await self._more()
                if not coded:
                    break
                self._coded_bytes += len(coded)
                self._pieces = self._undone.pieces(coded)
                continue
            self._worked_bytes += len(piece) or PIECE_BYTES
            if self._worked_bytes >= PIECE_BYTES:
                self._worked_bytes = 0
                await asyncio.sleep(0)
            if piece:
                return piece
        if not self._undone.ended:
            raise Refusal(BAD_BODY, "The request body ends within its content coding")
        return b""

    def _next(self) -> bytes | None:
        """What the bytes that came hold; None where more of them are needed."""
        try:
            piece = next(self._pieces, None)
        except CeilingError:
            raise Refusal(BODY_TOO_LARGE, "What the request body was coded from is too large") from None
        except CodingError:
            raise Refusal(BAD_BODY, "The request body is not in the content coding that Content-Encoding names") from None
        self._plain_bytes += len(piece or b"")
        if self._plain_bytes > FREE_BYTES and self._plain_bytes > RATIO * self._coded_bytes:
            raise Refusal(BODY_TOO_LARGE, f"The request body expands to more than {RATIO} times its size")
        return piece
