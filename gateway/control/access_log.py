"""The access log: a sample of the request log's rows as lines of the service's own log. Off unless the operator wants it."""

import logging
from collections.abc import Iterable
from typing import Final

from gateway.model.records import LogRecord
from gateway.telemetry.logging import redact

_SHOWN: Final = (
    "id", "account_id", "gateway_id", "provider", "model", "method", "path", "status_code", "outcome", "duration_ms",
    "first_byte_ms", "request_size", "response_size", "tokens_in", "tokens_out", "streamed", "token_id", "user_agent",
)  # fmt: skip
_SPACE: Final = 2**32

_log = logging.getLogger("gateway.access")


class AccessLog:
    def __init__(self, share: float) -> None:
        """`share` of the requests, 0 to 1; which ones is decided by their ids, so everybody who looks decides the same."""
        self._below = round(share * _SPACE)

    def take(self, records: Iterable[LogRecord]) -> None:
        if not self._below:
            return
        for record in records:
            if int(record.id[-8:], 16) < self._below:
                _log.info("request", extra={"fields": {name: _shown(getattr(record, name)) for name in _SHOWN}})


def _shown(value: object) -> object:
    return redact(value) if isinstance(value, str) else value
