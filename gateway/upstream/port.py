"""What the upstream floor hands to the edge, besides response heads: sinks for bodies, and how it fails."""

from enum import Enum
from typing import Protocol


class Stage(Enum):
    """How far an exchange had come when it failed: decides what may be tried again."""

    DIAL = "dial"
    SEND = "send"
    """Some of the request may have left, no byte of an answer came."""
    HEAD = "head"
    """Waiting for, or within, the response head."""
    BODY = "body"


class Cause(Enum):
    UNREACHABLE = "unreachable"
    """Name, route, refusal, TLS."""
    TIMEOUT = "timeout"
    LOST = "lost"
    """Closed or reset before the end."""
    BROKEN = "broken"
    """Not HTTP/1.1 that a strict reader accepts."""
    BUSY = "busy"
    """No connection came free in time, or too many wait."""
    FORBIDDEN = "forbidden"
    """The name leads to an address that custom providers may not use."""


class UpstreamFailure(Exception):
    def __init__(self, stage: Stage, cause: Cause, *, reused: bool = False, answered: bool = False) -> None:
        super().__init__(f"{stage.value}: {cause.value}")
        self.stage = stage
        self.cause = cause
        self.reused = reused
        """The connection had carried a request before: it may have been closed by idleness, not by us."""
        self.answered = answered
        """At least one byte of an answer came."""


class Sink(Protocol):
    """Where a response body goes: called from the socket's callback, so it must not wait."""

    def take(self, payload: bytes, frame: bytes | None, done: bool) -> bool:
        """Pass a piece on; `frame` is the same piece as whole chunks, if it came so. True when the sink is full."""

    async def drained(self) -> None:
        """Return when the sink takes bytes again; raise if it never will."""
