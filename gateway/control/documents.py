"""Settings as JSON: what the API shows and the audit log compares. No secret, sealed or open, is in any of them."""

from dataclasses import asdict
from typing import Any, Final

import orjson

from gateway.model.gateways import Gateway
from gateway.model.stored import Account, StoredCustomProvider, StoredKey
from gateway.model.tokens import Token
from gateway.protocol.envelope import rfc3339, rfc3339_or_none

MASK: Final = "***"
"""Shown for the value of an extra header field, which may hold a credential; sent back, it keeps the value."""
_OF_CUSTOM: Final = (
    "id", "account_id", "name", "slug", "base_url", "description", "link", "enable", "beta", "curl_example", "js_example",
    "position", "logo",
)  # fmt: skip


def account_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "type": "standard",
        "settings": {"enforce_twofactor": False},
        "created_on": rfc3339(account.created_at),
    }


def gateway_json(gateway: Gateway) -> dict[str, Any]:
    """The gateway object of section 4.2."""
    return asdict(gateway) | {
        "created_at": rfc3339(gateway.created_at),
        "modified_at": rfc3339(gateway.modified_at),
        "is_default": gateway.is_default,
        "account_tag": gateway.account_id,
    }


def key_json(key: StoredKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "gateway_id": key.gateway_id,
        "provider_slug": key.provider,
        "alias": key.alias,
        "default_config": key.default_config,
        "hosts": key.hosts,
        "secret_id": key.id,
        "secret_preview": key.preview,
        "rate_limit": key.rate_limit,
        "rate_limit_period": key.rate_limit_period,
        "modified_at": rfc3339(key.modified_at),
    }


def custom_provider_json(stored: StoredCustomProvider, headers: dict[str, str]) -> dict[str, Any]:
    """`headers`: of which the names alone are shown."""
    masked = dict.fromkeys(headers, MASK)
    return {name: getattr(stored, name) for name in _OF_CUSTOM} | {
        "headers": orjson.dumps(masked).decode() if masked else None,
        "created_at": rfc3339(stored.created_at),
        "modified_at": rfc3339(stored.modified_at),
    }


def token_json(token: Token) -> dict[str, Any]:
    """What the token itself says, without what its makers let it be: no value and no digest."""
    return {
        "name": token.name,
        "status": token.status,
        "policies": token.policies,
        "condition": token.condition,
        "not_before": rfc3339_or_none(token.not_before),
        "expires_on": rfc3339_or_none(token.expires_on),
        "outlives_maker": token.outlives_maker,
        "rolls": token.rolls,
    }
