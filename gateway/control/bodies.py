"""Bodies on their way into the log: unpacked, so that they can be read, and rid of anything that looks like a token of ours.

The edge relays compressed bodies as they are, and its sample cannot see into them.
"""

from typing import Final

from gateway.model.records import LogBodies
from gateway.model.tokens import hide_tokens
from gateway.protocol.inflate import beginning

UNPACKED_BYTES: Final = 32 * 1024 * 1024
"""Of all the bodies that are written at once: unpacking a thousand bombs would keep everybody waiting."""


class Unpacking:
    """The bodies of one write. As many bytes are kept of each, packed or not: no bomb takes more room than plain text."""

    def __init__(self, limit_bytes: int, unpacked_bytes: int = UNPACKED_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._left_bytes = unpacked_bytes

    def kept(self, bodies: LogBodies) -> LogBodies:
        """As it is stored. What is damaged, in a coding not known here, or too much to unpack now, stays packed."""
        request, request_complete = self._plain(bodies.request, bodies.request_complete, bodies.request_encoding)
        response, response_complete = self._plain(bodies.response, bodies.response_complete, bodies.response_encoding)
        return LogBodies(
            bodies.id, bodies.account_id, bodies.gateway_id, request, response, request_complete, response_complete
        )

    def _plain(self, raw: bytes, complete: bool, encoding: str) -> tuple[bytes, bool]:
        limit_bytes = min(self._limit_bytes, self._left_bytes)
        if raw and encoding and limit_bytes:
            unpacked = beginning(encoding.encode("latin-1", "replace"), raw, limit_bytes)
            if unpacked is not None:
                raw, whole = unpacked
                self._left_bytes -= len(raw)
                complete = complete and whole
        return hide_tokens(raw), complete
