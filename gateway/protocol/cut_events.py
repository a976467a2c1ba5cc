"""The last event of a stream whose provider was cut off, in the words of the stream's dialect.

A cut body is always an aborted body; this event before it tells a client why, in a shape its SDK raises as an error. It is
never an end: no `[DONE]`, no `message_stop`, no finish reason. What has no shape for an error gets no event.
"""

from typing import Final

from gateway.model.targets import Dialect

BOUNDARY_BYTES: Final = 4
"""As much of the stream's end has to be kept to know whether an event was under way."""

_BOUNDARIES: Final = (b"\n\n", b"\r\r", b"\n\r\n")
_WORDS: Final = b"The provider's answer ended before it was complete"
_CHAT: Final = b'data: {"error":{"message":"%b","type":"upstream_error","param":null,"code":"upstream_truncated"}}\n\n' % _WORDS
_RESPONSES: Final = (
    b'event: error\ndata: {"type":"error","code":"upstream_truncated","message":"%b","param":null,"sequence_number":%%d}\n\n'
    % _WORDS
)
_ANTHROPIC: Final = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"%b"}}\n\n' % _WORDS
_GEMINI: Final = b'data: {"error":{"code":503,"message":"%b","status":"UNAVAILABLE"}}\r\n\r\n' % _WORDS


def cut_event(dialect: Dialect, path: str, *, tail: bytes, events: int) -> bytes:
    """The event to send before the connection is cut; empty where there is none to send.

    `path` is the request's path without query. `tail` holds the last bytes of the stream, BOUNDARY_BYTES of them at least
    (fewer if fewer came): within an event nothing can be said, because it would become part of that event. `events` counts
    those that passed: Responses numbers its events from 0.
    """
    if tail and not tail.endswith(_BOUNDARIES):
        return b""
    if dialect is Dialect.OPENAI:
        return _RESPONSES % events if path.endswith("responses") else _CHAT
    if dialect is Dialect.ANTHROPIC:
        return _ANTHROPIC
    if dialect is Dialect.GEMINI:
        return _GEMINI
    return b""
