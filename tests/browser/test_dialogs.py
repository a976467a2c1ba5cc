"""What a dialog asks about is in sight when it asks, and what is said meanwhile stands above what it dims."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.service import Service
from playwright.sync_api import Page, Route, expect

IN_SIGHT = """one => {
  const box = one.getBoundingClientRect();
  const within = [...one.closest('.table-frame, dialog').getClientRects()].every(frame =>
    box.left >= frame.left && box.right <= frame.right + 1);
  return within && box.left >= 0 && box.right <= innerWidth && box.width > 0;
}"""
ON_TOP = """one => {
  const box = one.getBoundingClientRect();
  return one.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
}"""
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " + "Chrome/142.0.0.0-" * 24


def caller(**more: Any) -> dict[str, Any]:
    return {
        "address": "2001:db8:1234:5678:9abc:def0:1234:5678",
        "user_agent": AGENT,
        "path": "anthropic/v1/messages",
        "requests": 1_234_567,
        "last_seen": "2026-11-27T10:00:00Z",
        **more,
    }


@pytest.fixture
def opened(open_context: Any, watched: Callable[[Page], Page], service: Service, open_gateway_id: str) -> Callable[..., Page]:
    """The switch's dialog with these callers, in a window of this size."""

    def open_one(width: int, height: int, *callers: dict[str, Any]) -> Page:
        seen = {"requests": 10_000_000, "would_be_refused": 9_999_999, "callers": callers}
        page = watched(open_context(viewport={"width": width, "height": height}).new_page())

        def told(route: Route) -> None:
            route.fulfill(content_type="application/json", body=json.dumps({"success": True, "result": seen}))

        page.route("**/unauthenticated*", told)
        page.goto(f"/dashboard/gateways/{open_gateway_id}/settings")
        page.get_by_role("switch", name="Authenticated Gateway").click()
        expect(page.get_by_role("dialog").get_by_role("row")).to_have_count(1 + len(callers))
        return page

    return open_one


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"user_agent": "x" * 1000},
        {"user_agent": ""},
        {"path": "custom-a-provider/" + "segment-" * 60},
        {"path": "p" * 500, "user_agent": "u" * 500},
        {"address": ""},
    ],
    ids=["browser", "one word", "none", "long path", "both in one word", "many others"],
)
@pytest.mark.parametrize("size", [(1280, 720), (1024, 768), (375, 667)], ids=lambda size: str(size[0]))
def test_who_would_be_refused_is_all_in_sight(opened: Callable[..., Page], size: tuple[int, int], odd: dict[str, Any]) -> None:
    page = opened(*size, caller(**odd), caller())
    cells = page.get_by_role("dialog").get_by_role("row").nth(1).get_by_role("cell")
    hidden = [number for number in range(cells.count()) if not cells.nth(number).evaluate(IN_SIGHT)]
    assert (cells.count(), hidden) == (5, [])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_many_long_callers_leave_the_decision_within_reach(opened: Callable[..., Page]) -> None:
    page = opened(1280, 720, *(caller(address=f"192.0.2.{number}") for number in range(20)))
    button = page.get_by_role("dialog").get_by_role("button", name="Switch on")
    button.scroll_into_view_if_needed()
    expect(button).to_be_in_viewport()
    assert button.evaluate(ON_TOP)


def test_a_message_stands_above_a_dialog_opened_later(service: Service, page: Page) -> None:
    made = service.management.create_token("to-disable")
    page.goto("/dashboard/tokens")
    row = page.get_by_role("listitem").filter(has_text="to-disable")
    row.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    message = page.locator("#messages .message")
    expect(message).to_contain_text("Disabled")
    # A modal dialog makes the rest of the page deaf, so what lies on top shows in pixels alone.
    box = message.bounding_box()
    assert box is not None
    inner = {"x": box["x"] + 8, "y": box["y"] + 8, "width": box["width"] - 16, "height": box["height"] - 16}
    before = page.screenshot(clip=inner)  # type: ignore[arg-type]
    page.get_by_role("button", name="Create").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.screenshot(clip=inner) == before  # type: ignore[arg-type]
    service.management.delete_token(made.id)
