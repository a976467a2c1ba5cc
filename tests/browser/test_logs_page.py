"""The log on the screen: why a request failed, what is deleted, what an address may say, and what a narrow window shows."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

Row = dict[str, Any]


def row(number: int = 0, **changed: Any) -> Row:
    return {
        "id": f"log-{number}", "created_at": f"2026-11-24T12:00:{number % 60:02}Z", "provider": "openai",
        "model": "gpt-4o-mini",
        "model_type": "chat", "method": "POST", "path": "chat/completions", "status_code": 200, "success": True,
        "outcome": "completed", "cached": False, "duration": 1200, "first_byte_ms": 300, "tokens_in": 1, "tokens_out": 2,
        "cost": 0.1, "custom_cost": False, "step": 0, "authentication": True, "streamed": False, "feedback": None,
        "asked": True,
        "request_size": 1, "response_size": 1, "usage_exactness": "exact", "metadata": None, "request_type": "",
        "event_id": "e",
        "request_content_type": "application/json", "response_content_type": "application/json", "user_agent": "curl",
        "token_id": "", "error_code": None, "error_message": "", "error_cause": "",
    } | changed  # fmt: skip


Asked = list[tuple[str, dict[str, list[str]]]]


def serve(page: Page, rows: list[Row], total: int | None = None) -> Asked:
    """The log holds these rows, and says there are so many; what the page asks of it."""
    asked: Asked = []

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        tail = url.path.partition("/logs")[2].strip("/")
        if tail:
            one = next(each for each in rows if each["id"] == tail.split("/")[0])
            return route.fulfill(status=404) if "/" in tail else route.fulfill(json={"success": True, "result": one})
        asked.append((route.request.method, parse_qs(url.query)))
        if route.request.method == "DELETE":
            return route.fulfill(json={"success": True})
        query = parse_qs(url.query)
        first, size = int(query.get("page", ["1"])[0]) - 1, int(query["per_page"][0])
        count = len(rows) if total is None else total
        shown = rows[first * size : (first + 1) * size]
        return route.fulfill(json={"success": True, "result": shown, "result_info": {"total_count": count}})

    page.route("**/client/**/gateways/*/logs?*", answer)
    page.route("**/client/**/gateways/*/logs/**", answer)
    return asked


FAILED = [
    ("no token", {"status_code": 401, "outcome": "refused", "asked": False, "error_code": 2009, "error_message": "Unauthorized",
                  "error_cause": "missing_token"}, "401"),
    ("dns", {"status_code": 502, "outcome": "upstream_error", "error_code": 2005,
             "error_message": "The provider's name cannot be resolved", "error_cause": "dns"}, "502"),
    ("the provider's own", {"status_code": 429, "error_code": 429, "error_message": "The provider answered with status 429",
                            "error_cause": "provider_error"}, "429"),
    ("a stream cut off", {"outcome": "upstream_truncated", "streamed": True, "error_code": 2005,
                          "error_message": "The provider closed the connection", "error_cause": "closed"}, "cut off"),
    ("a stream with an error", {"outcome": "upstream_error", "streamed": True, "error_code": 200,
                                "error_message": "The provider answered and told of an error", "error_cause": "provider_error"},
     "error in the answer"),
    ("left in the middle", {"outcome": "client_gone", "streamed": True, "error_code": 499,
                            "error_message": "The client left before the end", "error_cause": "client_gone"}, "client left"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "status"), [case[1:] for case in FAILED], ids=[case[0] for case in FAILED])
def test_a_row_that_failed_says_why(page: Page, gateway_id: str, changed: Row, status: str) -> None:
    failed = row(success=False, tokens_in=None, tokens_out=None, cost=None, **changed)
    serve(page, [failed])
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    shown = page.get_by_role("row").nth(1)
    page.get_by_role("row").nth(1).get_by_role("link").click()
    detail = page.get_by_role("dialog")
    for place in (shown, detail):
        for text in (str(failed["error_code"]), failed["error_message"], failed["error_cause"], status):
            expect(place).to_contain_text(text)
    expect(detail.get_by_text("No provider was asked")).to_have_count(0 if failed["asked"] else 1)
    expect(detail.get_by_text("Waiting for the provider")).to_have_count(1 if failed["asked"] else 0)
    good = detail.locator(".badge.good")
    expect(good).to_have_count(0)


@pytest.mark.parametrize(
    ("query", "total", "said", "bound"),
    [
        ("", 4660, "All 4,660 logs of this gateway", {}),
        ("", 1, "The only log of this gateway", {}),
        ("?provider=openai", 1, "1 log that matches the filter", {"limit": ["1"], "order_by_direction": ["asc"]}),
        ("?provider=openai", 1000, "1,000 logs that match", {"limit": ["1000"], "order_by_direction": ["asc"]}),
        ("?provider=openai", 1001, "More than 1,000 logs that match", {}),
        ("?provider=openai&before=2026-11-25T00:00:00Z", 7, "7 logs", {"limit": ["7"], "order_by_direction": ["asc"]}),
    ],
)
def test_what_is_deleted_is_what_was_said(
    page: Page, gateway_id: str, query: str, total: int, said: str, bound: dict[str, list[str]]
) -> None:
    asked = serve(page, [row(3)], total)
    page.goto(f"/dashboard/gateways/{gateway_id}/logs{query}")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(said)
    page.get_by_label("to confirm").fill(gateway_id)
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_have_count(0)
    ((_, sent),) = [one for one in asked if one[0] == "DELETE"]
    filters = sent.pop("filters", [""])[0]
    assert sent == {"end_date": ["2026-11-24T12:00:03Z"]} | bound
    assert ("openai" in filters) is ("provider" in query)
    assert ("2026-11-25" in filters) is ("before" in query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("before=nonsense", "“nonsense” is no value for “Until”."),
        ("after=2026-13-40", "“2026-13-40” is no value for “From”."),
        ("min_cost=cheap", "“cheap” is no value for “Costs more than ($)”."),
        ("max_tokens=Infinity", "“Infinity” is no value for “Fewer tokens than”."),
        ("status=maybe", "“maybe” is no value for “Status”."),
        ("feedback=7", "“7” is no value for “Feedback”."),
    ],
)
def test_an_address_that_is_not_understood_says_so(page: Page, gateway_id: str, query: str, said: str) -> None:
    asked = serve(page, [row()])
    page.goto(f"/dashboard/gateways/{gateway_id}/logs?{query}")
    expect(page.get_by_role("alert")).to_have_text(said)
    assert asked == [], "nothing is asked for, rather than everything"
    page.get_by_role("button", name="Remove filter").click()
    expect(page.get_by_role("row")).to_have_count(2)


@pytest.mark.parametrize(
    ("number", "shown"), [("99", "3"), ("2", "2"), ("0", "1"), ("-3", "1"), ("x", "1"), ("1e99", "3"), ("2.7", "2")]
)
def test_a_page_that_is_not_there_is_the_nearest(page: Page, gateway_id: str, number: str, shown: str) -> None:
    serve(page, [row(each) for each in range(130)])
    page.goto(f"/dashboard/gateways/{gateway_id}/logs?page={number}")
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text(f"{shown} / 3")
    expect(page.get_by_role("row").nth(1)).to_be_visible()


def test_another_filter_begins_at_the_first_page(page: Page, gateway_id: str) -> None:
    asked = serve(page, [row(each) for each in range(130)])
    page.goto(f"/dashboard/gateways/{gateway_id}/logs?page=3&model=gpt")
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("3 / 3")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Provider", exact=True).fill("openai")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("1 / 3")
    assert parse_qs(urlsplit(page.url).query) == {"model": ["gpt"], "provider": ["openai"]}
    assert asked[-1][1]["page"] == ["1"]


def test_a_moment_is_the_persons_own_on_the_page_and_utc_in_the_address(open_context: Any, gateway_id: str) -> None:
    page = open_context(timezone_id="Asia/Kolkata").new_page()
    asked = serve(page, [row()])
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Until").fill("2026-11-24T18:00:30")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Remove filter Until: Nov 24, 2026, 6:00:30 PM")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query) == {"before": ["2026-11-24T12:30:30.000Z"]}
    (condition,) = json.loads(asked[-1][1]["filters"][0])
    assert datetime.fromisoformat(condition["value"][0]) == datetime.fromisoformat("2026-11-24T12:30:30Z")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_label("Until", exact=True)).to_have_value("2026-11-24T18:00:30")


FULL_LOG = """
    const full = %s, theirs = fetch;
    fetch = (url, options) => url.includes('/logs?') ? Promise.resolve(Response.json(full)) : theirs(url, options);
"""
"""A thousand pages, without the test's own way for each."""


def test_a_file_that_does_not_hold_everything_says_so(page: Page, gateway_id: str, tmp_path: Path) -> None:
    rows = [row(each, created_at="2026-11-24T12:00:00.005Z") for each in range(50)]
    page.add_init_script(FULL_LOG % json.dumps({"success": True, "result": rows, "result_info": {"total_count": 50_001}}))
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    page.get_by_role("button", name="Live").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSONL").click()
    saved.value.save_as(tmp_path / "log.jsonl")
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 50_000
    expect(page.get_by_role("dialog")).to_contain_text("the newest 50,000 requests")
    page.get_by_role("button", name="Show the older ones").click()
    assert parse_qs(urlsplit(page.url).query) == {"before": ["2026-11-24T12:00:00.006Z"]}


def test_nothing_is_beyond_the_edge(open_context: Any, gateway_id: str) -> None:
    long = row(model="a-vendor-with-a-long-name/" + "model-" * 12, provider="google-vertex-ai", cost=0.00000006, streamed=True)
    why = {"error_code": 2005, "error_message": "The provider closed the connection before its answer was whole " * 3}
    for width in (375, 1280):
        page = open_context(viewport={"width": width, "height": 800}).new_page()
        serve(page, [long, row(1, success=False, outcome="upstream_truncated", error_cause="closed", **why)])
        page.goto(f"/dashboard/gateways/{gateway_id}/logs")
        expect(page.get_by_role("row").filter(has_text="$0.00000006")).to_be_visible()
        assert page.evaluate("[...document.querySelectorAll('.table-frame')].every(one => one.scrollWidth <= one.clientWidth)")


def test_right_to_left_text_reads_from_the_right(page: Page, gateway_id: str) -> None:
    serve(page, [row()])
    prompt = {"messages": [{"role": "user", "content": "لخّص هذه الرسالة"}, {"role": "user", "content": "Hello"}]}
    page.route("**/client/**/logs/*/request", lambda route: route.fulfill(json=prompt))
    page.goto(f"/dashboard/gateways/{gateway_id}/logs/log-0")
    directions = page.get_by_role("dialog").locator(".turn .text")
    expect(directions).to_have_count(2)
    assert directions.evaluate_all("each => each.map(one => getComputedStyle(one).direction)") == ["rtl", "ltr"]


def test_titles_say_where_one_is(page: Page, gateway_id: str, watched: Callable[[Page], Page]) -> None:
    serve(page, [row()])
    for address, title in {
        "": "Gateways", "tokens": "Tokens", "audit": "Audit log", "custom-providers": "Custom providers",
        f"gateways/{gateway_id}": f"Start · {gateway_id}", f"gateways/{gateway_id}/logs": f"Logs · {gateway_id}",
        f"gateways/{gateway_id}/logs/log-0": f"Request · Logs · {gateway_id}",
        f"gateways/{gateway_id}/analytics": f"Analytics · {gateway_id}",
    }.items():  # fmt: skip
        page.goto(f"/dashboard/{address}")
        expect(page).to_have_title(f"{title} · Authenticated Gateway")
