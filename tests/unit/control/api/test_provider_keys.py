import pytest
from pydantic import ValidationError

from gateway.control.api.provider_keys import KeyBody, SecretBody, preview_of


@pytest.mark.parametrize(
    ("secret", "preview"),
    [
        ("sk-proj-0123456789abcd", "sk-…abcd"),
        ("0123456789012345678", "…"),
        ("short", "…"),
        ('{"private_key": "very long indeed"}', "…"),
    ],
)
def test_previews(secret: str, preview: str) -> None:
    assert preview_of(secret) == preview


@pytest.mark.parametrize("secret", ["", " ", "a b", "a\r\nb", "é", "a\x00", "x" * 65_537])
def test_secrets_refused(secret: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SecretBody.model_validate({"secret": secret})
    assert secret.strip() == "" or repr(secret) not in str(caught.value)


def test_a_credential_document_may_span_lines() -> None:
    assert SecretBody.model_validate({"secret": '{\n "type": "service_account"}'}).secret.startswith("{")


def test_official_clients_send_floats() -> None:
    body = KeyBody.model_validate(
        {"secret": "k", "provider_slug": "openai", "alias": "a", "default_config": True, "rate_limit": 10.0, "secret_id": "x"}
    )
    assert body.rate_limit == 10
