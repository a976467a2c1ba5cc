"""What is sealed for a row opens for that row alone."""

from dataclasses import replace

import pytest
from fakes.settings import CUSTOM, KEY

from gateway.control.seals import Seals, preview_of
from gateway.control.vault import SealBroken, Vault

SEALS = Seals(Vault(b"m" * 32))


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


@pytest.mark.parametrize("field", ["id", "account_id", "gateway_id", "provider"])
def test_a_key_opens_in_its_own_row_alone(field: str) -> None:
    sealed = SEALS.seal_key(KEY, "sk-1")
    opened = SEALS.open_key(sealed)
    assert opened is not None
    assert opened.secret == "sk-1"
    assert SEALS.open_key(replace(sealed, **{field: "x"})) is None  # type: ignore[arg-type]


def test_a_key_follows_its_custom_provider_to_another_origin() -> None:
    sealed = SEALS.seal_key(replace(KEY, custom_id="c", provider="custom-s", origin="https://x.example"), "sk-1")
    moved = SEALS.move_key(sealed, replace(CUSTOM, slug="t", base_url="https://y.example/v1"))
    assert (moved.provider, moved.origin) == ("custom-t", "https://y.example")
    opened = SEALS.open_key(moved)
    assert opened is not None
    broken = replace(sealed, sealed=b"broken")
    assert SEALS.move_key(broken, CUSTOM) == broken, "what does not open stays as it is"


def test_headers_open_for_their_provider_and_origin() -> None:
    sealed = SEALS.seal_headers(CUSTOM, {"X-Key": "hidden"})
    assert SEALS.open_headers(sealed) == {"X-Key": "hidden"}
    assert SEALS.open_headers(SEALS.seal_headers(sealed, {})) == {}
    elsewhere = replace(sealed, base_url="https://y.example")
    with pytest.raises(SealBroken):
        SEALS.open_headers(elsewhere)
    assert SEALS.known_headers(elsewhere) == {}
    assert (SEALS.open_custom(sealed).enable, SEALS.open_custom(elsewhere).enable) == (True, False)
