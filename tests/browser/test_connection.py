"""A gateway that goes away under an open page, and comes back."""

from typing import Any

import pytest
from fakes.service import Service
from playwright.sync_api import BrowserContext, Page, Route, expect

API = "**/client/v4/**"
ADDRESSES = ["", "tokens", "gateways/{g}/logs", "gateways/{g}/analytics", "gateways/{g}/settings"]


def unreachable(page: Page) -> None:
    page.route(API, lambda route: route.abort("connectionrefused"))


def answering(status: int) -> Any:
    body = {"success": False, "errors": [{"code": 7010, "message": "Service unavailable"}], "result": None}
    return lambda page: page.route(API, lambda route: route.fulfill(status=status, json=body))


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (unreachable, "cannot be reached"),
        (answering(503), "store is not available"),
        (answering(502), "store is not available"),
    ],
)
def test_a_page_that_looks_on_says_so_and_goes_on_by_itself(page: Page, gateway_id: str, away: Any, said: str) -> None:
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    expect(page.get_by_text("No requests yet")).to_be_visible()
    away(page)
    banner = page.get_by_role("alert").filter(has_text=said)
    expect(banner).to_be_visible()
    expect(page.get_by_role("heading", name=gateway_id)).to_be_visible()
    with page.expect_response("**/client/**/logs?*"):
        page.unroute(API)
        expect(banner).to_have_count(0)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_opened_while_it_is_away_is_there_when_it_is_back(page: Page, gateway_id: str, address: str) -> None:
    unreachable(page)
    page.goto("/dashboard/" + address.replace("{g}", gateway_id))
    expect(page.get_by_role("alert").filter(has_text="cannot be reached").first).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)
    page.unroute(API)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".spinner")).to_have_count(0)


def test_a_computer_without_a_network(page: Page, gateway_id: str) -> None:
    page.goto(f"/dashboard/gateways/{gateway_id}/settings")
    expect(page.get_by_role("switch", name="Authenticated Gateway")).to_be_visible()
    context: BrowserContext = page.context
    context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    context.set_offline(False)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_page_that_fails_leaves_the_others(page: Page, gateway_id: str) -> None:
    def odd(route: Route) -> None:
        route.fulfill(json={"success": True, "result": [{"id": "x", "policies": None}], "result_info": {"total_count": 1}})

    page.route("**/client/**/tokens?*", odd)
    page.goto("/dashboard/tokens")
    expect(page.get_by_text("This page has failed")).to_be_visible()
    page.get_by_role("link", name="Custom providers").click()
    expect(page.get_by_role("heading", name="Custom providers")).to_be_visible()


def test_changes_that_are_not_saved_are_not_lost_unasked(page: Page, gateway_id: str, service: Service) -> None:
    asked: list[str] = []
    stay = True

    def answer(dialog: Any) -> None:
        asked.append(dialog.type)
        if stay:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    page.get_by_role("link", name="Settings").click()
    switch = page.get_by_role("switch", name="Collect logs")
    switch.click()
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_role("link", name="Analytics").click()
    expect(switch).not_to_be_checked()
    page.go_back()
    expect(switch).not_to_be_checked()
    assert page.url.endswith("/settings")
    assert asked == ["confirm", "confirm"]
    page.evaluate("setTimeout(() => location.reload())")
    page.wait_for_timeout(200)
    assert asked == ["confirm", "confirm", "beforeunload"]
    stay = False
    page.get_by_role("link", name="Analytics").click()
    expect(page).to_have_url(f"{service.origin}/dashboard/gateways/{gateway_id}/analytics")
    page.get_by_role("link", name="Logs").click()
    assert len(asked) == 4, "nothing is asked where nothing is left"
