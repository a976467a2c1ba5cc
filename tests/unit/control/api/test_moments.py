"""Times and dates as clients write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.api.moments import DAY_S, Span, span_of, span_of_shown
from gateway.protocol.envelope import rfc3339

NOON = 1_790_078_400.0
"""2026-09-22T12:00:00Z"""


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("2026-09-22T12:00:00Z", NOON),
        ("2026-09-22t12:00:00z", NOON),
        ("2026-09-22 12:00:00Z", NOON),
        ("2026-09-22T12:00:00", NOON),
        ("2026-09-22T14:00:00+02:00", NOON),
        ("2026-09-22T06:30:00-05:30", NOON),
        ("2026-09-22T12:00:00.5Z", NOON + 0.5),
        ("2026-09-22T12:00:00.123456789Z", NOON + 0.123456789),
        ("2026-09-22T11:59:60Z", NOON),
        ("1970-01-01T00:00:00Z", 0.0),
    ],
)
def test_a_time_is_a_millisecond(text: str, start: float) -> None:
    assert span_of(text) == Span(start, start + 0.001)


def test_a_date_is_a_whole_day() -> None:
    assert span_of("2026-09-22") == Span(NOON - DAY_S / 2, NOON + DAY_S / 2)


@pytest.mark.parametrize(
    "text",
    [
        "", "canary", "2026-W01-1", "2026W011", "20260922", "2026-265", "2026-9-22", "2026-02-30", "2026-09-22T",
        "2026-09-22T12",
        "2026-09-22T12:00", "2026-09-22T12:00Z", "2026-09-22T24:00:00Z", "2026-09-22T12:60:00Z", "2026-09-22T12:00:61Z",
        "2026-09-22T12:00:00 02:00", "2026-09-22T12:00:00+0200", "2026-09-22T12:00:00+2", "2026-09-22T12:00:00+25:00",
        "2026-09-22T12:00:00,5Z", "2026-09-22T12:00:00.Z", " 2026-09-22", "2026-09-22\n", "２０２６-09-22", "+12026-09-22",
        "0001-01-01T00:00:00+23:59", "1969-12-31", "99999-01-01", "9999-12-31T23:59:60Z", None, 5, 1.5, True, ["2026-09-22"],
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="Expected an RFC 3339 time, or a date"):
        span_of(text)


@given(st.floats(0, 4e9))
def test_what_is_shown_finds_what_it_was_shown_of(at: float) -> None:
    shown = rfc3339(at)
    start, end = span_of_shown(shown)
    assert start <= at < end
    day = span_of_shown(datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d"))
    assert day.start <= at < day.end
