import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.kit.clock import SystemClock
from gateway.kit.operator import OperatorCheck
from gateway.run.client import DEFAULT_URL, ApiError, Client, client_from, readiness
from gateway.run.layers import ConfigError


class Api(BaseHTTPRequestHandler):
    """Answers what the test put into the server's `answers`, keeps what it was asked."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, self.headers["Authorization"], body))
        status, sent, headers = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def api() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.asked, server.answers = [], []
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


def envelope(result: Any) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps({"result": result, "success": True}).encode(), {}


def test_the_result_of_the_envelope_is_answered(api: Any) -> None:
    api.answers = [envelope({"id": "x"})]
    assert Client(api.url + "/", "agw_t").call("POST", "/accounts/a/tokens", {"name": "n"}) == {"id": "x"}
    assert api.asked == [("POST", "/client/v4/accounts/a/tokens", "Bearer agw_t", {"name": "n"})]


def test_the_account_is_the_one_named_or_the_first_reached(api: Any) -> None:
    api.answers = [envelope([{"id": "first"}, {"id": "second"}]), envelope([])]
    client = Client(api.url, "t")
    assert client.account_id("named") == "named"
    assert client.account_id() == "first"
    with pytest.raises(ApiError, match="reaches no account"):
        client.account_id()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, b'{"errors":[{"code":10000,"message":"Authentication error"}]}', {}), "answers 401: Authentication error"),
        ((502, b"<html>", {}), "answers 502: no explanation"),
        ((200, b"<html>", {}), "does not answer like a gateway"),
        ((200, b"[]", {}), "does not answer like a gateway"),
        ((302, b"", {"Location": "http://127.0.0.1:1/elsewhere"}), "answers 302"),
    ],
)
def test_failures_are_one_line_without_the_token(api: Any, answer: tuple[int, bytes, dict[str, str]], said: str) -> None:
    api.answers = [answer]
    with pytest.raises(ApiError) as caught:
        Client(api.url, "agw_token").call("GET", "/accounts")
    assert str(caught.value).startswith(f"{api.url} {said}")
    assert "agw_token" not in str(caught.value)
    assert len(api.asked) == 1


def test_nobody_there() -> None:
    with pytest.raises(ApiError, match="cannot be reached: Connection refused; is the gateway running"):
        Client("http://127.0.0.1:1", "t").call("GET", "/accounts")


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_address_and_token_by_flags_environment_and_default(tmp_path: Path) -> None:
    file = str(secret(tmp_path / "f", "by-file\n"))
    secret(tmp_path / "bootstrap-token", "by-default\n")
    environ = {"GATEWAY_URL": "http://by-environment", "GATEWAY_API_TOKEN": "by-environment"}
    by_flag = client_from("http://by-flag", file, tmp_path, environ)
    assert (by_flag.url, by_flag._token) == ("http://by-flag", "by-file")
    by_environment = client_from("", "", tmp_path, environ)
    assert (by_environment.url, by_environment._token) == ("http://by-environment", "by-environment")
    by_default = client_from("", "", tmp_path, {})
    assert (by_default.url, by_default._token) == (DEFAULT_URL, "by-default")


@pytest.mark.parametrize("by_credential", [False, True])
def test_who_can_read_the_master_key_is_the_operator(tmp_path: Path, by_credential: bool) -> None:
    folder = tmp_path / "credentials" if by_credential else tmp_path
    folder.mkdir(exist_ok=True)
    secret(folder / "master-key", "ab" * 32)
    secret(tmp_path / "bootstrap-token", "by-default\n")
    client = client_from("", "", tmp_path, {"CREDENTIALS_DIRECTORY": str(folder)} if by_credential else {})
    assert callable(client._token)
    values = {client._token(), client._token()}
    check = OperatorCheck([bytes.fromhex("ab" * 32)], SystemClock())
    assert [check.accepts(value) for value in values] == [True, True], "one for each request"
    assert client_from("", "", tmp_path, {"GATEWAY_API_TOKEN": "t"})._token == "t"


@pytest.mark.parametrize(
    ("url", "environ", "said"),
    [
        ("ftp://x", {"GATEWAY_API_TOKEN": "t"}, "must begin with http"),
        ("", {}, "no API token: set GATEWAY_API_TOKEN or --token-file"),
        ("", {"GATEWAY_API_TOKEN": "two words"}, "not readable text"),
        ("", {"GATEWAY_API_TOKEN": "line\r\nX: y"}, "not readable text"),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(tmp_path: Path, url: str, environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        client_from(url, "", tmp_path, environ)


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b'{"status":"ok","reasons":[]}', (True, "ok")),
        (200, b'{"status":"degraded","reasons":["store down"]}', (True, "degraded: store down")),
        (503, b'{"status":"failed","reasons":["0 of 2 edges ready","x"]}', (False, "failed: 0 of 2 edges ready, x")),
        (503, b"<html>", (False, "failed")),
        (404, b"[]", (False, "failed")),
    ],
)
def test_readiness_is_the_status_and_its_reasons(api: Any, status: int, body: bytes, found: tuple[bool, str]) -> None:
    api.answers = [(status, body, {})]
    assert readiness(api.url) == found
    assert [asked[:2] for asked in api.asked] == [("GET", "/readyz")]


def test_readiness_of_nobody() -> None:
    with pytest.raises(ApiError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        readiness("http://127.0.0.1:1")


def test_a_first_token_that_has_ended_is_none(tmp_path: Path) -> None:
    path = secret(tmp_path / "bootstrap-token", "")
    with pytest.raises(ConfigError, match=f"set GATEWAY_API_TOKEN or --token-file .the one in {path} has ended"):
        client_from("", "", tmp_path, {})
