"""Origins, base URLs, and what a provider's row says about an endpoint."""

import pytest

from gateway.model.routes import Endpoint
from gateway.model.targets import BEARER, CredentialStyle, Dialect, Origin, Provider, has_dot_segment, parse_base


@pytest.mark.parametrize(
    ("url", "origin", "prefix", "authority"),
    [
        ("https://api.openai.com/v1", Origin("https", "api.openai.com", 443), "/v1", "api.openai.com"),
        ("https://api.openai.com/v1/", Origin("https", "api.openai.com", 443), "/v1", "api.openai.com"),
        ("http://localhost:8000", Origin("http", "localhost", 8000), "", "localhost:8000"),
        ("http://h:80/", Origin("http", "h", 80), "", "h"),
        ("https://h:80/a/b", Origin("https", "h", 80), "/a/b", "h:80"),
        ("HTTPS://API.Example.COM", Origin("https", "api.example.com", 443), "", "api.example.com"),
        ("http://127.0.0.1:9", Origin("http", "127.0.0.1", 9), "", "127.0.0.1:9"),
        ("https://[2001:db8::1]:8443/x", Origin("https", "2001:db8::1", 8443), "/x", "[2001:db8::1]:8443"),
        ("https://[::1]", Origin("https", "::1", 443), "", "[::1]"),
        ("https://h/a%20b", Origin("https", "h", 443), "/a%20b", "h"),
    ],
)
def test_parse_base(url: str, origin: Origin, prefix: str, authority: str) -> None:
    assert parse_base(url) == (origin, prefix)
    assert origin.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "//api.openai.com",
        "ftp://h",
        "unix:///run/x.sock",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user@h",
        "https://user:secret@h/v1",
        "https://@h",
        "https://h/?key=1",
        "https://h?",
        "https://h/#x",
        "https://h\\evil",
        "https://h/a b",
        "https://h/\r\nX: y",
        "https://h\t/v1",
        "https://höst/v1",
        "https://h:0/v1",
        "https://h:99999",
        "https://h:x",
        "https://h/a/../b",
        "https://h/%2E%2e/b",
        "https://h/./b",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://-h/",
        "https://h,i/",
    ],
)
def test_what_is_no_base(url: str) -> None:
    with pytest.raises(ValueError):
        parse_base(url)


def test_a_refused_base_is_not_repeated() -> None:
    with pytest.raises(ValueError) as caught:
        parse_base("https://user:canary@h/")
    assert "canary" not in str(caught.value)


def test_the_control_socket_has_a_name_of_its_own() -> None:
    assert Origin("unix", "/run/gateway/control.sock", 0).authority == "control"


@pytest.mark.parametrize(
    ("path", "climbs"),
    [("a/b", False), ("a/..b", False), ("a/...", False), ("..", True), ("a/%2e./b", True), ("a/.", True), ("", False)],
)
def test_dot_segments(path: str, climbs: bool) -> None:
    assert has_dot_segment(path) is climbs


def test_messages_is_spoken_natively_and_the_rest_as_openai_does() -> None:
    key = CredentialStyle("x-api-key", "")
    provider = Provider(slug="p", credential=key, dialect=Dialect.GEMINI)
    assert provider.credential_for(None) == provider.credential_for(Endpoint.MESSAGES) == key
    assert provider.credential_for(Endpoint.CHAT) == provider.credential_for(Endpoint.EMBEDDINGS) == BEARER
    assert provider.dialect_for(None) is Dialect.GEMINI
    assert provider.dialect_for(Endpoint.MESSAGES) is Dialect.ANTHROPIC
    assert provider.dialect_for(Endpoint.RESPONSES) is Dialect.OPENAI
