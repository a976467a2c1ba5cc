"""The settings that edges have, made of the store's rows. Each change is called by a command, in its turn, after the commit."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from gateway.control.publisher import Publisher
from gateway.control.seals import Seals, opened
from gateway.model.gateways import AccountEntry, CustomProvider, Gateway, GatewayEntry, ProviderKey
from gateway.model.stored import Account, StoredCustomProvider, StoredKey
from gateway.model.targets import origin_of

R = TypeVar("R")
K = TypeVar("K", bound=Hashable)


def belongs(key: StoredKey, provider: StoredCustomProvider | None) -> bool:
    """Whether a custom provider, as it is now, is the one that the key was stored for."""
    return (
        provider is not None
        and (key.custom_id, key.provider) == (provider.id, f"custom-{provider.slug}")
        and key.origin == origin_of(provider.base_url)
    )


class PublishedSettings:
    def __init__(self, publisher: Publisher, seals: Seals) -> None:
        self._publisher = publisher
        self._seals = seals

    def load(
        self,
        accounts: Iterable[Account],
        gateways: Iterable[Gateway],
        keys: Iterable[StoredKey],
        providers: Iterable[StoredCustomProvider],
    ) -> None:
        """All there is, in place of all that was."""
        by_id = {custom.id: custom for custom in providers}
        customs = _grouped(by_id.values(), lambda custom: custom.account_id)
        usable = [key for key in keys if key.custom_id is None or belongs(key, by_id.get(key.custom_id))]
        of_gateway = _grouped(usable, lambda key: (key.account_id, key.gateway_id))
        self._publisher.load(
            [
                AccountEntry(
                    account_id=account.id, custom_providers=tuple(map(self._seals.open_custom, customs.get(account.id, ())))
                )
                for account in accounts
            ],
            [
                GatewayEntry(gateway=gateway, keys=self._opened(of_gateway.get((gateway.account_id, gateway.id), ())))
                for gateway in gateways
            ],
        )

    def has_gateway(self, account_id: str, gateway_id: str) -> bool:
        return self._publisher.gateway(account_id, gateway_id) is not None

    def has_account(self, account_id: str) -> bool:
        return account_id in self._publisher.accounts

    def put_account(self, account_id: str) -> None:
        self._publisher.put_account(AccountEntry(account_id=account_id))

    def put_gateway(self, gateway: Gateway) -> None:
        known = self._publisher.gateway(gateway.account_id, gateway.id)
        self._publisher.put_gateway(GatewayEntry(gateway=gateway, keys=known.keys if known else ()))

    def remove_gateway(self, gateway: Gateway) -> None:
        self._publisher.remove_gateway(gateway.account_id, gateway.id)

    def put_key(self, gateway: Gateway, key: StoredKey, secret: str) -> None:
        self._put_keys(gateway, key, (opened(key, secret),))

    def remove_key(self, gateway: Gateway, key: StoredKey) -> None:
        self._put_keys(gateway, key, ())

    def _put_keys(self, gateway: Gateway, changed: StoredKey, fresh: tuple[ProviderKey, ...]) -> None:
        known = self._publisher.gateway(gateway.account_id, gateway.id)
        kept = [key for key in (known.keys if known else ()) if (key.provider, key.alias) != (changed.provider, changed.alias)]
        if any(key.default for key in fresh):  # there is one at most
            kept = [replace(key, default=False) if key.provider == changed.provider else key for key in kept]
        self._publisher.put_gateway(GatewayEntry(gateway=gateway, keys=(*kept, *fresh)))

    def put_keys_of_custom(self, account_id: str, provider: str, keys: Iterable[StoredKey]) -> None:
        """These are the keys of a custom provider on all gateways; `provider` is the slug that edges know them by."""
        found = _grouped(keys, lambda key: key.gateway_id)
        for entry in list(self._publisher.gateways):
            if entry.gateway.account_id != account_id:
                continue
            kept = [key for key in entry.keys if key.provider != provider]
            fresh = self._opened(found.get(entry.gateway.id, ()))
            if fresh or len(kept) < len(entry.keys):
                self._publisher.put_gateway(replace(entry, keys=(*kept, *fresh)))

    def put_custom(self, stored: StoredCustomProvider) -> None:
        self._put_customs(stored, (self._seals.open_custom(stored),))

    def remove_custom(self, stored: StoredCustomProvider) -> None:
        self._put_customs(stored, ())

    def _put_customs(self, changed: StoredCustomProvider, fresh: tuple[CustomProvider, ...]) -> None:
        entry = self._publisher.accounts.get(changed.account_id) or AccountEntry(account_id=changed.account_id)
        kept = [custom for custom in entry.custom_providers if custom.id != changed.id]
        self._publisher.put_account(replace(entry, custom_providers=(*kept, *fresh)))

    def _opened(self, keys: Iterable[StoredKey]) -> tuple[ProviderKey, ...]:
        return tuple(key for key in map(self._seals.open_key, keys) if key is not None)


def _grouped(rows: Iterable[R], place: Callable[[R], K]) -> dict[K, list[R]]:
    groups: dict[K, list[R]] = {}
    for row in rows:
        groups.setdefault(place(row), []).append(row)
    return groups
