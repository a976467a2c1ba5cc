"""Gateways: the defaults of specification section 4.3, and keys that do not show."""

from dataclasses import FrozenInstanceError

import pytest

from gateway.model.gateways import DEFAULT_GATEWAY_ID, CustomProvider, Gateway, GatewayEntry, ProviderKey


def gateway(name: str) -> Gateway:
    return Gateway(account_id="a", id=name, internal_id="i", created_at=1.0, modified_at=1.0)


def test_a_new_gateway_is_safe_and_plain() -> None:
    made = gateway("g1")
    assert made.authentication is True
    assert made.collect_logs is True
    assert made.byok_only is False
    assert (made.cache_ttl, made.rate_limiting_interval, made.rate_limiting_limit) == (0, 0, 0)
    assert made.workers_ai_billing_mode == "postpaid"


@pytest.mark.parametrize(("name", "default"), [(DEFAULT_GATEWAY_ID, True), ("Default", False), ("g1", False)])
def test_only_default_is_the_default(name: str, default: bool) -> None:
    assert gateway(name).is_default is default


def test_settings_do_not_change_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        gateway("g1").authentication = False  # type: ignore[misc]


def test_keys_and_extra_fields_do_not_show() -> None:
    key = ProviderKey(provider="openai", alias="default", secret="sk-private")
    custom = CustomProvider(
        id="c", account_id="a", slug="own", base_url="https://own.example", enable=True, headers={"x-key": "sk-private"}
    )
    assert "sk-private" not in repr(GatewayEntry(gateway=gateway("g1"), keys=(key,)))
    assert "sk-private" not in repr(custom)
