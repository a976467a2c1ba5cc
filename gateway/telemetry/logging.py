"""The service's own log: one JSON object a line on stderr, without secrets and without control characters."""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_STACK_LIMIT: Final = 20
_MESSAGE_LIMIT: Final = 4096

_ASSIGNED: Final = (
    re.compile(
        r"(?i)\b(key|api[_-]?key|x-api-key|token|access_token|secret|password|sig|signature)(\"?\s*[=:]\s*\"?)[^\s&,;'\"]+"
    ),
    r"\1\2***",
)
"""A word and what it is given: `key=…`, `"token": "…"`."""
_SECRETS: Final = (
    # Our own tokens, Cloudflare's, and the keys of common providers by their prefixes.
    (re.compile(r"agw_[0-9A-Za-z]{8,}"), "agw_***"),
    (re.compile(r"\b(cfut_|cfat_|cfk_|gsk_|xai-|AIza|AKIA|r8_|hf_|pplx-|csk-|fw_|sk-)[0-9A-Za-z_\-]{12,}"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic|token|key)(\s+)[0-9A-Za-z_\-.~+/=]{12,}"), r"\1\2***"),
    (re.compile(r"(?i)(://[^/\s:@]*:)[^/\s@]+@"), r"\1***@"),
)


def redact(text: str) -> str:
    """The text with everything that looks like a token, key or password replaced by `***`."""
    for pattern, replacement in (*_SECRETS, _ASSIGNED):
        text = pattern.sub(replacement, text)
    return text


class JsonLines(logging.Formatter):
    """Fields: time, level, logger, message; for an exception its type and the places it passed, never its text,
    which may repeat input."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record)[:_MESSAGE_LIMIT],
            "pid": record.process,
        }
        # Structured lines bring fields of their own; none replaces one of ours.
        line = {**getattr(record, "fields", {}), **line}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["stack"] = _places(record.exc_info)
        # ASCII only: newlines, terminal escapes and lone surrogates cannot leave the string.
        return json.dumps(line).replace("\x7f", "\\u007f")


def _message(record: logging.LogRecord) -> str:
    """The line without secrets. Its words are ours and what is put into them may be a stranger's: so a gateway's name behind
    "ask for no token:" stays, and whatever looks like a secret by itself goes."""
    if not record.args:
        return redact(str(record.msg))
    given = record.args
    try:
        shown = (
            {key: _shown(value) for key, value in given.items()} if isinstance(given, Mapping) else tuple(map(_shown, given))
        )
        message = str(record.msg) % shown
    except (TypeError, ValueError):
        return str(record.msg)
    for pattern, replacement in _SECRETS:
        message = pattern.sub(replacement, message)
    return message


def _shown(value: object) -> object:
    return value if isinstance(value, int | float) else redact(str(value))


def _places(exc_info: Any) -> list[str]:
    frames = traceback.extract_tb(exc_info[2])[-_STACK_LIMIT:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


class Sampled:
    """One kind of line that anyone can provoke: at most `per_second` of it, or so many in `every_s` seconds, and each says how
    many were left out before."""

    def __init__(self, logger: logging.Logger, per_second: int = 10, every_s: float = 1.0) -> None:
        self._logger = logger
        self._per_second = per_second
        self._every_s = every_s
        self._second = -1
        self._written = 0
        self._left_out = 0

    def info(self, now_s: float, message: str) -> None:
        """`now_s` is any clock's that does not go back; the message must not repeat input."""
        self._say(logging.INFO, now_s, message)

    def warning(self, now_s: float, message: str) -> None:
        self._say(logging.WARNING, now_s, message)

    def _say(self, level: int, now_s: float, message: str) -> None:
        second = int(now_s // self._every_s)
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= self._per_second:
            self._left_out += 1
            return
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        if left_out:
            message = f"{message}; {left_out} more since the line before"
        self._logger.log(level, "%s", message)


AUDIT_LOGGER: Final = "gateway.audit"


def configure(level: str = "info", stream: TextIO | None = None, *, audit: bool = True) -> None:
    """Send every logger's records from this level on through JsonLines; replaces what was configured before. `audit`: lines
    of the audit log come whatever the level."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger(AUDIT_LOGGER).setLevel(logging.INFO if audit else logging.NOTSET)
    # A broken record must not print itself, unredacted, through logging's own error path.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    # Their lines repeat requests; what matters of them is in our own log.
    for name in ("aiohttp.access", "aiohttp.server", "asyncio", "aiosqlite", "sqlalchemy", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
