"""After a rotation of the master key, what older ones sealed is sealed anew, row by row, while the service runs."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gateway.control.audit import Audit
from gateway.control.changes.turn import Turn
from gateway.control.key_check import PREFIX
from gateway.control.rotations import tell_rotation
from gateway.control.seals import headers_context, key_context
from gateway.control.vault import SealBroken, Vault, sealed_by
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.store.errors import StoreDown
from gateway.store.store import Store

RETRY_S: Final = 10.0

_log = logging.getLogger("gateway.rewrap")


class Rewrap:
    def __init__(
        self,
        store: Store,
        vault: Vault,
        turn: Turn,
        audit: Audit,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._vault = vault
        self._turn = turn
        self._audit = audit
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), "rewrap")

    async def close(self) -> None:
        await cancel_and_wait(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
                return
            except StoreDown as error:
                _log.warning("seals are not renewed yet, the store is down: %s", error)
                await self._pause(RETRY_S)

    async def round(self) -> None:
        """Renew every seal that is not by the key in use. Raises StoreDown; what is done stays done."""
        await tell_rotation(self._store.facts, self._audit, "master-key", self._vault.current)
        renewed = 0
        for key in await self._store.keys.all():
            if sealed_by(key.sealed) != self._vault.current:
                renewed += await self._renew_key(key)
        for provider in await self._store.custom_providers.all():
            if provider.sealed_headers is not None and sealed_by(provider.sealed_headers) != self._vault.current:
                renewed += await self._renew_headers(provider)
        await self._forget_unused()
        if renewed:
            _log.info("%d seals were renewed with master key %s", renewed, self._vault.current)

    async def _forget_unused(self) -> None:
        """A key that seals nothing any more may be taken out of its file: the store asks for it no longer."""
        used = await self.in_use()
        kind = f"{PREFIX}master-key/"
        for name in await self._store.facts.beginning(kind):
            if (one := name.removeprefix(kind)) != self._vault.current and not used[one]:
                await self._store.facts.delete(name)

    async def in_use(self) -> Counter[str]:
        """Key id → seals by it. Raises StoreDown."""
        seals = [key.sealed for key in await self._store.keys.all()]
        headers = [provider.sealed_headers for provider in await self._store.custom_providers.all()]
        return Counter(sealed_by(seal) for seal in (*seals, *headers) if seal is not None)

    @property
    def current(self) -> str:
        return self._vault.current

    async def _renew_key(self, seen: StoredKey) -> bool:
        """As it is now: it may have changed since it was seen."""
        async with self._turn.taken():
            key = await self._store.keys.get(seen.account_id, seen.gateway_id, seen.id)
            if key is None or sealed_by(key.sealed) == self._vault.current:
                return False
            try:
                sealed = self._vault.renewed(key.sealed, key_context(key))
            except SealBroken as error:
                _log.error("provider key %s cannot be sealed anew: %s", key.id, error)
                return False
            await self._store.keys.update(replace(key, sealed=sealed))
            return True

    async def _renew_headers(self, seen: StoredCustomProvider) -> bool:
        async with self._turn.taken():
            provider = await self._store.custom_providers.get(seen.account_id, seen.id)
            if provider is None or provider.sealed_headers is None or sealed_by(provider.sealed_headers) == self._vault.current:
                return False
            try:
                sealed = self._vault.renewed(provider.sealed_headers, headers_context(provider))
            except SealBroken as error:
                _log.error("headers of custom provider %s cannot be sealed anew: %s", provider.id, error)
                return False
            await self._store.custom_providers.update(replace(provider, sealed_headers=sealed))
            return True
