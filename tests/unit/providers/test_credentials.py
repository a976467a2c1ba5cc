"""Keys as header fields."""

import pytest

from gateway.model.targets import BEARER, CredentialStyle
from gateway.providers.credentials import key_header


@pytest.mark.parametrize(
    ("style", "secret", "field"),
    [
        (BEARER, "sk-1", (b"authorization", b"Bearer sk-1")),
        (CredentialStyle("x-api-key", ""), "sk-ant", (b"x-api-key", b"sk-ant")),
        (CredentialStyle("authorization", "Key"), "a:b", (b"authorization", b"Key a:b")),
        (BEARER, " sk-1\r\n", (b"authorization", b"Bearer sk-1")),
    ],
)
def test_key_header(style: CredentialStyle, secret: str, field: tuple[bytes, bytes]) -> None:
    assert key_header(style, secret) == field


@pytest.mark.parametrize("secret", ["", "  \n", "canary\r\nX-Evil: 1", "canary\x00", "canarý", "canary\tx"])
def test_a_key_that_cannot_be_a_field_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError) as caught:
        key_header(BEARER, secret)
    assert "canar" not in str(caught.value)
