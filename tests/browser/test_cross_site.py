"""Twelve attempts of other origins to change something with a signed-in browser change nothing (promise R-33): from another
site, where the cookie stays at home, and from another port of the same host, where it does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fakes.service import Service

ATTEMPTS = {
    "form, urlencoded": "form(api, 'application/x-www-form-urlencoded')",
    "form, text/plain JSON": "form(api, 'text/plain')",
    "form, multipart": "form(api, 'multipart/form-data')",
    "fetch no-cors, text/plain JSON": "fetch(api, {method: 'POST', mode: 'no-cors', credentials: 'include', body})",
    "fetch no-cors, JSON type": "fetch(api, {method: 'POST', mode: 'no-cors', credentials: 'include', body, headers: json})",
    "fetch cors, JSON": "fetch(api, {method: 'POST', credentials: 'include', body, headers: json})",
    "fetch PUT": "fetch(one, {method: 'PUT', credentials: 'include', body, headers: json})",
    "fetch DELETE": "fetch(one, {method: 'DELETE', credentials: 'include'})",
    "beacon with a JSON blob": "navigator.sendBeacon(api, new Blob([body], {type: 'application/json'}))",
    "image": "new Promise(done => { const i = new Image(); i.onload = i.onerror = done; i.src = one + '?_method=DELETE'; })",
    "sign out": "fetch(session, {method: 'DELETE', credentials: 'include', headers: json})",
    "sign in as somebody else": "fetch(session, {method: 'POST', mode: 'no-cors', credentials: 'include', body: signIn})",
}
PAGE = b"<!doctype html><title>elsewhere</title><iframe name=sink></iframe>"
TOOLS = """async ({api, one, session, body, token, attempt}) => {
    const json = {'Content-Type': 'application/json'}, signIn = JSON.stringify({token});
    const form = (action, enctype) => new Promise(done => {
        const form = Object.assign(document.createElement('form'), {action, enctype, method: 'POST', target: 'sink'});
        const field = Object.assign(document.createElement('input'), {name: body, value: ''});
        form.append(field); document.body.append(form);
        document.querySelector('iframe').onload = done;
        form.submit();
    });
    try { return await eval(attempt), 'sent'; } catch (error) { return 'stopped'; }
}"""


class Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """Port of a web server that is not ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def state_of(service: Service) -> Any:
    """Everything the attempts aim at."""
    management = service.management
    return [management.call("GET", "/ai-gateway/gateways?per_page=100"), {t["id"] for t in management.call("GET", "/tokens")}]


def test_there_are_twelve() -> None:
    assert len(ATTEMPTS) == 12


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["other site", "same site"])
def test_nothing_changes(
    host: str, elsewhere: int, service: Service, open_context: Any, gateway_id: str, run_token: Any
) -> None:
    root = f"{service.origin}/client/v4/accounts/{service.account}/ai-gateway/gateways"
    stolen = {
        "id": "stolen", "authentication": False, "cache_invalidate_on_update": False, "cache_ttl": 0, "collect_logs": True,
        "rate_limiting_interval": 0, "rate_limiting_limit": 0,
    }  # fmt: skip
    given = {
        "api": root,
        "one": f"{root}/{gateway_id}",
        "session": f"{service.origin}/client/v4/user/session",
        "body": json.dumps(stolen),
        "token": run_token.value,
    }
    before = state_of(service)
    page = open_context().new_page()
    (cookie,) = page.context.cookies()
    tried = {}
    for name, attempt in ATTEMPTS.items():
        page.goto(f"http://{host}:{elsewhere}/")
        tried[name] = page.evaluate(TOOLS, {**given, "attempt": attempt})
    assert tried["fetch no-cors, text/plain JSON"] == "sent", "the attempts do reach the network"
    assert state_of(service) == before
    assert page.context.cookies(service.origin) == [cookie]
    own = {"Origin": service.origin, "Sec-Fetch-Site": "same-origin", "X-Gateway-Dashboard": "http"}
    assert page.context.request.get("/client/v4/user/session", headers=own).json()["result"]["token"]["name"] == "bootstrap"
