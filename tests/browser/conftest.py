"""A real browser on the real service. A page that breaks its Content-Security-Policy or throws fails its test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.service import ROOT, Service
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

DASHBOARD = ROOT / "gateway" / "dashboard"
PATIENCE_MS = 20_000
"""Every wait ends with what it waits for; this only bounds a failure."""

OpenContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with each module: its event loop would be in the way of other tests' loops."""
    chromium = shutil.which("chromium")
    assert chromium, "these tests drive Debian's chromium: apt-get install chromium"
    assert (DASHBOARD / "dist" / "index.html").exists(), "the dashboard is not built: pip install -e '.[dev]'"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield running
        running.close()


@pytest.fixture
def open_context(browser: Browser, service: Service) -> Iterator[OpenContext]:
    """Contexts of the test's own, signed in unless `token` is empty."""
    contexts: list[BrowserContext] = []

    def open_one(token: str | None = None, **options: object) -> BrowserContext:
        context = browser.new_context(base_url=service.origin, reduced_motion="reduce", **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        value = service.management.token if token is None else token
        if value:
            sign_in(context, service, value)
        return context

    yield open_one
    for context in contexts:
        context.close()


def sign_in(context: BrowserContext, service: Service, token: str) -> None:
    own = {"Origin": service.origin, "Sec-Fetch-Site": "same-origin", "X-Gateway-Dashboard": "http"}
    answer = context.request.post("/client/v4/user/session", data={"token": token}, headers=own)
    assert answer.ok, answer.text()


@pytest.fixture
def watched() -> Iterator[Callable[[Page], Page]]:
    """Takes pages whose errors are the test's."""
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A failed request is told by the page itself, and is not always a fault: a body that was not logged is a 404.
        if message.type == "error" and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    def watch(page: Page) -> Page:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", heard)
        return page

    yield watch
    assert wrong == []


@pytest.fixture
def page(open_context: OpenContext, watched: Callable[[Page], Page]) -> Page:
    """Signed in with the bootstrap token."""
    return watched(open_context().new_page())


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's script."""
    path: Path = DASHBOARD / "node_modules" / "axe-core" / "axe.min.js"
    assert path.exists(), "axe-core is not installed: pip install -e '.[dev]'"
    return path.read_text()
