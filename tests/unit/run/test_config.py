import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.model.service import Limits, ProviderOverride, Timeouts, TokenCaching
from gateway.model.tokens import mint_token
from gateway.run.config import (
    Settings,
    data_dir_from,
    load,
    local_origin,
    read_settings,
    runtime_dir_from,
    split_address,
    vocabulary,
)
from gateway.run.layers import ConfigError

WORKERS = ("server", "workers")


def toml(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("file", "environ", "flags", "workers"),
    [
        ("", {}, {}, 0),
        ("[server]\nworkers = 1", {}, {}, 1),
        ("[server]\nworkers = 1", {"GATEWAY_SERVER__WORKERS": "2"}, {}, 2),
        ("[server]\nworkers = 1", {"GATEWAY_SERVER__WORKERS": "2"}, {WORKERS: 3}, 3),
        ("", {"GATEWAY_SERVER__WORKERS": "2"}, {}, 2),
        ("[server]\nworkers = 1", {}, {WORKERS: 0}, 0),
    ],
)
def test_defaults_then_file_then_environment_then_flags(
    tmp_path: Path, file: str, environ: dict[str, str], flags: dict[tuple[str, str], Any], workers: int
) -> None:
    assert read_settings(toml(tmp_path, file), environ, flags).server.workers == workers


def test_layers_mix_within_a_section_and_a_provider(tmp_path: Path) -> None:
    path = toml(tmp_path, "[server]\nlisten = ['[::1]:1']\n[providers.openai]\nbase_url = 'http://a/v1/'\n")
    environ = {"GATEWAY_PROVIDERS__OPENAI__KEYLESS": "true", "GATEWAY_SERVER__PUBLIC_URL": "https://ai.example.com/"}
    settings = read_settings(path, environ, {})
    assert settings.server.listen == ("[::1]:1",)
    assert settings.server.public_url == "https://ai.example.com"
    assert dict(settings.providers["openai"]) == {"base_url": "http://a/v1", "keyless": True}


def test_lists_in_the_environment_are_written_with_commas() -> None:
    settings = read_settings("", {"GATEWAY_SERVER__LISTEN": "127.0.0.1:1, [::1]:2"}, {})
    assert settings.server.listen == ("127.0.0.1:1", "[::1]:2")


def test_an_empty_ops_address_switches_the_ops_listener_off() -> None:
    assert read_settings("", {"GATEWAY_OPS__LISTEN": ""}, {}).ops.listen == ""


def test_without_anything_the_plain_defaults_hold() -> None:
    settings = read_settings("", {}, {})
    assert settings == Settings()
    assert (settings.limits, settings.timeouts, settings.token_cache) == (Limits(), Timeouts(), TokenCaching())


def test_every_ceiling_and_interval_can_be_set() -> None:
    sections = vocabulary().sections
    for name, kind in (("limits", Limits), ("timeouts", Timeouts), ("token_cache", TokenCaching)):
        assert sections[name] == tuple(field.name for field in dataclasses.fields(kind))
    settings = read_settings("", {"GATEWAY_TIMEOUTS__DRAIN_S": "7", "GATEWAY_LIMITS__BODY_BYTES": "100"}, {})
    assert settings.timeouts.drain_s == 7
    assert settings.limits.body_bytes == 100
    assert settings.limits.peek_bytes == Limits().peek_bytes


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SERVER__WORKERS", "many", "input should be a valid integer"),
        ("SERVER__WORKERS", "-1", "input should be greater than or equal to 0"),
        ("SERVER__LISTEN", "8787", "must be host:port"),
        ("SERVER__LISTEN", "::1:8787", "IPv6 addresses need brackets"),
        ("SERVER__LISTEN", "127.0.0.1:99999", "must be host:port"),
        ("SERVER__PUBLIC_URL", "ftp://x", "must be an origin"),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.0/8,nobody", "must be addresses or networks"),
        ("SERVER__TRUSTED_PROXIES", "0.0.0.0/0", "must not be everybody"),
        ("SERVER__TRUSTED_PROXIES", "::ffff:0:0/96", "must not be everybody"),
        ("SERVER__TRUSTED_PROXIES", "::ffff:10.0.0.1/8", "must be addresses or networks"),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.1/8", "must be addresses or networks"),
        ("LOG__ACCESS", "1.5", "input should be less than or equal to 1"),
        ("SERVER__PUBLIC_URL", "https://x/path", "must be an origin"),
        ("OPS__LISTEN", "everywhere", "must be host:port"),
        ("STORE__URL", "mysql://x", "must be sqlite:////absolute/path or postgresql://"),
        ("BOOTSTRAP__ACCOUNT_ID", "abc", "must be 32 lowercase hexadecimal digits"),
        ("LOG__LEVEL", "chatty", "input should be 'debug', 'info', 'warning' or 'error'"),
        ("TIMEOUTS__IDLE_S", "0", "must be greater than zero"),
        ("TIMEOUTS__IDLE_S", "nan", "must be greater than zero"),
        ("LIMITS__MEMORY_BYTES", "-1", "must be greater than zero"),
        ("LIMITS__HEADER_BYTES", "0", "must be greater than zero"),
        ("STORE__URL", "sqlite:///relative.db", "must be sqlite:////absolute/path or postgresql://"),
        ("LIMITS__BODY_BYTES", "-5", "must be greater than zero"),
        ("LIMITS__LOG_BODY_BYTES", "4194305", "must not be greater than 4194304"),
        ("TOKEN_CACHE__REFRESH_AHEAD", "1.5", "must not be greater than 1"),
        ("UPSTREAM__CA_BUNDLE", "/nowhere/ca.pem", "names a file that cannot be read"),
        ("UPSTREAM__ALLOW_PRIVATE_CUSTOM", "perhaps", "input should be a valid boolean"),
        ("PROVIDERS__OPENAI__BASE_URL", "file:///etc", "must be a plain http or https URL"),
        ("PROVIDERS__OPENAI__BASE_URL", "http://user:pw@x", "must be a plain http or https URL"),
        ("PROVIDERS__OPENAI__KEYLESS", "perhaps", "input should be a valid boolean"),
    ],
)
def test_bad_values_name_their_variable_and_are_not_repeated(variable: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings("", {f"GATEWAY_{variable}": value}, {})
    message = str(caught.value)
    assert message.lower().startswith(f"gateway_{variable}: {said}".lower())
    assert "\n" not in message
    if len(value) > 4:
        assert value not in message


@pytest.mark.parametrize(
    "variable",
    ["SERVER__WORKERS", "SERVER__LISTEN", "SERVER__TRUSTED_PROXIES", "SERVER__TIMING", "LOG__ACCESS", "TIMEOUTS__IDLE_S",
     "LIMITS__BODY_BYTES", "TOKEN_CACHE__TTL_S", "STORE__URL", "PROVIDERS__OPENAI__KEYLESS", "PROVIDERS__OPENAI__BASE_URL"],
)  # fmt: skip
def test_an_empty_variable_sets_nothing(variable: str) -> None:
    settings, default = read_settings("", {f"GATEWAY_{variable}": ""}, {}), read_settings("", {}, {})
    assert settings.model_copy(update={"providers": {}}) == default


def test_an_empty_variable_may_switch_off() -> None:
    assert read_settings("", {"GATEWAY_OPS__LISTEN": ""}, {}).ops.listen == ""


def test_no_memory_limit() -> None:
    assert read_settings("", {"GATEWAY_LIMITS__MEMORY_BYTES": "0"}, {}).limits.memory_bytes == 0


def test_bad_values_in_a_file_name_file_and_key(tmp_path: Path) -> None:
    path = toml(tmp_path, "[server]\nlisten = ['127.0.0.1:1', 'nonsense']\n")
    with pytest.raises(ConfigError) as caught:
        read_settings(path, {}, {})
    assert str(caught.value) == f"{path}: server.listen: must be host:port"


def test_a_bad_flag_is_named_as_it_is_typed() -> None:
    with pytest.raises(ConfigError, match=r"^--listen: must be host:port$"):
        read_settings("", {}, {("server", "listen"): ["x"]})
    with pytest.raises(ConfigError, match=r"^--ops-listen: must be host:port$"):
        read_settings("", {}, {("ops", "listen"): "x"})


def test_unknown_providers_are_errors_and_aliases_are_not() -> None:
    with pytest.raises(ConfigError, match="did you mean GATEWAY_PROVIDERS__ANTHROPIC__KEYLESS"):
        read_settings("", {"GATEWAY_PROVIDERS__ANTROPIC__KEYLESS": "1"}, {})
    settings = read_settings("", {"GATEWAY_PROVIDERS__GOOGLE__KEYLESS": "1"}, {})
    assert list(settings.providers) == ["google-ai-studio"]


def test_systemd_may_bring_the_file(tmp_path: Path) -> None:
    toml(tmp_path, "[server]\nworkers = 5\n")
    assert read_settings("", {"CONFIGURATION_DIRECTORY": str(tmp_path)}, {}).server.workers == 5
    assert read_settings("", {"CONFIGURATION_DIRECTORY": str(tmp_path / "absent")}, {}).server.workers == 0


@pytest.mark.parametrize(
    ("flag", "environ", "expected"),
    [
        ("/a", {"STATE_DIRECTORY": "/b"}, "/a"),
        ("", {"STATE_DIRECTORY": "/b:/c"}, "/b"),
        ("", {}, str(Path("~/.local/share/gateway").expanduser())),
    ],
)
def test_the_data_folder(flag: str, environ: dict[str, str], expected: str) -> None:
    assert str(data_dir_from(flag, environ)) == expected


def test_loading_makes_private_keys_once_and_hands_them_to_both_planes(tmp_path: Path) -> None:
    settings = read_settings("", {"GATEWAY_PROVIDERS__OPENAI__KEYLESS": "1", "GATEWAY_SERVER__WORKERS": "3"}, {})
    data_dir = tmp_path / "deep" / "data"
    first = load(settings, data_dir, {}, tmp_path)
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert {stat.S_IMODE((data_dir / name).stat().st_mode) for name in ("pepper", "master-key")} == {0o600}
    assert first.edge.pepper == first.control.pepper
    assert len({first.control.pepper, first.control.master_key}) == 2
    assert load(settings, data_dir, {}, tmp_path) == first
    assert first.edge.control_socket == first.control.control_socket == str(tmp_path / "control.sock")
    assert first.edge.providers == {"openai": ProviderOverride(keyless=True)}
    assert first.control.store_url == f"sqlite:///{data_dir}/gateway.db"
    assert (first.workers, first.control.workers) == (3, 3)
    assert first.control.public_url == "http://127.0.0.1:8787"


def test_zero_workers_mean_one_per_core(tmp_path: Path) -> None:
    assert load(Settings(), tmp_path / "data", {}, tmp_path).workers >= 1


def test_secrets_do_not_show(tmp_path: Path) -> None:
    config = load(Settings(), tmp_path / "data", {}, tmp_path)
    shown = repr(config)
    for key in (config.control.pepper, config.control.master_key):
        assert repr(key) not in shown
        assert key.hex() not in shown


def test_the_first_token_may_be_preset_by_file_or_credential(tmp_path: Path) -> None:
    token = mint_token()
    path = tmp_path / "bootstrap-token"
    path.write_text(token + "\n")
    path.chmod(0o600)
    by_file = read_settings("", {"GATEWAY_BOOTSTRAP__TOKEN_FILE": str(path)}, {})
    assert load(by_file, tmp_path / "a", {}, tmp_path).control.bootstrap_token == token
    by_credential = load(Settings(), tmp_path / "b", {"CREDENTIALS_DIRECTORY": str(tmp_path)}, tmp_path)
    assert by_credential.control.bootstrap_token == token
    assert load(Settings(), tmp_path / "c", {}, tmp_path).control.bootstrap_token == ""


def test_a_preset_token_of_the_wrong_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("hunter2")
    path.chmod(0o600)
    settings = read_settings("", {"GATEWAY_BOOTSTRAP__TOKEN_FILE": str(path)}, {})
    with pytest.raises(ConfigError) as caught:
        load(settings, tmp_path / "data", {}, tmp_path)
    assert str(caught.value) == f"{path}: does not hold a token of this gateway"


def test_the_runtime_folder_is_systemds_or_a_fresh_private_one(tmp_path: Path) -> None:
    assert runtime_dir_from({"RUNTIME_DIRECTORY": "/run/gateway"}) == Path("/run/gateway")
    fresh = runtime_dir_from({})
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o700
    fresh.rmdir()
    with pytest.raises(ConfigError, match="too long a path"):
        runtime_dir_from({"RUNTIME_DIRECTORY": "/run/" + "x" * 100})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8787", ("::1", 8787)), ("localhost:0", ("localhost", 0))],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize("text", ["", ":80", "host", "host:", "host:-1", "host:٣", "a:b:80", "[::1]", "host:65536"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError):
        split_address(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1"), ("::1", "http://[::1]:1"), ("a.b", "http://a.b:1")],
)
def test_origins(host: str, expected: str) -> None:
    assert local_origin(host, 1) == expected


def test_proxies_are_trusted_only_when_they_are_named() -> None:
    assert read_settings("", {}, {}).server.trusted_proxies == ()
    told = read_settings("", {"GATEWAY_SERVER__TRUSTED_PROXIES": "10.0.0.0/8, ::1"}, {}).server.trusted_proxies
    assert told == ("10.0.0.0/8", "::1/128")


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        (None, ("*",)),
        ("", ("*",)),
        ("none", ()),
        ("*", ("*",)),
        ("https://App.example.com:443, http://localhost:3000", ("https://app.example.com", "http://localhost:3000")),
        ("http://[::1]:80,app://obsidian.md", ("http://[::1]", "app://obsidian.md")),
    ],
)
def test_origins_whose_pages_may_ask(given: str | None, origins: tuple[str, ...]) -> None:
    environment = {} if given is None else {"GATEWAY_SERVER__CORS_ORIGINS": given}
    assert read_settings("", environment, {}).server.cors_origins == origins


@pytest.mark.parametrize(
    "given", ["app.example.com", "https://", "https://a/b", "https://*.a", "null", "https://a b", "https://u@a"]
)
def test_what_is_no_origin_of_a_page(given: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_SERVER__CORS_ORIGINS: must be"):
        read_settings("", {"GATEWAY_SERVER__CORS_ORIGINS": given}, {})
