"""A signed-in browser opens what a hostile provider answers: nothing of it runs on our origin, and the session is untouched.

Each way is tried twice: directly, where the browser says what it wants and the provider is not even asked; and through a proxy
that takes those fields away, where the answer does arrive.
"""

import http.client
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from fakes.provider import FakeProvider, provider_in_thread, reply
from fakes.service import Service
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

TOLD = ("sec-fetch-", "service-worker", "upgrade-insecure-requests")
SCRIPT = """
fetch("{provider}/ran").catch(() => 0);
try {{ localStorage.setItem("ran", "1") }} catch (e) {{}}
try {{ document.cookie = "ran=1" }} catch (e) {{}}
try {{ navigator.serviceWorker.register("/v1/{place}/worker", {{scope: "/"}}) }} catch (e) {{}}
try {{ (window.opener || window.parent).postMessage("ran", "*") }} catch (e) {{}}
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script><![CDATA[{script}]]></script></svg>'
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><head><script><![CDATA[{script}]]></script></head><body/></html>'
PDF = "%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS({script})>>>>endobj\ntrailer<</Root 1 0 R>>"
ANSWERS = {
    "html": ("text/html", "<!doctype html><script>{script}</script>"),
    "html of no type": ("", "<!doctype html><script>{script}</script>"),
    "html as text": ("text/plain", "<!doctype html><script>{script}</script>"),
    "svg": ("image/svg+xml", SVG),
    "xhtml": ("application/xhtml+xml", XHTML),
    "xml": ("text/xml", SVG),
    "pdf": ("application/pdf", PDF),
    "parts": (
        "multipart/x-mixed-replace; boundary=x",
        "--x\r\nContent-Type: text/html\r\n\r\n<script>{script}</script>\r\n--x--",
    ),
    "events": ("text/event-stream", "data: <script>{script}</script>\n\n"),
}
RUNS_AT_HOME = {"html", "html of no type", "svg", "xhtml", "xml"}
STEERING = [
    ("Service-Worker-Allowed", "/"),
    ("Content-Security-Policy", "script-src * 'unsafe-inline'"),
    ("Set-Cookie", "gateway-session=stolen; Path=/"),
    ("Clear-Site-Data", '"*"'),
    ("Access-Control-Allow-Origin", "*"),
]
WAYS = {
    "iframe": "url => new Promise(done => { const f = document.createElement('iframe');"
    " f.onload = done; f.src = url; document.body.append(f) })",
    "object": "url => new Promise(done => { const o = document.createElement('object');"
    " o.onload = o.onerror = done; o.data = url; document.body.append(o) })",
    "window": "url => new Promise(done => { window.open(url); done() })",
    "form": "url => { const f = Object.assign(document.createElement('form'), {action: url, method: 'POST'});"
    " document.body.append(f); setTimeout(() => f.submit(), 50); return null }",
}


class Stripped(BaseHTTPRequestHandler):
    """A proxy that passes on everything but what a browser tells of its purpose."""

    origin = ""

    def do_GET(self) -> None:
        at = urlsplit(self.origin)
        length = int(self.headers.get("Content-Length", 0))
        kept = {name: value for name, value in self.headers.items() if not name.lower().startswith(TOLD)}
        with closing(http.client.HTTPConnection(at.hostname or "", at.port, timeout=20)) as forward:
            forward.request(self.command, self.path, self.rfile.read(length) or None, kept)
            answer = forward.getresponse()
            body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Silence."""


class Elsewhere(BaseHTTPRequestHandler):
    """A page of somebody else, on the same site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        """Silence."""


def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def hostile() -> Iterator[FakeProvider]:
    with provider_in_thread() as fake:
        yield fake


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, hostile: FakeProvider) -> Iterator[Service]:
    """A service with a gateway that asks for no token, and a custom provider that is hostile."""
    environment = {"GATEWAY_UPSTREAM__ALLOW_PRIVATE_CUSTOM": "true"}
    with Service(tmp_path_factory.mktemp("host") / "data", environment=environment) as running:
        running.management.create_gateway("open", authentication=False)
        made = {"name": "Hostile", "slug": "hostile", "base_url": hostile.origin, "enable": True}
        running.management.call("POST", "/ai-gateway/custom-providers", made)
        yield running


@pytest.fixture(scope="module")
def stripped(host: Service) -> Iterator[str]:
    yield from serving(type("StrippedHere", (Stripped,), {"origin": host.origin}))


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    yield from serving(Elsewhere)


@pytest.fixture(params=["direct", "stripped"])
def origin(request: pytest.FixtureRequest, host: Service, stripped: str) -> str:
    """Where the browser has the gateway."""
    return host.origin if request.param == "direct" else stripped


@pytest.fixture
def signed_in(browser: Browser, host: Service, hostile: FakeProvider) -> Iterator[Callable[..., BrowserContext]]:
    contexts: list[BrowserContext] = []

    def open_one(origin: str, **options: object) -> BrowserContext:
        context = browser.new_context(base_url=origin, **options)  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        contexts.append(context)
        own = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "X-Gateway-Dashboard": "http"}
        answer = context.request.post("/client/v4/user/session", data={"token": host.management.token}, headers=own)
        assert answer.ok, answer.text()
        return context

    hostile.reset()
    yield open_one
    for context in contexts:
        context.close()


def place(host: Service) -> str:
    return f"{host.account}/open/custom-hostile"


def scripted(host: Service, hostile: FakeProvider, answer: str, steering: Sequence[tuple[str, str]] = tuple(STEERING)) -> None:
    """From now on the provider answers so, whatever it is asked."""
    content_type, body = ANSWERS[answer]
    script = SCRIPT.format(provider=hostile.origin, place=place(host))
    fields = [*steering, *([("Content-Type", content_type)] if content_type else [])]
    hostile.always = reply(body.replace("{script}", script).encode(), 200, fields)


def dashboard(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/dashboard")
    page.get_by_role("heading", name="Gateways").first.wait_for()
    return page


def untouched(context: BrowserContext, origin: str, host: Service) -> None:
    """The session is as it was, no script left a trace on our origin, and no service worker stands before the dashboard."""
    (cookie,) = [one for one in context.cookies(origin) if "session" in str(one.get("name"))]
    assert "stolen" not in str(cookie.get("value"))
    assert [one for one in context.cookies(origin) if one.get("name") == "ran"] == []
    page = dashboard(context)
    assert page.evaluate("localStorage.getItem('ran')") is None
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then(found => found.length)") == 0


def go(page: Page, url: str) -> None:
    with suppress(PlaywrightError):  # a document that the browser refuses is an aborted navigation
        page.goto(url)


@pytest.mark.parametrize("answer", sorted(RUNS_AT_HOME))
def test_these_scripts_do_run_where_they_are_at_home(
    answer: str, browser: Browser, host: Service, hostile: FakeProvider
) -> None:
    """Else the tests below would prove nothing."""
    scripted(host, hostile, answer, steering=())
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{hostile.origin}/page")
    assert page.evaluate("localStorage.getItem('ran')") == "1"
    context.close()


@pytest.mark.parametrize(
    ("answer", "way"), [*((answer, "opened") for answer in ANSWERS), *(("html", way) for way in WAYS), ("svg", "iframe")]
)
def test_no_answer_runs_on_our_origin(
    answer: str, way: str, origin: str, signed_in: Callable[..., BrowserContext], host: Service,
    hostile: FakeProvider, elsewhere: str,
) -> None:  # fmt: skip
    context = signed_in(origin)
    scripted(host, hostile, answer)
    url = f"{origin}/v1/{place(host)}/{answer.replace(' ', '-')}"
    page = context.new_page()
    if way == "opened":
        go(page, url)
    else:
        page.goto(elsewhere)
        page.evaluate(WAYS[way], url)
        page.wait_for_timeout(700)
    asked = [one.target for one in hostile.requests]
    assert "/ran" not in asked
    assert bool(asked) == (origin != host.origin), "through the proxy the answer does arrive, directly nobody is asked"
    untouched(context, origin, host)


def test_fetched_and_opened_as_a_blob_by_the_dashboard(
    origin: str, signed_in: Callable[..., BrowserContext], host: Service, hostile: FakeProvider
) -> None:
    context = signed_in(origin)
    scripted(host, hostile, "html")
    page = dashboard(context)
    size = page.evaluate(
        """async url => {
            const blob = await (await fetch(url)).blob();
            window.open(URL.createObjectURL(new Blob([blob], {type: 'text/html'})));
            await new Promise(done => setTimeout(done, 700));
            return blob.size;
        }""",
        f"/v1/{place(host)}/html",
    )
    assert size > 100, "fetch does get it"
    assert [one.target for one in hostile.requests] == ["/html"]
    untouched(context, origin, host)


@pytest.mark.parametrize("kind", ["text/javascript", "application/json", "text/html"])
def test_no_service_worker_stands_before_the_dashboard(
    kind: str, origin: str, signed_in: Callable[..., BrowserContext], host: Service, hostile: FakeProvider
) -> None:
    """Asked for by a script of our own origin, with the dashboard's policy out of the way."""
    context = signed_in(origin, bypass_csp=True)
    hostile.always = reply(b"self.onfetch = e => e.respondWith(new Response('mine'))", 200, [("Content-Type", kind), *STEERING])
    refused = dashboard(context).evaluate(
        "url => navigator.serviceWorker.register(url, {scope: '/'}).then(() => '', error => error.name)",
        f"/v1/{place(host)}/worker.js",
    )
    assert refused in ("SecurityError", "TypeError")
    untouched(context, origin, host)


@pytest.mark.parametrize("element", ["script", "module", "style", "worker"])
def test_no_script_or_style_of_ours(
    element: str, signed_in: Callable[..., BrowserContext], host: Service, hostile: FakeProvider
) -> None:
    """What a page of ours would load, if somebody could write an element into it."""
    context = signed_in(host.origin, bypass_csp=True)
    page = dashboard(context)
    hostile.always = reply(b"localStorage.setItem('ran', '1')", 200, [("Content-Type", "text/javascript"), *STEERING])
    page.evaluate(
        """([element, url]) => new Promise(done => {
            if (element === 'worker') { const w = new Worker(url); w.onerror = done; w.onmessage = done; return; }
            const made = document.createElement(element === 'style' ? 'link' : 'script');
            if (element === 'module') made.type = 'module';
            if (element === 'style') Object.assign(made, {rel: 'stylesheet', href: url}); else made.src = url;
            made.onload = made.onerror = done;
            document.head.append(made);
        }).then(() => 0)""",
        [element, f"/v1/{place(host)}/x"],
    )
    assert hostile.requests == []
    untouched(context, host.origin, host)
