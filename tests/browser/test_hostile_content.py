"""What is logged came from anybody: forty payloads through every field of a log and of what else is shown run nothing."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from fakes.payloads import PAYLOADS
from fakes.provider import FakeProvider, reply_json
from fakes.service import Service, Token, call
from playwright.sync_api import Page, Route, expect

FIELDS = (
    "provider", "model", "model_type", "method", "path", "outcome", "request_type", "request_content_type",
    "response_content_type", "event_id", "user_agent", "token_id", "usage_exactness", "metadata",
)  # fmt: skip


OPEN_EACH = """async () => {
    const until = async found => { while (!found()) await new Promise(requestAnimationFrame); };
    const seen = [];
    for (let row = 0; row < document.querySelectorAll('tbody tr').length; row++) {
        document.querySelectorAll('tbody tr a')[row].click();
        await until(() => document.querySelector('dialog')?.textContent.includes('Put together from 1 events'));
        const dialog = document.querySelector('dialog');
        seen.push({
            told: [...dialog.querySelectorAll('.turn .text')].at(-1).textContent,
            elements: dialog.querySelectorAll('script, img, iframe, style, base, link, meta, video, form').length,
        });
        dialog.querySelector('[aria-label=Close]').click();
        await until(() => !document.querySelector('dialog'));
    }
    return seen;
}"""
"""Each row's detail, one after the other: what the answer's text is, and elements that a payload would have made."""


def test_there_are_forty() -> None:
    assert len(set(PAYLOADS)) == 40


@pytest.fixture
def armed(page: Page) -> Page:
    """A page on which a payload that runs is seen."""
    page.add_init_script("window.ran = 0; window.pwned = () => { window.ran++; };")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    return page


def entry(number: int, payload: str) -> dict[str, Any]:
    return dict.fromkeys(FIELDS, payload) | {
        "id": f"log-{number}", "created_at": "2026-11-24T12:00:00Z", "status_code": 200, "success": True, "cached": False,
        "duration": 12, "first_byte_ms": 3, "tokens_in": 1, "tokens_out": 2, "cost": 0.1, "custom_cost": False, "step": 0,
        "authentication": True, "streamed": True, "feedback": None, "request_size": 1, "response_size": 1,
        "request_headers": {payload: payload}, "response_headers": {payload: payload},
    }  # fmt: skip


def test_every_field_of_a_log(armed: Page, gateway_id: str) -> None:
    """Each field holds each payload, as if the store had been filled by an attacker."""
    logs = [entry(number, payload) for number, payload in enumerate(PAYLOADS)]

    def logged(route: Route) -> None:
        tail = urlsplit(route.request.url).path.partition("/logs")[2].split("/")
        if len(tail) == 1:
            info = {"page": 1, "per_page": 50, "count": len(logs), "total_count": len(logs)}
            return route.fulfill(json={"success": True, "result": logs, "result_info": info})
        payload = PAYLOADS[int(tail[1].removeprefix("log-"))]
        if len(tail) == 2:
            return route.fulfill(json={"success": True, "result": logs[PAYLOADS.index(payload)]})
        if tail[2] == "request":
            return route.fulfill(json={"messages": [{"role": payload, "content": payload}]})
        event = json.dumps({"choices": [{"delta": {"content": payload, "reasoning_content": payload}}]})
        return route.fulfill(content_type="text/html", body=f"event: {payload!r}\ndata: {event}\n\n")

    armed.route("**/client/v4/accounts/*/ai-gateway/gateways/*/logs**", logged)
    armed.goto(f"/dashboard/gateways/{gateway_id}/logs")
    expect(armed.get_by_role("row")).to_have_count(len(logs) + 1)
    home = armed.evaluate("location.origin")
    elements = (
        "document.querySelectorAll('main script, main img, main iframe, main style, main base, main form[action]').length"
    )
    armed.get_by_role("button", name="Live").click()
    seen = armed.evaluate(OPEN_EACH)
    assert [one["told"] for one in seen] == list(PAYLOADS)
    assert [one["elements"] for one in seen] == [0] * len(PAYLOADS)
    assert armed.evaluate("window.ran") == 0
    assert armed.evaluate(elements) == 0
    assert armed.evaluate("location.origin") == home


def test_through_the_gateway_itself(
    armed: Page, service: Service, gateway_id: str, run_token: Token, upstream: FakeProvider, watched: Callable[[Page], Page]
) -> None:
    """The same by the front door: model, user agent, metadata and the provider's own words."""
    sendable = [payload for payload in PAYLOADS if payload.isascii() and payload.isprintable()]
    for payload in sendable:
        upstream.script(reply_json({"model": payload, "choices": [{"message": {"content": payload}}]}))
        headers = {
            "cf-aig-authorization": run_token.bearer,
            "User-Agent": payload,
            "cf-aig-metadata": json.dumps({"note": payload}),
            "cf-aig-event-id": payload,
        }
        body = {"model": payload, "messages": [{"role": "user", "content": payload}]}
        call(service.origin, "POST", f"/v1/{service.account}/{gateway_id}/openai/chat/completions", headers=headers, body=body)
    armed.goto(f"/dashboard/gateways/{gateway_id}/logs")
    rows = armed.get_by_role("row")
    expect(rows).to_have_count(len(sendable) + 1)
    rows.nth(1).get_by_role("link").click()
    expect(armed.get_by_role("dialog").get_by_text("Log id")).to_be_visible()
    assert armed.evaluate("window.ran") == 0


def test_names_that_people_give(armed: Page, service: Service) -> None:
    made = [
        service.management.create_token(payload[:120]) for payload in PAYLOADS if payload.isascii() and payload.isprintable()
    ]
    try:
        armed.goto("/dashboard/tokens")
        expect(armed.get_by_role("heading", name="<svg><script>", exact=False)).to_be_visible()
        assert armed.evaluate("window.ran") == 0
    finally:
        for token in made:
            service.management.delete_token(token.id)
