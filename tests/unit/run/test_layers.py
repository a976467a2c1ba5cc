from pathlib import Path

import pytest

from gateway.run.layers import ConfigError, Entry, Vocabulary, nest, read_environment, read_toml

ALIASES = {"openai": "openai", "google-ai-studio": "google-ai-studio", "google": "google-ai-studio"}
WORDS = Vocabulary(
    sections={"server": ("listen", "workers"), "log": ("level",)},
    provider_keys=("base_url", "keyless"),
    provider_slug=ALIASES.get,
    provider_slugs=("openai", "google-ai-studio"),
)


def toml(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return str(path)


def test_toml_is_flattened_with_the_place_of_each_value(tmp_path: Path) -> None:
    path = toml(tmp_path, "[server]\nworkers = 3\n[providers.google]\nbase_url = 'http://x'\n[log]\n")
    assert read_toml(path, WORDS) == {
        ("server", "workers"): Entry(3, f"{path}: server.workers"),
        ("providers", "google-ai-studio", "base_url"): Entry("http://x", f"{path}: providers.google.base_url"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nworker = 1", "server.worker; did you mean {path}: server.workers?"),
        ("[sever]\nworkers = 1", "sever.workers; did you mean {path}: server.workers?"),
        ("[server]\nxyzzy = 1", "server.xyzzy; valid here: listen, workers"),
        ("workers = 1", "workers; "),
        ("[server.listen]\na = 1", "server.listen.a; did you mean {path}: server.listen?"),
        ("[providers.opnai]\nkeyless = true", "providers.opnai.keyless; did you mean {path}: providers.openai.keyless?"),
        ("[providers.openai]\nbaseurl = ''", "providers.openai.baseurl; did you mean {path}: providers.openai.base_url?"),
        ("[providers]\nopenai = 1", "providers.openai; "),
    ],
)
def test_unknown_keys_in_toml_name_file_key_and_the_nearest(tmp_path: Path, text: str, said: str) -> None:
    path = toml(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_toml(path, WORDS)
    assert str(caught.value).startswith(f"unknown setting {path}: {said.format(path=path)}")


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("GATEWAY_SERVER__WORKER", "; did you mean GATEWAY_SERVER__WORKERS?"),
        ("GATEWAY_SERVR__WORKERS", "; did you mean GATEWAY_SERVER__WORKERS?"),
        ("GATEWAY_PROVIDERS__OPNAI__KEYLESS", "; did you mean GATEWAY_PROVIDERS__OPENAI__KEYLESS?"),
        ("GATEWAY_PROVIDERS__GOOGLE_AI_STUDO__KEYLESS", "; did you mean GATEWAY_PROVIDERS__GOOGLE_AI_STUDIO__KEYLESS?"),
        ("GATEWAY_PROVIDERS__OPENAI__BASEURL", "; did you mean GATEWAY_PROVIDERS__OPENAI__BASE_URL?"),
        ("GATEWAY__SERVER__WORKERS", "; "),
        ("GATEWAY_SERVER__", "; "),
    ],
)
def test_unknown_variables_are_named_with_the_nearest(variable: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_environment({variable: "secret-value"}, WORDS)
    assert str(caught.value).startswith(f"unknown setting {variable}{said}")
    assert "secret-value" not in str(caught.value)


def test_variables_are_read_by_section_and_key() -> None:
    found = read_environment(
        {
            "GATEWAY_SERVER__WORKERS": "3",
            "GATEWAY_PROVIDERS__GOOGLE_AI_STUDIO__BASE_URL": "http://x",
            "OTHER__THING": "1",
        },
        WORDS,
    )
    assert found == {
        ("server", "workers"): Entry("3", "GATEWAY_SERVER__WORKERS"),
        ("providers", "google-ai-studio", "base_url"): Entry("http://x", "GATEWAY_PROVIDERS__GOOGLE_AI_STUDIO__BASE_URL"),
    }


@pytest.mark.parametrize(
    "variable",
    [
        "GATEWAY_URL",
        "GATEWAY_API_TOKEN",
        "GATEWAY_SERVICE_HOST",
        "GATEWAY_SERVICE_PORT_HTTP",
        "GATEWAY_PORT",
        "GATEWAY_PORT_8787_TCP_ADDR",
        "GATEWAY_POSTGRESQL_PORT",
        "GATEWAY_POSTGRESQL_SERVICE_PORT_TCP_POSTGRESQL",
        "GATEWAY_VERSION",
        "GATEWAY_NAME",
        "GATEWAY_ENV_PATH",
        "GATEWAY_",
        "GATEWAY_WORKERS",
    ],
)
def test_variables_without_the_joint_are_none_of_ours(variable: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read_environment({variable: "x"}, WORDS) == {}
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("GATEWAY_SERVER_WORKERS", "GATEWAY_SERVER__WORKERS"),
        ("GATEWAY_SERVER_WORKER", "GATEWAY_SERVER__WORKERS"),
        ("GATEWAY_PROVIDERS_OPENAI_KEYLESS", "GATEWAY_PROVIDERS__OPENAI__KEYLESS"),
        ("GATEWAY_PROVIDERS_GOOGLE_AI_STUDIO_BASE_URL", "GATEWAY_PROVIDERS__GOOGLE_AI_STUDIO__BASE_URL"),
    ],
)
def test_a_near_miss_is_told_and_ignored(variable: str, meant: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read_environment({variable: "secret-value"}, WORDS) == {}
    assert caplog.messages == [f"{variable} is no setting and is ignored; did you mean {meant}?"]


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_bytes(b"\xef\xbb\xbf[server]\nworkers = 2\n")
    assert read_toml(str(path), WORDS)[("server", "workers")].value == 2


@pytest.mark.parametrize(("text", "said"), [("[server\n", "is not valid TOML"), (None, "cannot be read (No such file")])
def test_an_unreadable_file_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    path = toml(tmp_path, text) if text is not None else str(tmp_path / "absent.toml")
    with pytest.raises(ConfigError) as caught:
        read_toml(path, WORDS)
    assert str(caught.value).startswith(f"{path}: {said}")


def test_nesting_is_the_inverse_of_flattening() -> None:
    layer = {("server", "workers"): Entry(1, ""), ("providers", "openai", "keyless"): Entry(True, "")}
    assert nest(layer) == {"server": {"workers": 1}, "providers": {"openai": {"keyless": True}}}
