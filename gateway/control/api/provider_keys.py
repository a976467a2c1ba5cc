"""Stored provider keys (BYOK, specification section 12): sealed in the store, opened for the edges only, never returned."""

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, Field

from gateway.control.access import READ, SECRETS_WRITE, Access
from gateway.control.answers import answer, invalid, refuse_absent
from gateway.control.api.parsing import MAX_INT, Body, Whole, info_of, page_of, read_body
from gateway.control.audit import author_of
from gateway.control.changes.keys import KeyChanges
from gateway.control.documents import key_json
from gateway.control.parameters import PAGES, takes
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid4_text
from gateway.model.faults import NOT_FOUND, PROVIDER_NEEDS_SIGNING, Refusal
from gateway.model.gateways import Gateway
from gateway.model.not_here import KEY_SETTINGS
from gateway.model.page import Page
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import Provider, is_host, origin_of
from gateway.providers import registry
from gateway.store.reads import CustomProviderReads, GatewayReads, KeyReads

_NOT_IN_FIELD: Final = re.compile(r"[^\x21-\x7e]")
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


class ProviderKeys:
    def __init__(
        self,
        access: Access,
        gateways: GatewayReads,
        keys: KeyReads,
        customs: CustomProviderReads,
        changes: KeyChanges,
        clock: Clock,
    ) -> None:
        self._access = access
        self._gateways = gateways
        self._keys = keys
        self._customs = customs
        self._changes = changes
        self._clock = clock

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
        gateway = await self._gateways.get(*_place(request))
        if gateway is None:
            raise Refusal(NOT_FOUND)
        page = page_of(request)
        found, total = await self._keys.page(gateway.account_id, gateway.id, page)
        return answer([key_json(key) for key in found], info=info_of(page, found, total))

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, SECRETS_WRITE)
        body = await read_body(request, KeyBody)
        refuse_absent(body.given(), KEY_SETTINGS, {})

        async def draft(gateway: Gateway) -> StoredKey:
            provider, custom = await self._provider(gateway.account_id, body.provider_slug)
            _check_hosts(body.hosts, provider)
            return self._draft(gateway, body, provider, custom)

        key = await self._changes.create(_place(request), draft, body.secret, author_of(request, caller))
        return answer(key_json(key))

    async def _provider(self, account_id: str, slug: str) -> tuple[Provider, StoredCustomProvider | None]:
        """By slug or alias, and the account's own row of a custom one. What is none is refused with the nearest name."""
        if slug.startswith("custom-"):
            custom = await self._customs.by_slug(account_id, slug.removeprefix("custom-"))
            if custom is not None:
                return registry.custom(custom.slug, custom.base_url), custom
        elif (provider := registry.find(slug)) is not None:
            if provider.signed:
                raise Refusal(PROVIDER_NEEDS_SIGNING)
            return provider, None
        customs, _ = await self._customs.page(account_id, Page(per_page=MAX_INT))
        raise invalid("Unknown provider" + _nearest(slug, [custom.slug for custom in customs]), "body", "provider_slug")

    def _draft(self, gateway: Gateway, body: KeyBody, provider: Provider, custom: StoredCustomProvider | None) -> StoredKey:
        now = self._clock.wall()
        return StoredKey(
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

    async def update(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, SECRETS_WRITE)
        body = await read_body(request, SecretBody)

        def change(old: StoredKey) -> StoredKey:
            _check_hosts(body.hosts, registry.find(old.provider))
            hosts = old.hosts if body.hosts is None else body.hosts
            return replace(old, hosts=hosts, modified_at=self._clock.wall())

        author = author_of(request, caller)
        key = await self._changes.replace(_place(request), request.match_info["key_id"], change, body.secret, author)
        return answer(key_json(key))

    async def delete(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, SECRETS_WRITE)
        key = await self._changes.delete(_place(request), request.match_info["key_id"], author_of(request, caller))
        return answer(key_json(key))


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["account_id"], request.match_info["gateway_id"]


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
