"""The leak test behind `gateway doctor`: marked secrets go through the real service and a loopback provider, and are then
looked for wherever they must not be: log store, output, metrics, error bodies, arguments and environment.
"""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from gateway.model.tokens import mint_token
from gateway.run.client import ApiError, Client, readiness
from gateway.run.tokens import policy

_ACCOUNT: Final = "c" * 32
_GATEWAY: Final = "canary"
_START_S: Final = 60.0
_STOP_S: Final = 30.0
_SETTLE_S: Final = 2.0
"""Longer than a log record's way to the store, and counters' way to the metrics."""
_SECRET_FILES: Final = frozenset({"pepper", "master-key", "bootstrap-token"})
"""What keeps secrets by design; that they are private is another check's business."""


@dataclass(slots=True)
class Sinks:
    """Name of a place → what was found there."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> None:
        self.contents[name] = self.contents.get(name, b"") + content + b"\n"

    def holding(self, canaries: Mapping[str, str]) -> list[str]:
        """One line for each secret found in a place."""
        return [
            f"{what} is in {where}"
            for where, content in sorted(self.contents.items())
            for what, value in canaries.items()
            if value.encode() in content
        ]


class _Provider(ThreadingHTTPServer):
    """Answers everything, fails where the path says so, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.received: list[bytes] = []

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Provider

    def do_POST(self) -> None:
        head = f"{self.requestline}\n{self.headers}".encode()
        self.server.received.append(head + self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if "broken" in self.path:
            self.close_connection = True
            return
        self.send_response(500 if "failing" in self.path else 200)
        body = json.dumps({"model": "canary", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def leaks() -> list[str]:
    """Run the test; one line for each secret in a place where it must not be. Raises ApiError if it cannot be run."""
    with tempfile.TemporaryDirectory(prefix="gateway-doctor-", dir="/tmp") as folder, _provider() as provider:
        sinks = Sinks()
        with _service(Path(folder), provider.origin) as service:
            canaries = _fly(service, sinks)
            time.sleep(_SETTLE_S)
            _collect(service, sinks)
        # After the end: what was queued is written, and the last words are said.
        _read_files(Path(folder), sinks)
    sinks.put("requests at the provider", b"\n".join(provider.received))
    return [line for line in sinks.holding(canaries) if not _belongs(line)]


def _belongs(line: str) -> bool:
    """A provider is sent its own key, and nothing else."""
    return line.endswith("at the provider") and "provider key" in line


@dataclass(frozen=True, slots=True)
class _Service:
    origin: str
    ops: str
    data_dir: Path
    pid: int


@contextmanager
def _provider() -> Iterator[_Provider]:
    server = _Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _service(folder: Path, provider: str) -> Iterator[_Service]:
    listen, ops = _free_address(), _free_address()
    settings = {
        "GATEWAY_SERVER__LISTEN": listen,
        "GATEWAY_OPS__LISTEN": ops,
        "GATEWAY_LOG__LEVEL": "debug",
        "GATEWAY_BOOTSTRAP__ACCOUNT_ID": _ACCOUNT,
        "GATEWAY_PROVIDERS__OPENAI__BASE_URL": f"{provider}/v1",
        "GATEWAY_PROVIDERS__GOOGLE_AI_STUDIO__BASE_URL": provider,
        "GATEWAY_TIMEOUTS__DRAIN_S": "5",
    }
    unwanted = ("GATEWAY_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "_DIRECTORY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted) and not name.endswith(unwanted)}
    command = [sys.executable, "-P", "-m", "gateway", "serve", "--workers", "1", "--data-dir", str(folder / "data")]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            command, env={**kept, **settings, **_path()}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _until_ready(f"http://{ops}", process)
        yield _Service(f"http://{listen}", f"http://{ops}", folder / "data", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _path() -> dict[str, str]:
    """-P keeps the working directory out of the path; a checkout names itself."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _until_ready(ops: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(ApiError):
            if readiness(ops)[0]:
                return
        time.sleep(0.1)
    raise ApiError("the service under test does not start")


# --- the flight


def _fly(service: _Service, sinks: Sinks) -> dict[str, str]:
    """Send marked secrets every way they can come; what was answered goes into the sinks. Answers the secrets."""
    admin = (service.data_dir / "bootstrap-token").read_text().strip()
    client = Client(service.origin, admin)
    mark = secrets.token_hex(12)
    settings = {"cache_invalidate_on_update": False, "cache_ttl": 0, "rate_limiting_interval": 0, "rate_limiting_limit": 0}
    base = f"/accounts/{_ACCOUNT}/ai-gateway/gateways"
    client.call("POST", base, {"id": _GATEWAY, "authentication": True, "collect_logs": True, **settings})
    made = client.call("POST", f"/accounts/{_ACCOUNT}/tokens", {"name": "canary", "policies": [policy(_ACCOUNT, [], [])]})
    canaries = {
        "the first token": admin,
        "a gateway token": made["value"],
        "an unknown token": mint_token(),
        "a client's provider key": f"sk-canary-{mark}",
        "a provider key in a query": f"AIza-canary-{mark}",
        "a stored provider key": f"sk-stored-{mark}",
    }
    stored = {
        "provider_slug": "openai",
        "alias": "default",
        "default_config": True,
        "secret": canaries["a stored provider key"],
    }
    client.call("POST", f"{base}/{_GATEWAY}/provider_configs", stored)
    for name, path, fields in _requests(canaries):
        _, body = _ask(service.origin, "POST", f"/v1/{_ACCOUNT}/{_GATEWAY}/{path}", fields)
        sinks.put(f"the answer to {name}", body)
    return canaries


def _requests(canaries: Mapping[str, str]) -> Iterable[tuple[str, str, dict[str, str]]]:
    ours = {"cf-aig-authorization": f"Bearer {canaries['a gateway token']}"}
    unknown = {"cf-aig-authorization": f"Bearer {canaries['an unknown token']}"}
    theirs = {"Authorization": "Bearer " + canaries["a client's provider key"]}
    key = quote(canaries["a provider key in a query"])
    query = f"google-ai-studio/v1beta/models/m:generateContent?key={key}"
    return (
        ("a good request", "openai/chat/completions", ours | theirs),
        ("one with a stored key", "openai/chat/completions", ours),
        ("one with a key in its query", query, ours),
        ("one with an unknown token", "openai/chat/completions", unknown | theirs),
        ("one without a token", query, {}),
        ("one to an unknown provider", f"nobody/x?key={key}", ours | theirs),
        ("one with a bad path", f"openai/../x?key={key}", ours | theirs),
        ("one that the provider fails", "openai/failing", ours | theirs),
        ("one that the provider breaks off", f"openai/broken?key={key}", ours | theirs),
    )


def _ask(origin: str, method: str, path: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
    at = urlsplit(origin)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
    try:
        connection.request(method, path, b'{"model":"canary"}', {"Content-Type": "application/json", **fields})
        answer = connection.getresponse()
        return answer.status, b"%b\n%b" % (str(answer.headers).encode(), answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise ApiError(f"the service under test does not answer ({type(error).__name__})") from None
    finally:
        connection.close()


def _collect(service: _Service, sinks: Sinks) -> None:
    """Read the places that are gone when the service is."""
    admin = (service.data_dir / "bootstrap-token").read_text().strip()
    rows = Client(service.origin, admin).call("GET", f"/accounts/{_ACCOUNT}/ai-gateway/gateways/{_GATEWAY}/logs?per_page=50")
    if not rows:
        raise ApiError("the service under test logs no requests")
    sinks.put("the log as the API shows it", json.dumps(rows).encode())
    for name in ("metrics", "readyz"):
        sinks.put(f"/{name}", _ask(service.ops, "GET", f"/{name}", {})[1])
    for pid in (service.pid, *_children(service.pid)):
        for name in ("cmdline", "environ"):
            with suppress(OSError):
                sinks.put(f"a process's {name}", Path(f"/proc/{pid}/{name}").read_bytes())


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _read_files(folder: Path, sinks: Sinks) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _SECRET_FILES:
            name = "its output, which the journal keeps" if path.name == "output" else f"the file {path.name}"
            sinks.put(name, path.read_bytes())
