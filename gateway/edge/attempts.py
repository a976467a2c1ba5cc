"""What may be tried again, as a pure table (architecture section 5, "Retry / fallback").

A request must never be done twice at a provider: it costs money there. Only where nothing can have happened is it safe.
"""

from gateway.upstream.port import Cause, Stage, UpstreamFailure

MAX_ATTEMPTS = 2


def may_retry(failure: UpstreamFailure, attempt: int, body_kept: bool) -> bool:
    """Whether the failed attempt (1 is the first) may be followed by one on a fresh connection.

    The idle-close race: a provider closes a pooled connection in the moment we write to it. That shows as a loss on a
    reused connection without a single byte of an answer. A failed dial has tried every address already.
    """
    return (
        attempt < MAX_ATTEMPTS
        and failure.stage in (Stage.SEND, Stage.HEAD)
        and failure.cause is Cause.LOST
        and failure.reused
        and not failure.answered
        and body_kept
    )
