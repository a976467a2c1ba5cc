"""Times as clients write them: RFC 3339, and dates that mean the whole day in UTC. The one reader for bodies and queries."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple

from aiohttp import web
from pydantic import BeforeValidator

from gateway.control.answers import invalid

DAY_S: Final = 86_400.0
SHOWN_TO_S: Final = 0.001
"""Answers show times to the millisecond: a time that was copied from one stands for its whole millisecond."""
_LAST_S: Final = 253_402_300_800
"""The end of year 9999: later moments cannot be shown."""
_SHAPE: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}):(?P<second>[0-9]{2})(?P<fraction>\.[0-9]{1,12})?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_EXPECTED: Final = "Expected an RFC 3339 time, or a date"


_ROUNDING_S: Final = 5e-7
"""Moments are kept as they were measured and shown rounded to a microsecond, then cut to a millisecond."""


class Span(NamedTuple):
    """What a text names: seconds since the epoch, `end` exclusive. A day, or one millisecond."""

    start: float
    end: float


def span_of(text: object) -> Span:
    """A time without an offset is UTC, a 60th second is the next minute's first. Raises ValueError."""
    found = _SHAPE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(_EXPECTED)
    if found["time"] is None:
        return _span(found["date"], 0.0, DAY_S)
    second, leap_s = ("59", 1.0) if found["second"] == "60" else (found["second"], 0.0)
    moment = f"{found['date']}T{found['time']}:{second}{(found['zone'] or 'Z').upper()}"
    return _span(moment, leap_s + float(found["fraction"] or 0.0), SHOWN_TO_S)


def span_of_shown(text: object) -> Span:
    """All moments that answers would show as this time, or on this day. Raises ValueError."""
    start, end = span_of(text)
    return Span(start - _ROUNDING_S, end - _ROUNDING_S)


def _span(text: str, later_s: float, length_s: float) -> Span:
    try:
        moment = datetime.fromisoformat(text)
        start = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() + later_s
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED) from None
    if not 0 <= start < _LAST_S:
        raise ValueError(_EXPECTED)
    return Span(start, start + length_s)


def _start(value: object) -> float:
    return span_of(value).start


def _end(value: object) -> float:
    """The moment itself, or the end of the day that is meant."""
    start, end = span_of(value)
    return min(end, _LAST_S - SHOWN_TO_S) if end - start >= DAY_S else start


FirstMoment = Annotated[float, BeforeValidator(_start)]
"""From when: a date is its beginning. Seconds since the epoch."""
LastMoment = Annotated[float, BeforeValidator(_end)]
"""Until when: a date is its end."""


def moment_in_query(request: web.Request, name: str, *, last: bool = False) -> float | None:
    """A parameter's moment, of a date its beginning, or with `last` its end; None without one. Raises Invalid."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return _end(text) if last else _start(text)
    except ValueError as error:
        raise invalid(str(error), "query", name) from None
