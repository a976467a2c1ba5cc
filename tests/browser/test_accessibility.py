"""axe finds no serious fault on any page, in light and dark, at desk and phone width."""

from typing import Any

import pytest
from fakes.provider import FakeProvider
from fakes.service import Service, Token, call
from playwright.sync_api import Page, expect

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "dark", "viewport": {"width": 375, "height": 740}},
}
ADDRESSES = [
    "",
    "tokens",
    "custom-providers",
    "gateways/{g}",
    "gateways/{g}/logs",
    "gateways/{g}/keys",
    "gateways/{g}/settings",
]


def faults_of(page: Page, axe: str, look: str) -> list[str]:
    """Serious ones. All rules in light; in dark and on a phone those that look and width change."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(axe)
    rules = {} if look == "light" else {"runOnly": ["color-contrast", "target-size", "scrollable-region-focusable"]}
    found = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **rules})
    return [
        f"{violation['id']}: {[node['html'][:160] for node in violation['nodes'][:3]]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_pages(
    look: str, open_context: Any, service: Service, gateway_id: str, run_token: Token, upstream: FakeProvider, axe: str
) -> None:
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    headers = {"cf-aig-authorization": run_token.bearer, "Authorization": "Bearer sk"}
    call(service.origin, "POST", path, headers=headers, body={"model": "gpt-4o", "messages": []})
    page = open_context(bypass_csp=True, **LOOKS[look]).new_page()
    wrong = {}
    for address in ADDRESSES:
        page.goto("/dashboard/" + address.replace("{g}", gateway_id))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".spinner")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} scrolls sideways"
        if found := faults_of(page, axe, look):
            wrong[address] = found
    page.goto(f"/dashboard/gateways/{gateway_id}/settings")
    page.get_by_role("button", name="Create authentication token").click()
    expect(page.get_by_label("AI Gateway Run", exact=True)).to_be_checked()
    if found := faults_of(page, axe, look):
        wrong["token dialog"] = found
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Create authentication token")).to_be_focused()
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    page.get_by_role("row").filter(has_text="gpt-4o").get_by_role("link").click()
    expect(page.get_by_role("dialog").get_by_text("Log id")).to_be_visible()
    if found := faults_of(page, axe, look):
        wrong["log detail"] = found
    assert wrong == {}


@pytest.mark.parametrize("look", LOOKS)
def test_the_way_in(look: str, open_context: Any, axe: str) -> None:
    page = open_context(token="", bypass_csp=True, **LOOKS[look]).new_page()
    page.goto("/dashboard/")
    expect(page.get_by_label("API token")).to_be_focused()
    assert faults_of(page, axe, look) == []
