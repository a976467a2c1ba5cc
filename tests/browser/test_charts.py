"""Charts of little traffic: one request in a day is seen, and the legend says how much there was."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

NONE = {"p50": None, "p95": None, "p99": None}
NOTHING: dict[str, Any] = {
    "requests": 0, "errors": 0, "cached": 0, "unauthenticated": 0, "tokens_in": None, "tokens_out": None, "cost": None,
    "duration_ms": NONE, "first_byte_ms": NONE,
}  # fmt: skip
ONE = NOTHING | {
    "requests": 1, "errors": 1, "tokens_in": 12, "tokens_out": 3, "cost": 0.00000006,
    "duration_ms": {"p50": 800, "p95": 900, "p99": 950}, "first_byte_ms": {"p50": 90, "p95": 90, "p99": 90},
}  # fmt: skip
GROUPS = [
    ONE | {"provider": "", "model": ""},
    ONE | {"provider": "openai", "model": ""},
    ONE | {"provider": "groq", "model": "m"},
]


def serve(page: Page, at: int = 7) -> list[dict[str, list[str]]]:
    asked = []

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        asked.append(query)
        start = datetime.fromisoformat(query["start"][0])
        hours = [(start + timedelta(hours=hour)).isoformat() for hour in range(24)]
        series = [{"start": moment} | (ONE if hour == at else NOTHING) for hour, moment in enumerate(hours)]
        by_model = query["group_by"] == ["model"]
        groups = [group if by_model else {k: v for k, v in group.items() if k != "model"} for group in GROUPS]
        route.fulfill(json={"success": True, "result": {"totals": ONE, "series": series, "groups": groups}})

    page.route("**/client/**/analytics?*", answer)
    return asked


DRAWN = """chart => {
    const canvas = chart.querySelector('canvas'), over = chart.querySelector('.u-over');
    const k = canvas.width / canvas.clientWidth, box = [over.offsetLeft, over.offsetTop, over.offsetWidth, over.offsetHeight];
    const { data } = canvas.getContext('2d').getImageData(...box.map(one => one * k));
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
        const rgb = data.slice(i, i + 3);
        if (data[i + 3] > 200 && Math.max(...rgb) - Math.min(...rgb) > 60) coloured++;
    }
    return coloured / k / k;
}"""
"""Pixels of a series' colour: axes and grid are grey."""


@pytest.mark.parametrize(
    ("title", "legend"),
    [
        ("Requests", ["All: 1", "Cached: 0", "Errors: 1", "Refused without a token: 0"]),
        ("Tokens", ["In: 12", "Out: 3"]),
        ("Cost", ["Cost: $0.00000006"]),
        ("Latency", ["p50: 800 ms", "p95: 900 ms", "p99: 950 ms", "First byte p50: 90 ms"]),
    ],
)
def test_one_request_in_a_day_is_seen(page: Page, gateway_id: str, title: str, legend: list[str]) -> None:
    serve(page)
    page.goto(f"/dashboard/gateways/{gateway_id}/analytics")
    chart = page.get_by_role("figure", name=title)
    rows = chart.locator(".u-legend tr")
    expect(rows).to_have_count(len(legend) + 1)
    shown = rows.evaluate_all("each => each.map(one => [...one.children].map(cell => cell.textContent).join(': '))")
    assert set(legend) <= set(shown)
    assert chart.evaluate(DRAWN) > 60


def test_groups_without_a_name_have_one(page: Page, gateway_id: str) -> None:
    serve(page)
    page.goto(f"/dashboard/gateways/{gateway_id}/analytics")
    for title, names in {
        "By provider": ["No provider named", "openai", "groq"],
        "By model": ["No provider named", "openai, no model named", "groq/m"],
    }.items():
        cells = page.get_by_role("region", name=title).first.locator("tbody td:first-child")
        expect(cells).to_have_text(names)


def test_the_range_stands_in_the_address(page: Page, gateway_id: str) -> None:
    asked = serve(page)
    root = f"/dashboard/gateways/{gateway_id}/analytics"
    page.goto(f"{root}?range=week")
    expect(page.get_by_role("button", name="Week")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Month").click()
    expect(page.get_by_role("button", name="Month")).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(f"{root}?range=month")
    with page.expect_response(lambda answer: "/client/" in answer.url and "start=2026-11-24T10" in unquote(answer.url)):
        page.goto(f"{root}?range=day&start=2026-11-24T10:00:00.000Z&end=2026-11-24T11:00:00.000Z")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    assert (asked[-1]["start"], asked[-1]["end"]) == (["2026-11-24T10:00:00.000Z"], ["2026-11-24T11:00:00.000Z"])
    for odd in ("range=aeon", "start=x&end=y", "start=2026-11-24T11:00:00Z&end=2026-11-24T10:00:00Z"):
        page.goto(f"{root}?{odd}")
        expect(page.get_by_role("button", name="Day")).to_have_attribute("aria-pressed", "true")
