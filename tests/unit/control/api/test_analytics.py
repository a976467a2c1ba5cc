"""What may be asked of analytics; the answers over the wire are tested in tests/contract/cloudflare/management."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control.answers import Invalid
from gateway.control.api.analytics import Analytics
from gateway.control.queries import Queries
from gateway.model.rollups import DAY_S, HOUR_S, MINUTE_S

NOW = 1_790_000_000.0
STORE = MemoryStore()
ANALYTICS = Analytics(Any, STORE.gateways, STORE.rollups, Queries(), MovableClock(NOW))  # type: ignore[arg-type]


def question(query: str) -> Any:
    return ANALYTICS._question(make_mocked_request("GET", f"/x?{query}"))


def test_without_a_period_it_is_the_last_day() -> None:
    found = question("")
    assert found.span == HOUR_S
    assert found.start <= NOW - DAY_S < NOW <= found.end


def test_a_period_is_read_from_the_query() -> None:
    found = question("start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00%2B00:00&interval=minute")
    assert (found.span, found.points) == (MINUTE_S, 1440)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("start=yesterday", "start"),
        ("end=", "end"),
        ("start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", "start"),
        ("start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:00Z", "start"),
        ("interval=week", "interval"),
        ("start=2026-01-01T00:00:00Z&end=2026-01-03T00:00:00Z&interval=minute", "interval"),
        ("start=1980-01-01T00:00:00Z", "interval"),
    ],
)
def test_what_cannot_be_meant_is_told(query: str, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        question(query)
    assert [problem.path for problem in caught.value.problems] == [("query", name)]
