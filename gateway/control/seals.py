"""Provider keys and header values: sealed for their rows, opened for the edges."""

import logging
from dataclasses import replace
from typing import Final

import orjson

from gateway.control.vault import SealBroken, Vault
from gateway.model.gateways import CustomProvider, ProviderKey
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import origin_of

_PREVIEWED_FROM: Final = 20
"""Shorter keys show nothing of themselves."""

_log = logging.getLogger("gateway.seals")


def key_context(key: StoredKey) -> str:
    """What a sealed provider key is bound to: moved to another row, provider or origin, it does not open (decision 0016)."""
    where = f"{key.provider}/{key.custom_id}/{key.origin}" if key.custom_id is not None else key.provider
    return f"provider-key/{key.account_id}/{key.gateway_id}/{where}/{key.id}"


def headers_context(provider: StoredCustomProvider) -> str:
    """Likewise for the header values of a custom provider."""
    return f"custom-provider-headers/{provider.account_id}/{provider.id}/{origin_of(provider.base_url)}"


def preview_of(secret: str) -> str:
    """Enough to tell keys apart: `sk-…abcd`."""
    return f"{secret[:3]}…{secret[-4:]}" if len(secret) >= _PREVIEWED_FROM and not secret.startswith("{") else "…"


class Seals:
    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def seal_key(self, key: StoredKey, secret: str) -> StoredKey:
        return replace(key, sealed=self.vault.seal(secret, key_context(key)), preview=preview_of(secret))

    def open_key(self, key: StoredKey) -> ProviderKey | None:
        """As the edges have it; None, with a line in the log, if it does not open."""
        try:
            secret = self.vault.open(key.sealed, key_context(key))
        except SealBroken:
            _log.error("provider key %s does not open with this master key; it is left out", key.id)
            return None
        return opened(key, secret)

    def move_key(self, key: StoredKey, provider: StoredCustomProvider) -> StoredKey:
        """The key, sealed for its provider's new slug and origin; as it was if it does not open."""
        try:
            secret = self.vault.open(key.sealed, key_context(key))
        except SealBroken:
            return key
        moved = replace(key, provider=f"custom-{provider.slug}", origin=origin_of(provider.base_url))
        return replace(moved, sealed=self.vault.seal(secret, key_context(moved)))

    def seal_headers(self, stored: StoredCustomProvider, headers: dict[str, str]) -> StoredCustomProvider:
        if not headers:
            return replace(stored, sealed_headers=None)
        text = orjson.dumps(headers).decode()
        return replace(stored, sealed_headers=self.vault.seal(text, headers_context(stored)))

    def open_headers(self, stored: StoredCustomProvider) -> dict[str, str]:
        """The extra header fields; raises SealBroken."""
        if stored.sealed_headers is None:
            return {}
        headers: dict[str, str] = orjson.loads(self.vault.open(stored.sealed_headers, headers_context(stored)))
        return headers

    def known_headers(self, stored: StoredCustomProvider) -> dict[str, str]:
        """Those that open."""
        try:
            return self.open_headers(stored)
        except SealBroken:
            return {}

    def open_custom(self, stored: StoredCustomProvider) -> CustomProvider:
        """As the edges have it; switched off, with a line in the log, if its header values do not open."""
        enable, headers = stored.enable, {}
        try:
            headers = self.open_headers(stored)
        except SealBroken:
            _log.error("headers of custom provider %s do not open with this master key; it is switched off", stored.id)
            enable = False
        return CustomProvider(
            id=stored.id,
            account_id=stored.account_id,
            slug=stored.slug,
            base_url=stored.base_url,
            enable=enable,
            headers=headers,
        )


def opened(key: StoredKey, secret: str) -> ProviderKey:
    return ProviderKey(
        provider=key.provider, alias=key.alias, secret=secret, default=key.default_config, hosts=tuple(key.hosts)
    )
