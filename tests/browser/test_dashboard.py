"""The way of a person through the dashboard: sign in, first request, tokens, the switch, logs, analytics."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes import dialects
from fakes.processes import until
from fakes.provider import FakeProvider, Gate, reply, reply_json, stream
from fakes.service import Service, call
from playwright.sync_api import Page, Route, expect

TOKEN = re.compile(r"agw_[0-9A-Za-z]{49}")
ADDRESSES = [
    "", "tokens", "custom-providers", "gateways/{g}", "gateways/{g}/logs", "gateways/{g}/analytics", "gateways/{g}/keys",
    "gateways/{g}/settings",
]  # fmt: skip


def chat(service: Service, gateway_id: str, token: str = "", **body: Any) -> int:
    """One chat request through the gateway; its status."""
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], **body}
    headers = {"Authorization": "Bearer sk-provider", "User-Agent": "browser-test/1"}
    if token:
        headers["cf-aig-authorization"] = f"Bearer {token}"
    answer = call(
        service.origin, "POST", f"/v1/{service.account}/{gateway_id}/openai/chat/completions", headers=headers, body=asked
    )
    return answer.status


def in_browser(page: Page, text: str) -> list[str]:
    """Where the browser keeps this text: storage, cookies that scripts see, the document, the address."""
    places = page.evaluate(
        """() => ({
            local: JSON.stringify({...localStorage}), session: JSON.stringify({...sessionStorage}), cookie: document.cookie,
            document: document.documentElement.outerHTML, address: location.href, state: JSON.stringify(history.state),
        })"""
    )
    return [place for place, held in places.items() if text in (held or "")]


def test_sign_in_and_out(service: Service, open_context: Any, watched: Callable[[Page], Page]) -> None:
    context = open_context(token="")
    page = watched(context.new_page())
    page.goto("/dashboard/tokens")
    field = page.get_by_label("API token")
    field.fill("agw_nonsense")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This token is not valid.")
    field.fill(service.management.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
    (cookie,) = context.cookies()
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
    assert in_browser(page, service.management.token) == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert context.cookies() == []
    context.add_cookies([cookie])
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_from_nothing_to_the_first_request(service: Service, page: Page, upstream: FakeProvider) -> None:
    name = "first-run"
    page.goto("/dashboard/")
    page.get_by_role("button", name="Create gateway").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Create gateway").click()
    expect(page.get_by_text("Waiting for your first request")).to_be_visible()
    for client in ("curl", "OpenAI Python", "OpenAI JS", "Vercel AI SDK", "Anthropic", "Claude Code"):
        page.get_by_role("tab", name=client).click()
        expect(page.get_by_role("tabpanel")).to_contain_text(service.origin)
        expect(page.get_by_role("tabpanel")).to_contain_text(service.account)
    value = create_token(page)
    done = page.locator("li.done")
    expect(done).to_have_count(1)
    assert chat(service, name) == 401
    upstream.script(reply_json({"error": {"message": "Incorrect API key provided"}}, status=401))
    assert chat(service, name, value) == 401
    expect(page.get_by_text("none was answered yet")).to_be_visible()
    expect(page.get_by_role("row").nth(1)).to_contain_text("The provider answered with status 401")
    expect(done).to_have_count(1)
    page.get_by_role("button", name="Add provider key").click()
    page.get_by_label("Provider", exact=True).fill("openai")
    page.get_by_label("Key", exact=True).fill("sk-first-run-00000000000000001234")
    page.get_by_role("dialog").get_by_role("button", name="Add key").click()
    expect(page.get_by_text("Stored for openai.")).to_be_visible()
    expect(done).to_have_count(2)
    upstream.script(reply(b"no", 401), reply_json({"data": []}))
    for told, steps in (("The provider refuses this key", 1), ("The provider accepts this key", 2)):
        page.get_by_role("button", name="Test key").click()
        expect(page.get_by_text(told)).to_be_visible()
        expect(done).to_have_count(steps)
    assert chat(service, name, value) == 200
    expect(page.get_by_text("Your first answer has arrived")).to_be_visible()
    expect(done).to_have_count(4)
    expect(page.get_by_role("row").filter(has_text="gpt-4o-mini").first).to_be_visible()
    service.management.delete_gateway(name)


def create_token(page: Page) -> str:
    page.get_by_role("button", name="Create authentication token").click()
    expect(page.get_by_label("AI Gateway Run", exact=True)).to_be_checked()
    page.get_by_role("button", name="Create token").click()
    shown = page.get_by_label("Token value")
    expect(shown).to_have_text(TOKEN)
    value = shown.inner_text()
    assert in_browser(page, value) == ["document"]
    page.get_by_role("button", name="I have saved it").click()
    expect(shown).to_have_count(0)
    assert in_browser(page, value) == []
    return value


def test_the_switch_asks_in_both_directions(service: Service, page: Page, gateway_id: str, upstream: FakeProvider) -> None:
    page.goto(f"/dashboard/gateways/{gateway_id}/settings")
    value = create_token(page)
    switch = page.get_by_role("switch", name="Authenticated Gateway")
    expect(switch).to_be_checked()
    assert (chat(service, gateway_id), chat(service, gateway_id, value)) == (401, 200)

    switch.click()
    off = page.get_by_role("button", name="Switch off")
    expect(off).to_be_disabled()
    page.get_by_label("to confirm").fill(gateway_id)
    off.click()
    expect(switch).not_to_be_checked()
    expect(page.get_by_text("Open to anyone")).to_be_visible()
    assert chat(service, gateway_id) == 200

    assert (chat(service, gateway_id), chat(service, gateway_id, value)) == (200, 200)
    seen = f"/ai-gateway/gateways/{gateway_id}/unauthenticated"
    until(lambda: service.management.call("GET", seen)["requests"] == 3)
    switch.click()
    page.get_by_role("button", name="Cancel").click()
    expect(switch).not_to_be_checked()
    switch.click()
    expect(page.get_by_role("dialog")).to_contain_text("without a valid token get 401")
    expect(page.get_by_role("dialog")).to_contain_text("2 of 3 requests of the last 24 hours (67 %) would have been refused")
    caller = page.get_by_role("dialog").get_by_role("row").nth(1)
    expect(caller).to_contain_text("127.0.0.1")
    expect(caller).to_contain_text("openai/chat/completions")
    page.get_by_role("button", name="Switch on").click()
    expect(switch).to_be_checked()
    assert (chat(service, gateway_id), chat(service, gateway_id, value)) == (401, 200)


def test_a_token_is_rolled_disabled_and_revoked(service: Service, page: Page, gateway_id: str, upstream: FakeProvider) -> None:
    made = service.management.create_token("to-revoke")
    assert chat(service, gateway_id, made.value) == 200
    page.goto("/dashboard/tokens")
    row = page.get_by_role("listitem").filter(has_text="to-revoke")
    row.get_by_role("button", name="Roll").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll").click()
    rolled = page.get_by_label("Token value").inner_text()
    assert TOKEN.fullmatch(rolled)
    page.get_by_role("button", name="I have saved it").click()
    assert (chat(service, gateway_id, made.value), chat(service, gateway_id, rolled)) == (401, 200)

    row.get_by_role("button", name="Disable").click()
    assert chat(service, gateway_id, rolled) == 200, "it asks first"
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(row.get_by_text("disabled")).to_be_visible()
    assert chat(service, gateway_id, rolled) == 401
    row.get_by_role("button", name="Enable").click()
    expect(row.get_by_text("active")).to_be_visible()

    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"Revoked\. The worker confirmed after [\d.]+ (µs|ms|s)"))
    expect(row).to_have_count(0)
    assert chat(service, gateway_id, rolled) == 401


def test_a_streamed_request_appears_live_and_its_answer_put_together(
    service: Service, page: Page, gateway_id: str, run_token: Any, upstream: FakeProvider
) -> None:
    gate = Gate()
    gate.open_wide()
    events = dialects.chat_events("gpt-4o-mini", ("Put ", "toge", "ther."))
    upstream.script(stream(events, gate=gate))
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    expect(page.get_by_text("No requests yet")).to_be_visible()
    assert chat(service, gateway_id, run_token.value, stream=True) == 200
    row = page.get_by_role("row").filter(has_text="gpt-4o-mini")
    expect(row).to_contain_text("stream")

    def answered(body: str, kind: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(status=200, content_type=kind, body=body)

    prompt = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say it in pieces"}]}
    page.route("**/logs/*/request", answered(json.dumps(prompt), "application/json"))
    page.route("**/logs/*/response", answered(b"".join(events).decode(), "text/event-stream"))
    row.get_by_role("link").click()
    detail = page.get_by_role("dialog")
    expect(detail.get_by_text("Say it in pieces")).to_be_visible()
    expect(detail.get_by_text("Put together.")).to_be_visible()
    expect(detail.get_by_role("region", name="Timing")).to_contain_text("Waiting for the provider")
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    assert urlsplit(page.url).path.endswith("/logs")


def test_filters_go_to_the_api_and_stand_in_the_address(page: Page, gateway_id: str) -> None:
    page.goto(f"/dashboard/gateways/{gateway_id}/logs")
    page.get_by_role("button", name="Filter").click()
    form = page.get_by_role("form", name="Filters")
    form.get_by_label("Status").select_option("Error")
    form.get_by_label("Provider", exact=True).fill("openai")
    form.get_by_label("Longer than (ms)").fill("250")
    with page.expect_request("**/logs?*filters*") as asked:
        form.get_by_role("button", name="Apply").click()
    filters = json.loads(parse_qs(urlsplit(asked.value.url).query)["filters"][0])
    assert filters == [
        {"key": "success", "operator": "eq", "value": [False]},
        {"key": "provider", "operator": "eq", "value": ["openai"]},
        {"key": "duration", "operator": "gt", "value": [250]},
    ]
    assert parse_qs(urlsplit(page.url).query) == {"status": ["false"], "provider": ["openai"], "min_duration": ["250"]}
    page.reload()
    page.get_by_role("button", name="Remove filter Status: Error").click()
    expect(page.get_by_role("button", name="Remove filter Status: Error")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove filter Provider: openai")).to_be_visible()


def test_a_log_page_is_one_request(
    service: Service, page: Page, gateway_id: str, run_token: Any, upstream: FakeProvider
) -> None:
    chat(service, gateway_id, run_token.value)
    page.goto(f"/dashboard/gateways/{gateway_id}/settings")
    expect(page.get_by_role("switch", name="Authenticated Gateway")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.get_by_role("button", name="Switch to dark theme").click()
    page.get_by_role("link", name="Logs").click()
    expect(page.get_by_role("row").filter(has_text="gpt-4o-mini")).to_be_visible()
    assert {path for path in asked if "/client/" in path} == {
        f"/client/v4/accounts/{service.account}/ai-gateway/gateways/{gateway_id}/logs"
    }


def test_provider_keys_are_kept_tried_and_never_shown(page: Page, gateway_id: str, upstream: FakeProvider) -> None:
    secret = "sk-browser-secret-000000000000001234"
    page.goto(f"/dashboard/gateways/{gateway_id}/keys")
    page.get_by_role("button", name="Add key").click()
    page.get_by_label("Provider", exact=True).fill("openai")
    page.get_by_label("Key", exact=True).fill(secret)
    page.get_by_role("dialog").get_by_role("button", name="Add key").click()
    row = page.get_by_role("listitem").filter(has_text="openai")
    expect(row).to_contain_text("sk-…1234")
    assert in_browser(page, secret) == []
    upstream.script(reply(b"no", 401), reply_json({"data": []}))
    row.get_by_role("button", name="Test key").click()
    expect(row.get_by_role("status")).to_have_text("refused The provider refuses this key (401)")
    row.get_by_role("button", name="Test key").click()
    expect(row.get_by_role("status")).to_have_text("accepted The provider accepts this key (200)")
    assert [(asked.method, asked.target, asked.header("authorization")) for asked in upstream.requests] == [
        ("GET", "/v1/models", f"Bearer {secret}")
    ] * 2
    row.get_by_role("button", name="Rotate").click()
    page.get_by_label("New key").fill(secret[:-4] + "5678")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(row).to_contain_text("sk-…5678")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete key").click()
    expect(page.get_by_text("No provider keys")).to_be_visible()


def test_custom_providers_come_and_go(page: Page) -> None:
    page.goto("/dashboard/custom-providers")
    page.get_by_role("button", name="Add provider").click()
    page.get_by_label("Name").fill("Browser's own")
    page.get_by_label("Slug").fill("browser-own")
    page.get_by_label("Base URL").fill("https://127.0.0.1/v1")
    page.get_by_role("dialog").get_by_role("button", name="Add provider").click()
    expect(page.get_by_role("alert")).to_contain_text("public address")
    page.get_by_label("Base URL").fill("https://api.example.com/v1")
    page.get_by_role("dialog").get_by_role("button", name="Add provider").click()
    row = page.get_by_role("listitem").filter(has_text="Browser's own")
    expect(row).to_contain_text("custom-browser-own")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete provider").click()
    expect(row).to_have_count(0)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_stays_at_home_and_asks_for_no_other_origin(
    service: Service, page: Page, gateway_id: str, address: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/dashboard/" + address.replace("{g}", gateway_id))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".spinner")).to_have_count(0)
    assert {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in asked} == {service.origin}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_analytics_by_time_provider_and_model_with_zoom(
    service: Service, page: Page, gateway_id: str, upstream: FakeProvider
) -> None:
    value = service.management.create_token("analytics").value
    assert [chat(service, gateway_id, value) for _ in range(3)] == [200] * 3
    assert chat(service, gateway_id) == 401
    path = f"/ai-gateway/gateways/{gateway_id}/analytics"

    def counted() -> bool:
        totals = service.management.call("GET", path)["totals"]
        return (totals["requests"], totals["unauthenticated"]) == (3, 1)

    until(counted)
    page.goto(f"/dashboard/gateways/{gateway_id}/analytics")
    for title in ("Requests", "Tokens", "Cost", "Latency"):
        expect(page.get_by_role("figure", name=title)).to_be_visible()
    totals = page.locator("dl.totals")
    expect(totals).to_contain_text(re.compile(r"Requests\s*3"))
    expect(totals).to_contain_text(re.compile(r"Without a token\s*1"))
    expect(page.get_by_role("region", name="By provider").first).to_contain_text("openai")
    expect(page.get_by_role("region", name="By model").first).to_contain_text("openai/")
    chart = page.get_by_role("figure", name="Requests").locator(".u-over")
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 2, middle)  # the last hour
    expect(page.get_by_role("figure", name="Requests").locator(".u-legend")).to_contain_text("3")
    with page.expect_request("**/analytics?*group_by=provider*") as zoomed:
        page.mouse.move(box["x"] + box["width"] * 0.25, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
        page.mouse.up()
    asked = parse_qs(urlsplit(zoomed.value.url).query)
    start, end = (datetime.fromisoformat(asked[name][0]) for name in ("start", "end"))
    assert timedelta(hours=5.5) < end - start < timedelta(hours=6.5)
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)
    expect(page.get_by_role("button", name="Day")).to_have_attribute("aria-pressed", "true")
