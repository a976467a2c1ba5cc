"""The real service as a subprocess, and the management calls that tests need before their own.

Only the standard library, and only documented interfaces: command line, environment, files in the data directory, HTTP.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "0123456789abcdef0123456789abcdef"
RUN = "AI Gateway Run"
START_S = 90.0
STOP_S = 30.0


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without proxies, credentials of providers and settings of another gateway."""
    unwanted = ("GATEWAY_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "GROQ_", "CLOUDFLARE_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(unwanted)
    }
    return {**kept, **(extra or {})}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    origin: str, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: Any = None, timeout_s: float = 30.0
) -> Answer:
    """One HTTP request on a connection of its own; `body` is bytes, or anything that JSON knows."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    fields = dict(headers or {})
    if data is not None and not isinstance(body, bytes):
        fields.setdefault("Content-Type", "application/json")
    at = urllib.parse.urlsplit(origin)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=timeout_s)
    try:
        connection.request(method, path, body=data, headers=fields)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Token:
    id: str
    value: str = field(repr=False)

    @property
    def bearer(self) -> str:
        return f"Bearer {self.value}"


class Refused(AssertionError):
    """A management call was answered with an error."""


class Management:
    """The v4 API with the bootstrap token; each call raises Refused unless it succeeded."""

    def __init__(self, origin: str, account: str, token: str) -> None:
        self.account = account
        self.token = token
        self._origin = origin
        self._groups: dict[str, str] | None = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """`path` below the account; the envelope's `result`."""
        answer = call(
            self._origin,
            method,
            f"/client/v4/accounts/{self.account}{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            body=body,
        )
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {answer.body[:500]!r}")
        return answer.json().get("result")

    def create_gateway(self, gateway_id: str, *, authentication: bool = True, **settings: Any) -> str:
        """A gateway with everything off but what is named; answers its id."""
        wanted = {
            "id": gateway_id,
            "authentication": authentication,
            "cache_invalidate_on_update": False,
            "cache_ttl": 0,
            "collect_logs": True,
            "rate_limiting_interval": 0,
            "rate_limiting_limit": 0,
            "rate_limiting_technique": "fixed",
        }
        return str(self.call("POST", "/ai-gateway/gateways", {**wanted, **settings})["id"])

    def get_gateway(self, gateway_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/ai-gateway/gateways/{gateway_id}"))

    def update_gateway(self, gateway_id: str, **settings: Any) -> None:
        """Change some settings, leave the others (PUT wants the required ones every time)."""
        required = (
            "cache_invalidate_on_update",
            "cache_ttl",
            "collect_logs",
            "rate_limiting_interval",
            "rate_limiting_limit",
            "rate_limiting_technique",
        )
        now = self.get_gateway(gateway_id)
        self.call("PUT", f"/ai-gateway/gateways/{gateway_id}", {**{name: now[name] for name in required}, **settings})

    def delete_gateway(self, gateway_id: str) -> None:
        self.call("DELETE", f"/ai-gateway/gateways/{gateway_id}")

    def create_token(self, name: str = "test", *, permissions: Iterable[str] = (RUN,), **more: Any) -> Token:
        """A token of this account; `more` may be expires_on, not_before, condition."""
        policy = {
            "effect": "allow",
            "permission_groups": [{"id": self.permission_group(permission)} for permission in permissions],
            "resources": {f"com.cloudflare.api.account.{self.account}": "*"},
        }
        made = self.call("POST", "/tokens", {"name": name, "policies": [policy], **more})
        return Token(made["id"], made["value"])

    def delete_token(self, token_id: str) -> None:
        self.call("DELETE", f"/tokens/{token_id}")

    def permission_group(self, name: str) -> str:
        """Id of the permission group with this name."""
        if self._groups is None:
            self._groups = {group["name"]: group["id"] for group in self.call("GET", "/tokens/permission_groups")}
        return self._groups[name]

    def store_key(self, gateway_id: str, provider: str, secret: str, *, alias: str = "default") -> dict[str, Any]:
        """Keep a provider key in the gateway (specification section 12)."""
        body = {"provider_slug": provider, "alias": alias, "default_config": alias == "default", "secret": secret}
        return dict(self.call("POST", f"/ai-gateway/gateways/{gateway_id}/provider_configs", body))

    def logs(self, gateway_id: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/ai-gateway/gateways/{gateway_id}/logs?per_page=50"))

    def wait_for_log(self, gateway_id: str, log_id: str, timeout_s: float = 10.0) -> dict[str, Any]:
        """The log entry, which follows its request by a batch's delay."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for entry in self.logs(gateway_id):
                if entry["id"] == log_id:
                    return entry
            time.sleep(0.05)
        raise AssertionError("the request has no log entry")


class Service:
    """One running `gateway serve`. Addresses and the first token are known after `start`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        providers: Mapping[str, str] | None = None,
        workers: int | None = None,
        environment: Mapping[str, str] | None = None,
        arguments: Iterable[str] = (),
        prefix: Iterable[str] = (),
    ) -> None:
        """`providers`: slug → base URL. `workers` None runs everything in one process. `prefix`: taskset and the like."""
        self.data_dir = data_dir
        self.account = ACCOUNT
        self.origin = f"http://127.0.0.1:{free_port()}"
        self.ops_origin = f"http://127.0.0.1:{free_port()}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self._providers = dict(providers or {})
        self._mode = ["--single-process"] if workers is None else ["--workers", str(workers)]
        self._arguments = [*arguments]
        self._prefix = [*prefix]
        self._environment = dict(environment or {})
        self._management: Management | None = None

    @property
    def management(self) -> Management:
        if self._management is None:
            token = (self.data_dir / "bootstrap-token").read_text().strip()
            self._management = Management(self.origin, self.account, token)
        return self._management

    def native(self, gateway_id: str, provider: str = "") -> str:
        """Base URL of a gateway, or of a provider behind it."""
        return f"{self.origin}/v1/{self.account}/{gateway_id}" + (f"/{provider}" if provider else "")

    @property
    def rest(self) -> str:
        """Base URL of the REST API's inference routes, without `/v1`."""
        return f"{self.origin}/client/v4/accounts/{self.account}/ai"

    def start(self) -> Self:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        listen, ops = self.origin.removeprefix("http://"), self.ops_origin.removeprefix("http://")
        command = [
            *self._prefix,
            sys.executable,
            "-m",
            "gateway",
            "serve",
            "--data-dir",
            str(self.data_dir),
            "--listen",
            listen,
        ]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self._mode, *self._arguments],
                cwd=ROOT,
                env=clean_environment({**self._settings(ops), **self._environment}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_ready()
        return self

    def _settings(self, ops: str) -> dict[str, str]:
        settings = {
            "GATEWAY_OPS__LISTEN": ops,
            "GATEWAY_BOOTSTRAP__ACCOUNT_ID": self.account,
            "GATEWAY_BOOTSTRAP__STAYS": "true",
        }
        for slug, base_url in self._providers.items():
            settings[f"GATEWAY_PROVIDERS__{slug.upper().replace('-', '_')}__BASE_URL"] = base_url
        return settings

    def _wait_ready(self) -> None:
        assert self.process is not None
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended with {self.process.returncode}:\n{self.log_tail()}")
            if self.ready():
                return
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the service was not ready in {START_S} s:\n{self.log_tail()}")

    def ready(self) -> bool:
        try:
            return call(self.origin, "GET", "/readyz", timeout_s=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def log_tail(self, count: int = 4000) -> str:
        return self.log_path.read_bytes()[-count:].decode(errors="replace") if self.log_path.exists() else ""

    def stop(self) -> int:
        """SIGTERM, and the exit status: 0 for a clean end."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the service did not stop in {STOP_S} s:\n{self.log_tail()}") from None

    def kill(self) -> None:
        """The whole process group, at once."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            status = self.stop()
        finally:
            self.kill()
        if kind is None:
            assert status == 0, f"the service ended with {status}:\n{self.log_tail()}"
