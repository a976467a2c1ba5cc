"""What a browser may not be told by a provider, and the policy its answers carry."""

import pytest

from gateway.protocol.inert import INERT, asks_for_password, steers_browser


def test_the_policy_takes_scripts_origin_and_frames() -> None:
    assert INERT == (
        b"content-security-policy: sandbox; default-src 'none'; frame-ancestors 'none'\r\nx-content-type-options: nosniff\r\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "retry-after", "content-disposition", "content-language", "content-range", "accept-ranges", "etag", "last-modified",
        "expires", "age", "vary", "location", "x-request-id", "request-id", "openai-version", "anthropic-organization-id",
        "x-ratelimit-reset-tokens", "ratelimit-policy", "deprecation", "sunset", "server-timing", "via", "allow",
        "x-accel-buffering", "origin", "link-count", "refresh-token-id",
    ],
)  # fmt: skip
def test_what_programs_read_crosses(name: str) -> None:
    assert not steers_browser(name.encode())


@pytest.mark.parametrize(
    ("challenge", "asks"),
    [
        (b"Bearer", False),
        (b' Bearer realm="OpenAI API", error="invalid_token"', False),
        (b"ApiKey", False),
        (b'Basic realm="x"', True),
        (b"BASIC", True),
        (b"ApiKey, Basic", True),
        (b"NTLM", True),
        (b"Basically", False),
    ],
)
def test_passwords_are_not_asked_for_in_our_name(challenge: bytes, asks: bool) -> None:
    assert asks_for_password(challenge) is asks
