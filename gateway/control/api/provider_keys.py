"""Stored provider keys (BYOK, specification section 12): sealed in the store, opened for the edges only, never returned."""

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import AfterValidator, Field

from gateway.control.access import READ, SECRETS_WRITE, Access
from gateway.control.answers import answer, invalid, refuse_absent
from gateway.control.api.parsing import MAX_INT, Body, Whole, info_of, page_of, read_body
from gateway.control.audit import Resource
from gateway.control.changes import Changes, key_context
from gateway.control.parameters import PAGES, takes
from gateway.kit.ids import uuid4_text
from gateway.model.faults import CONFLICT, NOT_FOUND, PROVIDER_NEEDS_SIGNING, Refusal
from gateway.model.gateways import Gateway
from gateway.model.not_here import KEY_SETTINGS
from gateway.model.page import Page
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import Provider, is_host, origin_of
from gateway.protocol.envelope import rfc3339
from gateway.providers import registry
from gateway.store.errors import Conflict

_NOT_IN_FIELD: Final = re.compile(r"[^\x21-\x7e]")
_SHOWN_FROM: Final = 20
"""Shorter keys show nothing of themselves."""
_PERIOD_S: Final = 60


def _secret(text: str) -> str:
    """A key travels in a header field, so it is printable; a credential document (JSON) is not sent as it is."""
    if not text.startswith("{") and _NOT_IN_FIELD.search(text):
        raise ValueError("A key holds printable ASCII characters without spaces")
    return text


def _host(text: str) -> str:
    if not is_host(text):
        raise ValueError("Expected the name of a host")
    return text.lower()


SecretText = Annotated[str, Field(min_length=1, max_length=65_536), AfterValidator(_secret)]
Host = Annotated[str, Field(max_length=253), AfterValidator(_host)]


class SecretBody(Body):
    secret: SecretText
    hosts: Annotated[list[Host], Field(max_length=64)] | None = None
    """Ours beyond Cloudflare's: where the key may go, for providers whose host a request names (decision 0016)."""


class KeyBody(SecretBody):
    read_only = frozenset({"secret_id"})  # ignored at Cloudflare too: keys are looked up by name (section 12)
    provider_slug: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,71}\z")]
    alias: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}\z")]
    default_config: bool = False
    rate_limit: Annotated[Whole, Field(ge=0, le=MAX_INT)] | None = None
    rate_limit_period: Annotated[Whole, Field(ge=1, le=MAX_INT)] | None = None


def preview_of(secret: str) -> str:
    """Enough to tell keys apart: `sk-…abcd`."""
    return f"{secret[:3]}…{secret[-4:]}" if len(secret) >= _SHOWN_FROM and not secret.startswith("{") else "…"


def shown(key: StoredKey) -> dict[str, Any]:
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


def _resource(key: StoredKey, *, before: StoredKey | None = None, after: StoredKey | None = None) -> Resource:
    """Not even the preview of a key goes into a log; that it is another one shows in `replaced`."""
    states = [None if one is None else shown(one) | {"secret_preview": None} for one in (before, after)]
    if before is not None and after is not None and before.sealed != after.sealed:
        states = [(states[0] or {}) | {"replaced": False}, (states[1] or {}) | {"replaced": True}]
    return Resource("provider_key", key.id, f"{key.gateway_id}/{key.provider}/{key.alias}", before=states[0], after=states[1])


class ProviderKeys:
    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._changes = changes
        self._store = changes.store
        self._audit = changes.audit

    def routes(self) -> list[web.RouteDef]:
        every = "/client/v4/accounts/{account_id}/ai-gateway/gateways/{gateway_id}/provider_configs"
        one = every + "/{key_id}"
        return [
            web.get(every, self.list),
            web.post(every, self.create),
            web.put(one, self.update),
            web.delete(one, self.delete),
        ]

    @takes(*PAGES)
    async def list(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        gateway = await self._gateway(request)
        page = page_of(request)
        found, total = await self._store.keys.page(gateway.account_id, gateway.id, page)
        return answer([shown(key) for key in found], info=info_of(page, found, total))

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, SECRETS_WRITE)
        body = await read_body(request, KeyBody)
        refuse_absent(body.given(), KEY_SETTINGS, {})
        async with self._changes.turn():
            gateway = await self._gateway(request)
            provider, custom = await self._provider(gateway.account_id, body.provider_slug)
            _check_hosts(body.hosts, provider)
            key = self._new_key(gateway, body, provider, custom)
            entry = self._audit.by(request, caller, "create", _resource(key, after=key))
            try:
                await self._audit.commit(entry, self._store.keys.insert(key, entry))
            except Conflict:
                raise Refusal(CONFLICT) from None
            if key.default_config:
                await self._end_other_default(key)
            self._changes.put_key(gateway, key, body.secret)
        return answer(shown(key))

    async def _provider(self, account_id: str, slug: str) -> tuple[Provider, StoredCustomProvider | None]:
        """By slug or alias, and the account's own row of a custom one. What is none is refused with the nearest name."""
        if slug.startswith("custom-"):
            custom = await self._store.custom_providers.by_slug(account_id, slug.removeprefix("custom-"))
            if custom is not None:
                return registry.custom(custom.slug, custom.base_url), custom
        elif (provider := registry.find(slug)) is not None:
            if provider.signed:
                raise Refusal(PROVIDER_NEEDS_SIGNING)
            return provider, None
        customs, _ = await self._store.custom_providers.page(account_id, Page(per_page=MAX_INT))
        raise invalid("Unknown provider" + _nearest(slug, [custom.slug for custom in customs]), "body", "provider_slug")

    async def _end_other_default(self, key: StoredKey) -> None:
        keys, _ = await self._store.keys.page(key.account_id, key.gateway_id, Page(per_page=MAX_INT))
        for other in keys:
            if other.default_config and other.provider == key.provider and other.id != key.id:
                await self._store.keys.update(replace(other, default_config=False))

    def _new_key(self, gateway: Gateway, body: KeyBody, provider: Provider, custom: StoredCustomProvider | None) -> StoredKey:
        now = self._changes.clock.wall()
        blank = StoredKey(
            id=uuid4_text(),
            account_id=gateway.account_id,
            gateway_id=gateway.id,
            provider=provider.slug,
            alias=body.alias,
            default_config=body.default_config,
            sealed=b"",
            preview="",
            rate_limit=body.rate_limit,
            rate_limit_period=body.rate_limit_period or _PERIOD_S,
            created_at=now,
            modified_at=now,
            custom_id=None if custom is None else custom.id,
            origin="" if custom is None else origin_of(custom.base_url),
            hosts=body.hosts or [],
        )
        return self._sealed(blank, body.secret)

    def _sealed(self, key: StoredKey, secret: str) -> StoredKey:
        return replace(key, sealed=self._changes.vault.seal(secret, key_context(key)), preview=preview_of(secret))

    async def update(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, SECRETS_WRITE)
        body = await read_body(request, SecretBody)
        async with self._changes.turn():
            gateway, old = await self._gateway(request), await self._one(request)
            _check_hosts(body.hosts, registry.find(old.provider))
            hosts = old.hosts if body.hosts is None else body.hosts
            key = replace(self._sealed(old, body.secret), hosts=hosts, modified_at=self._changes.clock.wall())
            entry = self._audit.by(request, caller, "update", _resource(key, before=old, after=key))
            await self._audit.commit(entry, self._store.keys.update(key, entry))
            self._changes.put_key(gateway, key, body.secret)
        return answer(shown(key))

    async def delete(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, SECRETS_WRITE)
        async with self._changes.turn():
            gateway, key = await self._gateway(request), await self._one(request)
            entry = self._audit.by(request, caller, "delete", _resource(key, before=key))
            await self._audit.commit(entry, self._store.keys.delete(key.account_id, key.gateway_id, key.id, entry))
            self._changes.remove_key(gateway, key)
        return answer(shown(key))

    async def _gateway(self, request: web.Request) -> Gateway:
        gateway = await self._store.gateways.get(request.match_info["account_id"], request.match_info["gateway_id"])
        if gateway is None:
            raise Refusal(NOT_FOUND)
        return gateway

    async def _one(self, request: web.Request) -> StoredKey:
        where = request.match_info
        key = await self._store.keys.get(where["account_id"], where["gateway_id"], where["key_id"])
        if key is None:
            raise Refusal(NOT_FOUND)
        return key


def _check_hosts(hosts: list[str] | None, provider: Provider | None) -> None:
    if hosts and (provider is None or provider.key_hosts is None):
        raise invalid("Requests have no say in the host of this provider", "body", "hosts")


def _nearest(slug: str, customs: list[str]) -> str:
    """The end of a message: the name that was meant, if one is near."""
    own = [f"custom-{name}" for name in customs]
    known = {name.lower(): name for name in (*(name for one in registry.PROVIDERS for name in (one.slug, *one.aliases)), *own)}
    wanted = slug.lower()
    near = [f"custom-{wanted}"] if f"custom-{wanted}" in known else get_close_matches(wanted, known, 1)
    return f"; the nearest is {known[near[0]]}" if near else ""
