"""What handlers of the API may ask of the tables of settings. They change nothing by themselves: `control.changes` does."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.model.gateways import Gateway
from gateway.model.page import Page
from gateway.model.stored import Account, StoredCustomProvider, StoredKey
from gateway.model.tokens import Token


class AccountReads(Protocol):
    async def all(self) -> list[Account]: ...
    async def get(self, account_id: str) -> Account | None: ...


class GatewayReads(Protocol):
    async def get(self, account_id: str, gateway_id: str) -> Gateway | None: ...
    async def page(self, account_id: str, page: Page, search: str = "") -> tuple[list[Gateway], int]: ...


class TokenReads(Protocol):
    async def get(self, token_id: str) -> Token | None: ...
    async def made_by(self, makers: Sequence[str]) -> list[Token]: ...
    async def count_by_pepper(self, now: float) -> dict[str, int]: ...
    async def page(
        self,
        account_id: str,
        page: Page,
        *,
        kind: str | None = None,
        descending: bool = True,
        expired_before: float | None = None,
    ) -> tuple[list[Token], int]: ...


class KeyReads(Protocol):
    async def get(self, account_id: str, gateway_id: str, key_id: str) -> StoredKey | None: ...
    async def page(self, account_id: str, gateway_id: str, page: Page) -> tuple[list[StoredKey], int]: ...


class CustomProviderReads(Protocol):
    async def get(self, account_id: str, provider_id: str) -> StoredCustomProvider | None: ...
    async def by_slug(self, account_id: str, slug: str) -> StoredCustomProvider | None: ...
    async def page(
        self, account_id: str, page: Page, search: str = "", switches: Mapping[str, bool] | None = None
    ) -> tuple[list[StoredCustomProvider], int]: ...


class FactReads(Protocol):
    async def get(self, name: str) -> str | None: ...
