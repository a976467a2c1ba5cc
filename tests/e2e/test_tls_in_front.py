"""The configurations of `deploy/tls`: accepted by their programs, and nothing is held back on the way through them."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trustme
from fakes import dialects
from fakes.processes import CHAT, until
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import ROOT, Service, Token, free_port

from gateway.model.service import Timeouts

TLS = ROOT / "deploy" / "tls"
NAME, ADMIN = "ai.example.com", "ai-admin.example.com"
PAGE = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
EVENTS = dialects.chat_events("gpt-4o-mini")


def program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    return path or pytest.skip(f"{name} is not installed")


class Front:
    """A proxy with our configuration, its addresses and certificates replaced."""

    def __init__(self, folder: Path, backend: str, admin: str = "127.0.0.1:1", administrators: str = "127.0.0.0/8") -> None:
        self.folder = folder
        self.port = free_port()
        self.backend = backend.removeprefix("http://")
        self.admin = admin
        self.administrators = administrators
        authority = trustme.CA()
        self.tls = ssl.create_default_context()
        authority.configure_trust(self.tls)
        certificate = authority.issue_cert(NAME, ADMIN)
        self.pem = folder / "gateway.pem"
        self.pem.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
        self.pem.chmod(0o600)

    def nginx(self) -> tuple[list[str], list[str]]:
        """The commands that check and that run it, in the foreground."""
        text = re.sub(r"/etc/ssl/gateway/[\w-]+\.pem", str(self.pem), self.placed("nginx.conf"))
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl")
        (self.folder / "gateway.conf").write_text(text)
        places = "".join(
            f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"pid {self.folder}/pid; error_log stderr; daemon off; worker_processes 1; events {{}}\n"
            f"http {{ {places} access_log off; include {self.folder}/gateway.conf; }}\n"
        )
        command = [program("nginx"), "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]
        return [*command, "-t"], command

    def haproxy(self) -> tuple[list[str], list[str]]:
        text = self.placed("haproxy.cfg").replace("/etc/haproxy/certs/gateway.pem", str(self.pem))
        text = text.replace("maxconn 20000", "maxconn 100").replace("bind :443", f"bind 127.0.0.1:{self.port}")
        (self.folder / "haproxy.cfg").write_text(text)
        command = [program("haproxy"), "-f", str(self.folder / "haproxy.cfg")]
        return [*command, "-c"], [*command, "-db"]

    def placed(self, file: str) -> str:
        text = (TLS / file).read_text()
        for ours, theirs in (
            ("127.0.0.1:8787", self.backend),
            ("127.0.0.1:8789", self.admin),
            ("127.0.0.0/8", self.administrators),
        ):
            assert ours in text
            text = text.replace(ours, theirs)
        return text

    @contextmanager
    def running(self, kind: str) -> Iterator[None]:
        """Checked by itself, then started."""
        check, serve = self.nginx() if kind == "nginx" else self.haproxy()
        done = subprocess.run(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout
        # nginx 1.25 spells HTTP/2 otherwise and takes ours with a warning.
        assert [line for line in done.stdout.lower().splitlines() if "warn" in line and "http2" not in line] == []
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(serve, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until(self.open, "the proxy listens")
            yield
        finally:
            process.terminate()
            process.wait(30)

    def connect(self, name: str = NAME) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(name, timeout=30)
        connection.sock = self.tls.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 30), server_hostname=name)
        return connection

    def page(self, name: str, host: str, path: str) -> int:
        """The status of a page, asked for over TLS for `name` from `host`."""
        with closing(self.connect(name)) as connection:
            connection.request("GET", path, headers={**PAGE, "Host": host})
            return connection.getresponse().status

    def open(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True


@pytest.fixture(params=["nginx", "haproxy"])
def front(request: pytest.FixtureRequest, tmp_path: Path, service: Service) -> Iterator[Front]:
    """The proxy, running before the shared service."""
    one = Front(tmp_path, service.origin)
    with one.running(request.param):
        yield one


def test_each_event_passes_before_the_next_is_made(
    front: Front, service: Service, upstream: FakeProvider, gateway_id: str, run_token: Token
) -> None:
    gate = Gate()
    upstream.script(stream(EVENTS, gate=gate))
    connection = front.connect()
    headers = {
        "Host": NAME,
        "Content-Type": "application/json",
        "cf-aig-authorization": run_token.bearer,
        "Authorization": "Bearer provider-key",
    }
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    try:
        connection.request("POST", path, body=CHAT, headers=headers)
        gate.open()
        response = connection.getresponse()
        assert response.status == 200
        for number, event in enumerate(EVENTS):
            if number:
                gate.open()
            received = b""
            while len(received) < len(event):
                piece = response.read1(65536)
                assert piece, "the stream ended early"
                received += piece
            assert received == event
        assert response.read() == b""
    finally:
        gate.open_wide()
        connection.close()


def test_a_refusal_passes_as_it_is(front: Front, service: Service, gateway_id: str) -> None:
    connection = front.connect()
    try:
        connection.request("POST", f"/v1/{service.account}/{gateway_id}/openai/chat/completions", body=CHAT)
        response = connection.getresponse()
        assert response.status == 401
        assert b"2009" in response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_the_admin_listener_has_a_name_of_its_own(
    kind: str, tmp_path: Path, start_service: Callable[..., Service], upstream: FakeProvider
) -> None:
    admin = f"127.0.0.1:{free_port()}"
    environment = {
        "GATEWAY_ADMIN__LISTEN": admin,
        "GATEWAY_ADMIN__URL": f"https://{ADMIN}",
        "GATEWAY_SERVER__PUBLIC_URL": f"https://{NAME}",
    }
    service = start_service(workers=1, environment=environment)
    front = Front(tmp_path, service.origin, admin)
    with front.running(kind):
        assert front.page(ADMIN, ADMIN, "/dashboard") == 200
        assert front.page(ADMIN, f"{ADMIN}:443", "/dashboard") == 200
        assert front.page(NAME, NAME, "/dashboard") == 404
        assert front.page(NAME, NAME, "/client/v4/accounts") == 404
        assert front.page(ADMIN, ADMIN, f"/v1/{service.account}/default/openai/models") == 404
    elsewhere = Front(tmp_path, service.origin, admin, administrators="192.0.2.0/24")
    with elsewhere.running(kind):
        for name, host in ((ADMIN, ADMIN), (NAME, ADMIN), (NAME, ADMIN.upper())):
            assert elsewhere.page(name, host, "/dashboard") == 403, "whoever is no administrator"
        assert elsewhere.page(NAME, NAME, "/readyz") == 200


@pytest.mark.parametrize("file", ["nginx.conf", "haproxy.cfg", "Caddyfile"])
def test_each_file_has_a_part_for_the_admin_listener(file: str) -> None:
    text = (TLS / file).read_text()
    assert ADMIN in text
    assert "127.0.0.1:8789" in text
    assert "10.0.0.0/8" in text, "who may come"


@pytest.mark.parametrize(
    ("file", "promise"),
    [
        ("nginx.conf", "proxy_buffering off;"),
        ("nginx.conf", "proxy_request_buffering off;"),
        ("nginx.conf", "proxy_next_upstream off;"),
        ("haproxy.cfg", "option http-no-delay"),
        ("Caddyfile", "flush_interval -1"),
    ],
)
def test_nothing_in_front_holds_or_repeats(file: str, promise: str) -> None:
    assert promise in [line.strip() for line in (TLS / file).read_text().splitlines()]


@pytest.mark.parametrize(
    ("file", "setting"),
    [
        ("nginx.conf", r"keepalive_timeout (\d+)s;"),
        ("haproxy.cfg", r"pool-purge-delay (\d+)"),
        ("Caddyfile", r"keepalive (\d+)s"),
    ],
)
def test_idle_connections_end_in_front_first(file: str, setting: str) -> None:
    found = re.findall(setting, (TLS / file).read_text())
    assert len(found) == 2, "the public port's and the admin port's"
    assert all(int(each) < Timeouts().keepalive_s for each in found)
