"""TLS on the public port: answers, streams, and takes up a new certificate at a reload."""

import http.client
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from fakes.processes import until
from fakes.provider import FakeProvider
from fakes.service import Service, call

CHAT = b'{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}'


class TlsService(Service):
    """Readiness is asked on the ops listener, which is plain."""

    def ready(self) -> bool:
        try:
            return call(self.ops_origin, "GET", "/readyz", timeout_s=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def connection(self, authority: trustme.CA) -> http.client.HTTPSConnection:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return http.client.HTTPSConnection("localhost", self.port, timeout=60, context=context)

    def serial(self) -> bytes:
        """The certificate the port shows, whoever made it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.port), 60) as plain, context.wrap_socket(plain) as wrapped:
            return wrapped.getpeercert(binary_form=True) or b""


def write(authority: trustme.CA, folder: Path) -> None:
    made = authority.issue_cert("localhost")
    made.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    (folder / "key.pem").touch(mode=0o600)
    made.private_key_pem.write_to_path(folder / "key.pem")


@pytest.fixture(scope="module")
def issuer() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def service(tmp_path: Path, issuer: trustme.CA, upstream: FakeProvider) -> Iterator[TlsService]:
    write(issuer, tmp_path)
    settings = {
        "GATEWAY_SERVER__TLS_CERTIFICATE": str(tmp_path / "cert.pem"),
        "GATEWAY_SERVER__TLS_KEY": str(tmp_path / "key.pem"),
    }
    started = TlsService(tmp_path / "d", workers=1, providers={"openai": upstream.origin + "/v1"}, environment=settings)
    try:
        yield started.start()
    finally:
        started.kill()


def test_requests_and_streams_go_through_tls(service: TlsService, issuer: trustme.CA) -> None:
    token = (service.data_dir / "bootstrap-token").read_text().strip()
    connection = service.connection(issuer)
    headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer key", "Content-Type": "application/json"}
    for _ in range(2):
        connection.request("POST", f"/v1/{service.account}/default/openai/chat/completions", CHAT, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read().endswith(b"data: [DONE]\n\n")
    connection.close()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        call(service.origin, "GET", "/livez")
    assert service.stop() == 0


def test_a_reload_takes_up_a_new_certificate_and_refuses_a_bad_one(
    service: TlsService, issuer: trustme.CA, tmp_path: Path
) -> None:
    assert service.process is not None
    first = service.serial()
    write(issuer, tmp_path)
    os.kill(service.process.pid, signal.SIGHUP)
    until(lambda: "reloaded: 1 worker" in service.log_tail())
    until(lambda: service.serial() != first, "the old workers accept no more")
    second = service.serial()
    (tmp_path / "cert.pem").write_text("nonsense")
    os.kill(service.process.pid, signal.SIGHUP)
    until(lambda: "reload refused, the old configuration stays" in service.log_tail())
    assert "are no PEM certificate chain and its key" in service.log_tail()
    assert service.serial() == second
    assert service.stop() == 0
