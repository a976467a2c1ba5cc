"""A settings change: store first, then every edge. One at a time, so what is published is what was committed last."""

import logging
from asyncio import Lock
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import orjson

from gateway.control.publisher import Publisher
from gateway.control.vault import SealBroken, Vault
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid4_text
from gateway.model.gateways import (
    DEFAULT_GATEWAY_ID,
    AccountEntry,
    CustomProvider,
    Gateway,
    GatewayEntry,
    ProviderKey,
)
from gateway.store.port import Conflict, Store, StoredCustomProvider, StoredKey, StoreDown

R = TypeVar("R")
K = TypeVar("K", bound=Hashable)

_log = logging.getLogger("gateway.changes")


def key_context(key: StoredKey) -> str:
    """What a sealed provider key is bound to: moved to another row, it does not open."""
    return f"provider-key/{key.account_id}/{key.gateway_id}/{key.provider}/{key.id}"


def headers_context(account_id: str, provider_id: str) -> str:
    return f"custom-provider-headers/{account_id}/{provider_id}"


class Changes:
    def __init__(self, store: Store, vault: Vault, publisher: Publisher, clock: Clock) -> None:
        self.store = store
        self.vault = vault
        self.publisher = publisher
        self.clock = clock
        self.stale = False
        """A change may be committed or not, nobody knows: everything is to be read again."""
        self._turn = Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Exclusive right to change settings: read, write, publish within it."""
        async with self._turn:
            try:
                yield
            except StoreDown:
                self.stale = True
                raise

    async def reload(self) -> None:
        """Read all settings and send them to every edge. Raises StoreDown."""
        async with self._turn:
            accounts = await self.store.accounts()
            customs = _grouped(await self.store.all_custom_providers(), lambda custom: custom.account_id)
            gateways = await self.store.all_gateways()
            keys = _grouped(await self.store.all_keys(), lambda key: (key.account_id, key.gateway_id))
            self.stale = False
            self.publisher.load(
                [self._account_entry(account.id, customs.get(account.id, ())) for account in accounts],
                [self._gateway_entry(gateway, keys.get((gateway.account_id, gateway.id), ())) for gateway in gateways],
            )

    async def open_default(self, account_id: str) -> bool:
        """Create the account's `default` gateway unless it exists (section 4.3); False if there is no such account."""
        async with self.turn():
            if self.publisher.gateway(account_id, DEFAULT_GATEWAY_ID) is not None:
                return True
            if account_id not in self.publisher.accounts:
                return False
            now = self.clock.wall()
            gateway = Gateway(
                account_id=account_id,
                id=DEFAULT_GATEWAY_ID,
                internal_id=uuid4_text(),
                created_at=now,
                modified_at=now,
            )
            try:
                await self.store.insert_gateway(gateway)
            except Conflict:
                gateway = await self.store.gateway(account_id, DEFAULT_GATEWAY_ID) or gateway
            self.put_gateway(gateway)
            return True

    # --- publishing; each is called within `turn`, after the commit

    def put_account(self, account_id: str) -> None:
        self.publisher.put_account(AccountEntry(account_id=account_id))

    def put_gateway(self, gateway: Gateway) -> None:
        known = self.publisher.gateway(gateway.account_id, gateway.id)
        self.publisher.put_gateway(GatewayEntry(gateway=gateway, keys=known.keys if known else ()))

    def put_key(self, gateway: Gateway, key: StoredKey, secret: str) -> None:
        fresh = ProviderKey(provider=key.provider, alias=key.alias, secret=secret)
        self._put_keys(gateway, key, (fresh,))

    def remove_key(self, gateway: Gateway, key: StoredKey) -> None:
        self._put_keys(gateway, key, ())

    def _put_keys(self, gateway: Gateway, changed: StoredKey, fresh: tuple[ProviderKey, ...]) -> None:
        known = self.publisher.gateway(gateway.account_id, gateway.id)
        kept = [key for key in (known.keys if known else ()) if (key.provider, key.alias) != (changed.provider, changed.alias)]
        self.publisher.put_gateway(GatewayEntry(gateway=gateway, keys=(*kept, *fresh)))

    def put_custom(self, stored: StoredCustomProvider) -> None:
        self._put_customs(stored, (self._custom(stored),))

    def remove_custom(self, stored: StoredCustomProvider) -> None:
        self._put_customs(stored, ())

    def _put_customs(self, changed: StoredCustomProvider, fresh: tuple[CustomProvider, ...]) -> None:
        entry = self.publisher.accounts.get(changed.account_id) or AccountEntry(account_id=changed.account_id)
        kept = [custom for custom in entry.custom_providers if custom.id != changed.id]
        self.publisher.put_account(replace(entry, custom_providers=(*kept, *fresh)))

    # --- from rows to entries

    def _account_entry(self, account_id: str, customs: Iterable[StoredCustomProvider]) -> AccountEntry:
        return AccountEntry(account_id=account_id, custom_providers=tuple(map(self._custom, customs)))

    def _gateway_entry(self, gateway: Gateway, keys: Iterable[StoredKey]) -> GatewayEntry:
        opened = map(self._open_key, keys)
        return GatewayEntry(gateway=gateway, keys=tuple(key for key in opened if key is not None))

    def _open_key(self, key: StoredKey) -> ProviderKey | None:
        try:
            secret = self.vault.open(key.sealed, key_context(key))
        except SealBroken:
            _log.error("provider key %s does not open with this master key; it is left out", key.id)
            return None
        return ProviderKey(provider=key.provider, alias=key.alias, secret=secret)

    def _custom(self, stored: StoredCustomProvider) -> CustomProvider:
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

    def open_headers(self, stored: StoredCustomProvider) -> dict[str, str]:
        """The extra header fields, decrypted; raises SealBroken."""
        if stored.sealed_headers is None:
            return {}
        text = self.vault.open(stored.sealed_headers, headers_context(stored.account_id, stored.id))
        headers: dict[str, str] = orjson.loads(text)
        return headers


def _grouped(rows: Iterable[R], place: Callable[[R], K]) -> dict[K, list[R]]:
    groups: dict[K, list[R]] = {}
    for row in rows:
        groups.setdefault(place(row), []).append(row)
    return groups
