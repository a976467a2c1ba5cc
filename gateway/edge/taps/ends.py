"""Looks on as a request's body passes and keeps its two ends, where the model's name stands: bounded, and nothing waits."""

from typing import Final

HEAD_BYTES: Final = 16_384
TAIL_BYTES: Final = 8192


class Ends:
    __slots__ = ("head", "tail")

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""
        """Of what came behind the head; empty while that holds everything."""

    def feed(self, piece: bytes) -> None:
        room = HEAD_BYTES - len(self.head)
        if room > 0:
            self.head += piece[:room]
            piece = piece[room:]
        if len(piece) >= TAIL_BYTES:
            self.tail = piece[-TAIL_BYTES:]
        elif piece:
            self.tail = (self.tail + piece)[-TAIL_BYTES:]
