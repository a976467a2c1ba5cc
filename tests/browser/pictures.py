"""Takes the README's pictures anew: the demo with its day of requests, a few more through it, and Debian's chromium.

.venv/bin/python tests/browser/pictures.py
"""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".github" / "images"
SIZE = {"width": 1360, "height": 860}
PROMPT = [
    {"role": "system", "content": "You are a concise assistant for a bookshop."},
    {"role": "user", "content": "Which novels by Ursula K. Le Guin should I start with?"},
]


USAGE = {"stream_options": {"include_usage": True}}


class Demo:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        said = ""
        while "Without a token: 401" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        self.origin = _found(r"gateway demo on (http://\S+):? ", said).rstrip(":")
        self.token = _found(r"which may do everything: (\S+)", said)
        self.account = _found(r"/v1/([0-9a-f]{32})/", said)

    def send(self, method: str, path: str, body: Any) -> bytes:
        request = urllib.request.Request(f"{self.origin}{path}", json.dumps(body).encode(), method=method)
        fields = {"Authorization": f"Bearer {self.token}", "cf-aig-authorization": f"Bearer {self.token}"}
        for name, value in {**fields, "Content-Type": "application/json", "User-Agent": "openai-python/2.8.1"}.items():
            request.add_header(name, value)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def fill(self) -> None:
        """Prompts and answers are kept from here on, and some come."""
        gateway = f"/client/v4/accounts/{self.account}/ai-gateway/gateways/default"
        settings = {"collect_logs": True, "collect_log_payloads": True, "cache_ttl": 0, "cache_invalidate_on_update": False}
        rates = {"rate_limiting_interval": 0, "rate_limiting_limit": 0, "rate_limiting_technique": "fixed"}
        self.send("PUT", gateway, {**settings, **rates, "authentication": True})
        for number in range(6):
            asked = {"model": "gpt-4o-mini", "stream": number % 2 == 1, "messages": PROMPT, **USAGE}
            self.send("POST", f"/v1/{self.account}/default/openai/chat/completions", asked)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} is not in {text}"
    return match[1]


def page_of(browser: Browser, demo: Demo, scheme: str) -> Page:
    context = browser.new_context(base_url=demo.origin, viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    own = {"Origin": demo.origin, "Sec-Fetch-Site": "same-origin", "X-Gateway-Dashboard": "http"}
    assert context.request.post("/client/v4/user/session", data={"token": demo.token}, headers=own).ok
    return context.new_page()


def take(demo: Demo, browser: Browser) -> None:
    page = page_of(browser, demo, "dark")
    page.goto("/dashboard/gateways/default/analytics")
    page.get_by_role("button", name="Day", exact=True).click()
    page.get_by_text("p95").last.wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / "analytics-dark.png")
    page = page_of(browser, demo, "light")
    page.goto("/dashboard/gateways/default/logs")
    page.get_by_role("row").filter(has_text="stream").first.get_by_role("link").first.click()
    page.get_by_text("Put together from").wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / "log-light.png")


def main() -> None:
    command = [sys.executable, "-m", "gateway", "demo"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process, sync_playwright() as playwright:
        try:
            demo = Demo(process)
            demo.fill()
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            take(demo, browser)
            browser.close()
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
