"""A proxy that lets tests made for a mock server run against the real service: what they name by example ids exists.

Cloudflare's SDK tests ask for `my-gateway`, token `ed17…` or log `id` of accounts that are only examples. Each is translated
to one that was made for it. What a request creates gets a name of its own, and what it deletes was made just before, so no
test hangs on another. Nothing in the answers is changed.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from fakes.service import RUN, Service, call

PREFIX: Final = "/client/v4"
GATEWAYS: Final = ("my-gateway", "54442216")
READ: Final = "AI Gateway Read"
_ACCOUNT: Final = re.compile(r"^/accounts/[^/?]+")
_NAMED: Final = re.compile(
    r"/(?P<kind>user/tokens|tokens|logs|custom-providers|gateways)/(?P<id>id|my-gateway|[0-9a-f]{32}|[0-9a-f-]{36})(?P<below>/[^?]*)?"
)
_NEVER_PASSED: Final = {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "x-auth-email", "x-auth-key"}
"""The mock server's users come with a key and an address; here the first token stands for both."""
_OWN_NAME: Final = {"gateways": "id", "custom-providers": "slug", "provider_configs": "alias"}
"""Collection → the field of a new member that no other may have."""


class Examples:
    """Example names → names that exist in this service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._management = service.management
        self._numbers = itertools.count(1)
        self._standing: dict[str, str] = {}
        self._make: dict[str, Callable[[], str]] = {
            "tokens": lambda: self._token(f"/accounts/{service.account}/tokens"),
            "user/tokens": lambda: self._token("/user/tokens"),
            "logs": self._log,
            "custom-providers": self._custom_provider,
            "gateways": lambda: self._management.create_gateway(self._name()),
        }
        for gateway_id in GATEWAYS:
            self._management.create_gateway(gateway_id, authentication=False, collect_log_payloads=True)
        groups = {"c8fed203ed3043cba015a93ad1616f1f": RUN, "82e64a83756745bbbb1c9c2701bf816b": READ}
        self._texts = {example: self._management.permission_group(name) for example, name in groups.items()} | {
            "account.zone.22b1de5f1c0e4b3ea97bb1e963b06a43": f"account.{service.account}",
            '"provider_slug":"provider_slug"': '"provider_slug":"openai"',
        }

    def translated(self, method: str, target: str, body: bytes) -> tuple[str, bytes]:
        target = _ACCOUNT.sub(f"/accounts/{self.service.account}", target)
        target = _NAMED.sub(lambda found: self._existing(method, found), target)
        text = body.decode()
        for example, real in self._texts.items():
            text = text.replace(example, real)
        own = _OWN_NAME.get(target.rpartition("/")[2])
        if method == "POST" and own is not None:
            text = json.dumps(json.loads(text) | {own: self._name()})
        return PREFIX + target, text.encode()

    def _existing(self, method: str, found: re.Match[str]) -> str:
        """A gateway whose logs are deleted is made for it as well."""
        kind, below = found["kind"], found["below"] or ""
        if kind == "gateways" and below not in ("", "/logs"):
            # An id behind it is translated too.
            return f"/{kind}/{found['id']}" + _NAMED.sub(lambda inner: self._existing(method, inner), below)
        if method == "DELETE":
            return f"/{kind}/{self._make[kind]()}{below}"
        if kind == "gateways":
            return found[0]
        if kind not in self._standing:
            self._standing[kind] = self._make[kind]()
        return f"/{kind}/{self._standing[kind]}{below}"

    def _name(self) -> str:
        return f"example-{next(self._numbers)}"

    def _token(self, tree: str) -> str:
        policy = {
            "effect": "allow",
            "permission_groups": [{"id": self._management.permission_group(RUN)}],
            "resources": {f"com.cloudflare.api.account.{self.service.account}": "*"},
        }
        bearer = {"Authorization": f"Bearer {self._management.token}"}
        body = {"name": self._name(), "policies": [policy]}
        return str(call(self.service.origin, "POST", PREFIX + tree, headers=bearer, body=body).json()["result"]["id"])

    def _custom_provider(self) -> str:
        name = self._name()
        body = {"name": name, "slug": name, "base_url": "https://llm.example.com"}
        return str(self._management.call("POST", "/ai-gateway/custom-providers", body)["id"])

    def _log(self) -> str:
        """Of a request that went through the first gateway, with both bodies."""
        path = f"/v1/{self.service.account}/{GATEWAYS[0]}/openai/chat/completions"
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
        done = call(self.service.origin, "POST", path, headers={"Authorization": "Bearer sk-own"}, body=body)
        assert done.status == 200, done.body
        return str(self._management.wait_for_log(GATEWAYS[0], done.headers["cf-aig-log-id"])["id"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    examples: Examples


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = -1
    """Head and body leave together; two writes would wait for the client's acknowledgement."""

    def _pass_on(self) -> None:
        examples = self.server.examples
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target, body = examples.translated(self.command, self.path, body)
        fields = {name: value for name, value in self.headers.items() if name.lower() not in _NEVER_PASSED}
        fields["Authorization"] = f"Bearer {examples.service.management.token}"
        answer = call(examples.service.origin, self.command, target, headers=fields, body=body or None)
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name not in _NEVER_PASSED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 (the standard library's names)

    def log_message(self, format: str, *args: Any) -> None:
        """The tests say what went wrong."""


class ExampleServer:
    """The proxy, in a thread: `with ExampleServer(service) as origin`."""

    def __init__(self, service: Service) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.examples = Examples(service)
        self._thread = threading.Thread(target=self._server.serve_forever, name="examples", daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
