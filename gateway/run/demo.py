"""`gateway demo`: the whole service with a mock provider on free loopback ports, and commands that work as printed."""

import asyncio
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.model.gateways import DEFAULT_GATEWAY_ID
from gateway.model.service import BOOTSTRAP_NAME
from gateway.run.client import ApiError
from gateway.run.config import ServiceConfig, Settings, load
from gateway.run.demo_day import a_day
from gateway.run.findings import Verdict
from gateway.run.hot_path import hot_path
from gateway.run.keyfiles import read_secret
from gateway.run.layers import ConfigError
from gateway.run.listening import Listeners
from gateway.run.mock_provider import mock_provider
from gateway.run.tokens import policy
from gateway.run.worker import Stop, reason_of, require_c_parser, run_loop, serve_both
from gateway.store.store import open_store
from gateway.telemetry import logging as json_logging

_PROVIDER_PATHS: Final = {"openai": "/v1", "anthropic": "", "google-ai-studio": ""}
_ACCOUNT_ID: Final = "d" * 32
_ROWS_AT_ONCE: Final = 100
_GATEWAY: Final = {
    "id": DEFAULT_GATEWAY_ID,
    "authentication": True,
    "collect_logs": True,
    "collect_log_payloads": True,
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What the printed commands need."""

    origin: str
    account_id: str
    token: str
    """May only send requests."""
    admin_token: str = ""
    """May do everything: to sign in to the dashboard with."""

    @property
    def rest(self) -> str:
        return f"{self.origin}/client/v4/accounts/{self.account_id}/ai/v1"

    @property
    def native(self) -> str:
        return f"{self.origin}/v1/{self.account_id}/{DEFAULT_GATEWAY_ID}"


def demo(*, port: int, once: bool) -> int:
    """Until Ctrl-C, or with `once` until one request of each kind came back. The exit code."""
    require_c_parser()
    # The demo speaks to a person: warnings about its own first token are for a service that stays.
    json_logging.configure("error", audit=False)
    if (code := hot_path()).verdict is not Verdict.GOOD:
        print(f"gateway: {code.text}", file=sys.stderr, flush=True)
    listeners = Listeners()
    # The path of a unix socket is short, whatever TMPDIR says.
    with tempfile.TemporaryDirectory(prefix="gateway-demo-", dir="/tmp") as folder:
        try:
            listeners.open([f"127.0.0.1:{port}"])
            return run_loop(_play(Path(folder), listeners, once=once))
        except (OSError, aiohttp.ClientError) as error:
            raise ApiError(reason_of("demo", error) if isinstance(error, OSError) else "the demo does not answer") from None
        finally:
            listeners.close()


async def _play(folder: Path, listeners: Listeners, *, once: bool) -> int:
    stop = Stop(signal.SIGTERM, signal.SIGINT)
    runner = web.AppRunner(mock_provider(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = _config(folder, f"http://127.0.0.1:{runner.addresses[0][1]}", listeners.origin())
    failures: list[str] = []
    trials: list[asyncio.Task[None]] = []

    async def on_ready(bootstrapped: bool) -> None:
        stage = await _prepare(listeners.origin(), read_secret(config.data_dir / BOOTSTRAP_NAME))
        await _fill(config.control.store_url)
        print(commands(stage), flush=True)
        if once:
            trials.append(spawn(_try_and_stop(stage, failures, stop), "demo-trial"))

    try:
        await serve_both(config.edge, config.control, (listeners.sockets, []), stop=stop, on_ready=on_ready)
    finally:
        await cancel_and_wait(*trials)
        await runner.cleanup()
    for failure in failures:
        print(f"gateway: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _config(folder: Path, provider: str, origin: str) -> ServiceConfig:
    settings = Settings.model_validate(
        {
            "server": {"public_url": origin, "workers": 1},
            "ops": {"listen": ""},
            "bootstrap": {"account_id": _ACCOUNT_ID, "stays": True},
            "timeouts": {"drain_s": 1.0},
            "providers": {slug: {"base_url": provider + path, "keyless": True} for slug, path in _PROVIDER_PATHS.items()},
        }
    )
    return load(settings, folder / "data", {}, folder)


async def _prepare(origin: str, bootstrap_token: str) -> Stage:
    """Gateway `default` with authentication on, a token that may only run requests, and one that may do everything, all by the
    public API."""
    accounts = f"{origin}/client/v4/accounts/{_ACCOUNT_ID}"
    headers = {"Authorization": f"Bearer {bootstrap_token}"}
    async with aiohttp.ClientSession(headers=headers, trust_env=False) as session:
        await _post(session, f"{accounts}/ai-gateway/gateways", _GATEWAY)
        run, everything = [
            await _post(session, f"{accounts}/tokens", {"name": name, "policies": [policy(_ACCOUNT_ID, [permission], [])]})
            for name, permission in (("demo", "run"), ("demo-admin", "all"))
        ]
    return Stage(origin, _ACCOUNT_ID, run["value"], everything["value"])


async def _fill(store_url: str) -> None:
    """The made-up day goes straight into the store: no request was sent, and none is counted as such in the metrics."""
    records, bodies = a_day(_ACCOUNT_ID, time.time())
    store = open_store(store_url, create=False)
    await store.open()
    try:
        for start in range(0, len(records), _ROWS_AT_ONCE):
            await store.log.insert(records[start : start + _ROWS_AT_ONCE])
        await store.log.insert_bodies(bodies)
    finally:
        await store.close()


async def _post(session: aiohttp.ClientSession, url: str, body: Mapping[str, Any]) -> Any:
    async with session.post(url, json=body) as response:
        if response.status != 200:
            raise ConfigError(f"the demo could not be prepared: {response.status} from the management API")
        return (await response.json())["result"]


# --- what is printed

_QUESTION: Final = '"messages":[{"role":"user","content":"Hello"}]'


def requests(stage: Stage) -> list[tuple[str, str, dict[str, str], str]]:
    """(title, URL, header fields, body) of the requests shown; `--once` sends the same ones."""
    bearer = f"Bearer {stage.token}"
    native = {"cf-aig-authorization": bearer, "Content-Type": "application/json"}
    rest = {"Authorization": bearer, "Content-Type": "application/json"}
    gemini = '{"contents":[{"parts":[{"text":"Hello"}]}]}'
    gemini_path = "google-ai-studio/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    claude = '"model":"claude-sonnet-4-5","max_tokens":64,"stream":true'
    return [
        (
            "OpenAI chat on the REST API, streaming",
            f"{stage.rest}/chat/completions",
            rest,
            f'{{"model":"openai/gpt-4o-mini","stream":true,{_QUESTION}}}',
        ),
        (
            "OpenAI chat on the provider-native path, streaming",
            f"{stage.native}/openai/chat/completions",
            native,
            f'{{"model":"gpt-4o-mini","stream":true,{_QUESTION}}}',
        ),
        (
            "Anthropic messages, streaming",
            f"{stage.native}/anthropic/v1/messages",
            native | {"anthropic-version": "2023-06-01"},
            f"{{{claude},{_QUESTION}}}",
        ),
        ("Gemini, streaming", f"{stage.native}/{gemini_path}", native, gemini),
    ]


_PYTHON: Final = """\
from openai import OpenAI
client = OpenAI(base_url="{rest}", api_key="{token}")
question = [{{"role": "user", "content": "Hello"}}]
for chunk in client.chat.completions.create(model="openai/gpt-4o-mini", messages=question, stream=True):
    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)
print()"""

_NODE: Final = """\
import OpenAI from "openai";
const client = new OpenAI({{ baseURL: "{rest}", apiKey: "{token}" }});
const messages = [{{ role: "user", content: "Hello" }}];
const stream = await client.chat.completions.create({{ model: "openai/gpt-4o-mini", messages, stream: true }});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
console.log();"""


def commands(stage: Stage) -> str:
    """Ready to paste into a shell."""
    parts = [
        f"gateway demo on {stage.origin}: authentication is on, the providers are a mock. Ctrl-C stops everything.",
        f"Dashboard, with a day of made-up requests: {stage.origin}/dashboard",
        f"Sign in with this token, which may do everything: {stage.admin_token}",
        "\nPaste any of these:",
    ]
    for title, url, headers, body in requests(stage):
        fields = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items())
        parts.append(f"\n# {title}\ncurl -sN {shlex.quote(url)} {fields} -d {shlex.quote(body)}")
    refused = f"{stage.native}/openai/chat/completions"
    parts.append(f"\n# Without a token: 401\ncurl -s {shlex.quote(refused)} -H 'Content-Type: application/json' -d '{{}}'")
    values = {"rest": stage.rest, "token": stage.token}
    parts.append(f"\n# Python: pip install openai\npython3 - <<'END'\n{_PYTHON.format(**values)}\nEND")
    parts.append(f"\n# Node: npm install openai\nnode --input-type=module <<'END'\n{_NODE.format(**values)}\nEND")
    return "\n".join(parts)


# --- --once


async def _try_and_stop(stage: Stage, failures: list[str], stop: Stop) -> None:
    try:
        async with aiohttp.ClientSession(trust_env=False) as session:
            for title, url, headers, body in requests(stage):
                async with session.post(url, headers=headers, data=body) as response:
                    text = await response.text()
                    if response.status != 200 or "gateway" not in text:
                        failures.append(f"{title}: answered {response.status}")
            async with session.post(f"{stage.native}/openai/chat/completions", json={}) as response:
                if response.status != 401:
                    failures.append(f"without a token: answered {response.status} instead of 401")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        failures.append(f"the demo does not answer: {type(error).__name__}")
    finally:
        stop.ask()
