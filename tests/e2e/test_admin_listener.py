"""The management API and the dashboard at an address of their own, in real processes: neither address serves the other's."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from fakes.provider import FakeProvider
from fakes.service import ROOT, Management, Service, call, clean_environment, free_port

pytestmark = pytest.mark.timeout(300)

PAGE = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, shared_provider: FakeProvider) -> Iterator[tuple[Service, str]]:
    admin = f"http://127.0.0.1:{free_port()}"
    environment = {
        "GATEWAY_ADMIN__LISTEN": admin.removeprefix("http://"),
        "GATEWAY_SERVER__HOSTS": "127.0.0.1,ai.example.com",
        "GATEWAY_SERVER__PUBLIC_URL": "https://ai.example.com",
    }
    providers = {"openai": shared_provider.origin + "/v1"}
    with Service(tmp_path_factory.mktemp("apart") / "data", workers=1, providers=providers, environment=environment) as running:
        running._management = Management(admin, running.account, (running.data_dir / "bootstrap-token").read_text().strip())
        yield running, admin


def test_each_serves_its_own(apart: tuple[Service, str], upstream: FakeProvider) -> None:
    service, admin = apart
    token = service.management.create_token()
    headers = {"cf-aig-authorization": token.bearer, "Authorization": "Bearer sk-x"}
    path = f"/v1/{service.account}/default/openai/chat/completions"
    rest = f"/client/v4/accounts/{service.account}/ai/v1/models"
    bearer = {"Authorization": f"Bearer {service.management.token}"}
    for _ in range(2):
        assert call(service.origin, "POST", path, headers=headers, body={"model": "m", "messages": []}).status == 200
        for where, target, fields in (
            (service.origin, "/dashboard", {}),
            (service.origin, "/dashboard/assets/x.js", {}),
            (service.origin, "/client/v4/accounts", bearer),
            (service.origin, "/client/v4/user/session", bearer),
            (admin, path, headers),
            (admin, rest, bearer),
            (admin, f"/v1/{service.account}/default", headers),
        ):
            answer = call(where, "GET", target, headers=fields)
            assert (answer.status, b"admin.listen" in answer.body) == (404, True), (where, target)
        assert call(admin, "GET", "/client/v4/accounts", headers=bearer).status == 200
        assert call(admin, "GET", "/dashboard", headers=PAGE).status == 200
    assert len(upstream.requests) == 2


def test_one_connection_and_one_head_at_both(apart: tuple[Service, str]) -> None:
    """The same bytes: what was let in by one door is not thereby let in by the other."""
    service, admin = apart
    sent = b"GET /dashboard HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    statuses = []
    for origin in (admin, service.origin) * 2:
        host, _, port = origin.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as one:
            for _ in range(2):
                one.sendall(sent)
                statuses.append(one.recv(65_536)[9:12])
                one.settimeout(0.5)
                while statuses[-1] == b"200":
                    try:
                        if not one.recv(65_536):
                            break
                    except TimeoutError:
                        break
                one.settimeout(30)
    assert statuses == [b"200", b"200", b"404", b"404"] * 2


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test:1"])
def test_a_page_whose_name_was_made_to_lead_here_reads_nothing(apart: tuple[Service, str], host: str) -> None:
    service, admin = apart
    fields = {"Host": host, "Authorization": f"Bearer {service.management.token}"}
    assert call(admin, "GET", "/client/v4/accounts", headers=fields).status == 421
    assert call(service.ops_origin, "GET", "/metrics", headers=fields).status == 421
    assert call(service.origin, "GET", f"/v1/{service.account}/default/openai/x", headers=fields).status == 421
    assert call(service.origin, "GET", "/livez", headers=fields).status == 200
    assert call(service.ops_origin, "GET", "/metrics").status == 200


def test_a_browser_is_led_to_the_dashboard_where_it_is(apart: tuple[Service, str]) -> None:
    service, admin = apart
    led = call(admin, "GET", "/", headers=PAGE)
    assert (led.status, led.headers["location"]) == (302, "/dashboard")
    assert call(admin, "GET", "/").status == 404
    assert call(service.origin, "GET", "/", headers=PAGE).status == 404
    assert f"dashboard: {admin}/dashboard" in service.log_tail()


def test_the_command_line_follows(apart: tuple[Service, str]) -> None:
    service, admin = apart
    environment = clean_environment(
        {"GATEWAY_ADMIN__LISTEN": admin.removeprefix("http://"), "GATEWAY_SERVER__PUBLIC_URL": "https://ai.example.com"}
    )
    command = [sys.executable, "-m", "gateway", "env", "--data-dir", str(service.data_dir)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "OPENAI_BASE_URL=https://ai.example.com/client/v4/accounts/" in done.stdout
    assert admin not in done.stdout


def test_together_nothing_changes(start_service: Callable[..., Service]) -> None:
    service = start_service()
    assert call(service.origin, "GET", "/", headers=PAGE).headers["location"] == "/dashboard"
    assert call(service.origin, "GET", "/dashboard", headers={"Host": "any.name.test"}).status == 200
    assert f"dashboard: {service.origin}/dashboard" in service.log_tail()
