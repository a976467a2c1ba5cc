"""Origins as browsers write them."""

import pytest

from gateway.run.web_origin import none_by_name, web_origin


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("*", "*"),
        ("https://App.Example.com", "https://app.example.com"),
        ("https://a:443", "https://a"),
        ("http://a:80", "http://a"),
        ("http://a:443", "http://a:443"),
        ("https://a:8443", "https://a:8443"),
        ("http://[::1]:80", "http://[::1]"),
        (" http://localhost:3000 ", "http://localhost:3000"),
        ("app://obsidian.md", "app://obsidian.md"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_origins(given: str, origin: str) -> None:
    assert web_origin(given) == origin


@pytest.mark.parametrize(
    "given",
    ["", "app.example.com", "https://", "https://a/b", "https://a/", "https://*.a", "null", "https://a b", "https://u@a"],
)
def test_what_is_none(given: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        web_origin(given)


def test_none_can_be_said() -> None:
    assert none_by_name("none") == ()
    assert none_by_name("https://a") == "https://a"
    assert none_by_name(["none"]) == ["none"]
