"""Bodies on their way into the log: unpacked, so that they can be read, and rid of anything that looks like a token of ours.

The edge relays compressed bodies as they are, and its sample cannot see into them.
"""

from typing import Final

from gateway.model.records import LogBodies
from gateway.model.tokens import hide_tokens
from gateway.protocol.inflate import beginning

INFLATED_BYTES: Final = 1024 * 1024
"""No body grows beyond this: a bomb costs as much as any long answer."""


def kept(bodies: LogBodies) -> LogBodies:
    """As it is stored. What is damaged, or in a coding that is not known here, stays packed."""
    request, request_complete = _plain(bodies.request, bodies.request_complete, bodies.request_encoding)
    response, response_complete = _plain(bodies.response, bodies.response_complete, bodies.response_encoding)
    return LogBodies(bodies.id, bodies.account_id, bodies.gateway_id, request, response, request_complete, response_complete)


def _plain(raw: bytes, complete: bool, encoding: str) -> tuple[bytes, bool]:
    unpacked = beginning(encoding.encode("latin-1", "replace"), raw, INFLATED_BYTES) if raw and encoding else None
    if unpacked is not None:
        raw, whole = unpacked
        complete = complete and whole
    return hide_tokens(raw), complete
