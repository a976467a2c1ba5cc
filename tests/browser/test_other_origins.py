"""A page of another origin, with a token of its own: it calls every surface from a real browser and reads what comes,
streams and refusals too; the management API lets it in nowhere."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fakes import dialects
from fakes.provider import FakeProvider, reply_json, stream
from fakes.service import Service, Token

PAGE = b"<!doctype html><title>an application</title>"
ASK = """async ({url, token, gateway, slot, body}) => {
    const headers = {'Content-Type': 'application/json', 'X-Stainless-Lang': 'js', 'cf-aig-metadata': '{"from":"page"}'};
    if (token) headers[slot] = 'Bearer ' + token;
    if (gateway) headers['cf-aig-gateway-id'] = gateway;
    const answer = await fetch(url, {method: 'POST', headers, body: JSON.stringify(body)});
    return {
        status: answer.status, text: await answer.text(), request: answer.headers.get('cf-aig-request-id'),
        own: answer.headers.get('x-own-field'), again: answer.headers.get('x-should-retry'),
    };
}"""


class Application(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def application() -> Iterator[str]:
    """Origin of a web server that is not ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


SURFACES = ["native", "compat", "REST"]


def asking(surface: str, service: Service, gateway_id: str) -> dict[str, Any]:
    asked: dict[str, Any] = {"body": {"model": "openai/gpt-4.1-mini", "messages": [{"role": "user", "content": "hi"}]}}
    tree = f"{service.origin}/v1/{service.account}/{gateway_id}"
    match surface:
        case "native":
            return asked | {"url": f"{tree}/openai/chat/completions", "slot": "cf-aig-authorization"}
        case "compat":
            return asked | {"url": f"{tree}/compat/chat/completions", "slot": "Authorization"}
        case _:
            return asked | {"url": f"{service.rest}/v1/chat/completions", "slot": "Authorization", "gateway": gateway_id}


@pytest.mark.parametrize("surface", SURFACES)
def test_a_page_of_another_origin_reads_answers_streams_and_refusals(
    surface: str,
    application: str,
    open_context: Any,
    service: Service,
    gateway_id: str,
    run_token: Token,
    upstream: FakeProvider,
) -> None:
    service.management.store_key(gateway_id, "openai", "sk-stored")
    page = open_context(token="").new_page()
    page.goto(application)
    asked = asking(surface, service, gateway_id)
    events = list(dialects.chat_events("gpt-4.1-mini"))
    upstream.script(reply_json({"id": "one"}, headers=[("X-Own-Field", "read")]), stream(events))

    answer = page.evaluate(ASK, {**asked, "token": run_token.value})
    assert (answer["status"], answer["text"]) == (200, '{"id": "one"}')
    assert answer["request"]
    assert answer["own"] == "read", "what the provider says besides may be read too"
    streamed = page.evaluate(ASK, {**asked, "token": run_token.value})
    assert (streamed["status"], streamed["text"].encode()) == (200, b"".join(events))
    refused = page.evaluate(ASK, {**asked, "token": ""})
    assert refused["status"] == 401
    assert "Unauthorized" in refused["text"] or "Authentication error" in refused["text"]
    assert (refused["request"] != "", refused["again"]) == (True, "false")
    assert [one.method for one in upstream.requests] == ["POST", "POST"], "no preflight reaches a provider"
    assert all("origin" not in one.names for one in upstream.requests)


def test_the_management_api_lets_no_such_page_in(application: str, open_context: Any, service: Service) -> None:
    page = open_context(token="").new_page()
    page.goto(application)
    url = f"{service.origin}/client/v4/accounts/{service.account}/ai-gateway/gateways"
    reading = (
        """([url, token]) => fetch(url, {headers: {Authorization: 'Bearer ' + token}}).then(() => 'read', () => 'stopped')"""
    )
    assert page.evaluate(reading, [url, service.management.token]) == "stopped"
    assert page.evaluate("url => fetch(url).then(() => 'read', () => 'stopped')", url) == "stopped"
