from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from gateway import __version__
from gateway.run import cli
from gateway.run.client import ApiError
from gateway.run.layers import ConfigError


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli.os, "environ", {"HOME": str(tmp_path)})


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out == f"gateway {__version__}\n"


def test_check_config_says_what_it_would_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_text("[server]\nlisten = ['127.0.0.1:1', '[::1]:2']\n[ops]\nlisten = ''\n")
    assert cli.main(["check-config", "--config", str(path)]) == 0
    assert capsys.readouterr().out == "configuration is good: listens on 127.0.0.1:1, [::1]:2, ops on nothing\n"


def test_check_config_leaves_no_trace(tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    assert cli.main(["check-config"]) == 0
    assert sorted(tmp_path.iterdir()) == before


def _bad_files(folder: Path) -> list[tuple[str, str]]:
    """Configuration → what both `check-config` and `serve` say of it."""
    authority = trustme.CA()
    one, other = authority.issue_cert("a.example"), authority.issue_cert("b.example")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in one.cert_chain_pems))
    key.write_bytes(one.private_key_pem.bytes())
    other_key, locked = folder / "other.pem", folder / "locked.pem"
    other_key.write_bytes(other.private_key_pem.bytes())
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"x")
    locked.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))
    for path in (key, other_key, locked):
        path.chmod(0o600)
    token, text = folder / "token", folder / "text"
    token.write_text("no token\n")
    token.chmod(0o600)
    text.write_text("no certificate\n")
    absent = folder / "absent"

    def tls(certificate: Path | str, of: Path | str) -> str:
        return f"[server]\ntls_certificate = '{certificate}'\ntls_key = '{of}'\n"

    unusable = "are no PEM certificate chain and its key without passphrase"
    return [
        (tls(absent, key), f"{absent}: cannot be read (No such file or directory)"),
        (tls(chain, absent), f"{absent}: cannot be read (No such file or directory)"),
        (tls(chain, other_key), f"{chain} and {other_key}: {unusable}"),
        (tls(chain, locked), f"{chain} and {locked}: {unusable}"),
        (tls(text, key), f"{text} and {key}: {unusable}"),
        (tls(chain, ""), "server.tls_certificate and server.tls_key: one without the other is of no use"),
        (tls("", key), "server.tls_certificate and server.tls_key: one without the other is of no use"),
        (f"[bootstrap]\ntoken_file = '{absent}'\n", f"{absent}: the secret cannot be read (No such file or directory)"),
        (f"[bootstrap]\ntoken_file = '{token}'\n", f"{token}: does not hold a token of this gateway"),
        (f"[upstream]\nca_bundle = '{absent}'\n", "names a file that cannot be read"),
        (f"[upstream]\nca_bundle = '{text}'\n", "names a file without PEM certificates"),
        ("[store]\nurl = 'sqlite:///relative.db'\n", "must be sqlite:////absolute/path or postgresql://"),
    ]


def test_files_are_checked_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "g.toml"
    for text, said in _bad_files(tmp_path):
        config.write_text(text)
        for command in (["check-config"], ["serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]):
            assert cli.main([*command, "--config", str(config)]) == 2, text
            assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists(), "a start that is refused leaves no trace"


def test_a_core_limit_holds_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(cli, "forbid_core_files", lambda: told.append(True))
    assert cli.main(["serve", "--listen", "nonsense"]) == 2
    assert told == [True]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check-config", "--config", "/nowhere.toml"], "gateway: /nowhere.toml: cannot be read (No such file or directory)\n"),
        (["serve", "--listen", "nonsense"], "gateway: --listen: must be host:port\n"),
        (["serve", "--workers", "-1"], "gateway: --workers: input should be greater than or equal to 0\n"),
        (["serve", "--ops-listen", "x"], "gateway: --ops-listen: must be host:port\n"),
    ],
)
def test_configuration_errors_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "arguments", [[], ["serv"], ["serve", "--nope"], ["token"], ["token", "create"], ["serve", "--workers", "x"]]
)
def test_usage_errors_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: gateway" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("no"), 2), (ApiError("no"), 1), (KeyboardInterrupt(), 130)],
    ids=["config", "api", "ctrl-c"],
)
def test_no_error_is_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(cli.tokens, "environment", fail)
    monkeypatch.setattr(cli, "_client", lambda given: None)
    assert cli.main(["env"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_token_command_without_any_token_says_where_it_looked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["token", "list", "--data-dir", "/nowhere"]) == 2
    expected = "gateway: no API token: set GATEWAY_API_TOKEN or --token-file (/nowhere/bootstrap-token does not exist)\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ("", "http://127.0.0.1:8788"),
        ("[ops]\nlisten = '0.0.0.0:9'", "http://127.0.0.1:9"),
        ("[ops]\nlisten = ''\n[server]\nlisten = ['[::]:7', '127.0.0.1:8']", "http://[::1]:7"),
    ],
)
@pytest.mark.parametrize(("found", "code"), [((True, "ok"), 0), ((False, "failed: x"), 1)])
def test_health_asks_the_ops_listener_or_the_public_one(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    settings: str,
    origin: str,
    found: tuple[bool, str],
    code: int,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(cli, "readiness", lambda at: (asked.append(at), found)[1])
    path = tmp_path / "g.toml"
    path.write_text(settings)
    assert cli.main(["health", "--config", str(path)]) == code
    assert (asked, capsys.readouterr().out) == ([origin], found[1] + "\n")
