"""A settings change: store first, then every edge. One at a time, so what is published is what was committed last."""

import logging
from asyncio import Lock
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import orjson

from gateway.control.audit import Audit, Resource
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
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import origin_of
from gateway.store.errors import Conflict, StoreDown
from gateway.store.store import Store

R = TypeVar("R")
K = TypeVar("K", bound=Hashable)

_log = logging.getLogger("gateway.changes")


def key_context(key: StoredKey) -> str:
    """What a sealed provider key is bound to: moved to another row, provider or origin, it does not open (decision 0016)."""
    where = f"{key.provider}/{key.custom_id}/{key.origin}" if key.custom_id is not None else key.provider
    return f"provider-key/{key.account_id}/{key.gateway_id}/{where}/{key.id}"


def headers_context(provider: StoredCustomProvider) -> str:
    """Likewise for the header values of a custom provider."""
    return f"custom-provider-headers/{provider.account_id}/{provider.id}/{origin_of(provider.base_url)}"


def belongs(key: StoredKey, provider: StoredCustomProvider | None) -> bool:
    """Whether a custom provider, as it is now, is the one that the key was stored for."""
    return (
        provider is not None
        and (key.custom_id, key.provider) == (provider.id, f"custom-{provider.slug}")
        and key.origin == origin_of(provider.base_url)
    )


class Changes:
    def __init__(self, store: Store, vault: Vault, publisher: Publisher, clock: Clock) -> None:
        self.store = store
        self.vault = vault
        self.publisher = publisher
        self.clock = clock
        self.audit = Audit(store.audit, clock)
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
            accounts = await self.store.accounts.all()
            providers = await self.store.custom_providers.all()
            customs = _grouped(providers, lambda custom: custom.account_id)
            by_id = {custom.id: custom for custom in providers}
            gateways = await self.store.gateways.all()
            usable = [
                key for key in await self.store.keys.all() if key.custom_id is None or belongs(key, by_id.get(key.custom_id))
            ]
            keys = _grouped(usable, lambda key: (key.account_id, key.gateway_id))
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
            resource = Resource("gateway", gateway.id, gateway.id, after={"authentication": gateway.authentication})
            entry = self.audit.by_service("create", resource, account_id)
            try:
                await self.audit.commit(entry, self.store.gateways.insert(gateway, entry))
            except Conflict:
                gateway = await self.store.gateways.get(account_id, DEFAULT_GATEWAY_ID) or gateway
            self.put_gateway(gateway)
            return True

    # --- publishing; each is called within `turn`, after the commit

    def put_account(self, account_id: str) -> None:
        self.publisher.put_account(AccountEntry(account_id=account_id))

    def put_gateway(self, gateway: Gateway) -> None:
        known = self.publisher.gateway(gateway.account_id, gateway.id)
        self.publisher.put_gateway(GatewayEntry(gateway=gateway, keys=known.keys if known else ()))

    def put_key(self, gateway: Gateway, key: StoredKey, secret: str) -> None:
        self._put_keys(gateway, key, (_published(key, secret),))

    def remove_key(self, gateway: Gateway, key: StoredKey) -> None:
        self._put_keys(gateway, key, ())

    def _put_keys(self, gateway: Gateway, changed: StoredKey, fresh: tuple[ProviderKey, ...]) -> None:
        known = self.publisher.gateway(gateway.account_id, gateway.id)
        kept = [key for key in (known.keys if known else ()) if (key.provider, key.alias) != (changed.provider, changed.alias)]
        if any(key.default for key in fresh):  # there is one at most
            kept = [replace(key, default=False) if key.provider == changed.provider else key for key in kept]
        self.publisher.put_gateway(GatewayEntry(gateway=gateway, keys=(*kept, *fresh)))

    def put_keys_of_custom(self, account_id: str, provider: str, keys: Iterable[StoredKey]) -> None:
        """These are the keys of a custom provider on all gateways; `provider` is the slug that edges know them by."""
        found = _grouped(keys, lambda key: key.gateway_id)
        for entry in list(self.publisher.gateways):
            if entry.gateway.account_id != account_id:
                continue
            kept = [key for key in entry.keys if key.provider != provider]
            fresh = [key for key in map(self._open_key, found.get(entry.gateway.id, ())) if key is not None]
            if fresh or len(kept) < len(entry.keys):
                self.publisher.put_gateway(replace(entry, keys=(*kept, *fresh)))

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
        return _published(key, secret)

    def moved_key(self, key: StoredKey, provider: StoredCustomProvider) -> StoredKey:
        """The key, sealed for its provider's new slug and origin; as it was if it does not open."""
        try:
            secret = self.vault.open(key.sealed, key_context(key))
        except SealBroken:
            return key
        moved = replace(key, provider=f"custom-{provider.slug}", origin=origin_of(provider.base_url))
        return replace(moved, sealed=self.vault.seal(secret, key_context(moved)))

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
        text = self.vault.open(stored.sealed_headers, headers_context(stored))
        headers: dict[str, str] = orjson.loads(text)
        return headers


def _published(key: StoredKey, secret: str) -> ProviderKey:
    return ProviderKey(
        provider=key.provider, alias=key.alias, secret=secret, default=key.default_config, hosts=tuple(key.hosts)
    )


def _grouped(rows: Iterable[R], place: Callable[[R], K]) -> dict[K, list[R]]:
    groups: dict[K, list[R]] = {}
    for row in rows:
        groups.setdefault(place(row), []).append(row)
    return groups
