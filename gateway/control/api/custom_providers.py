"""Custom providers (specification section 11): upstreams an account adds itself, reached as `custom-{slug}`."""

from dataclasses import replace
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.control.access import READ, WRITE, Access
from gateway.control.answers import answer, invalid
from gateway.control.api.custom_bodies import NewProviderBody, ProviderBody, address_problem, headers_of
from gateway.control.api.parsing import info_of, page_of, read_body, search_of
from gateway.control.changes import Changes, headers_context
from gateway.control.vault import SealBroken
from gateway.kit.ids import uuid4_text
from gateway.model.faults import CONFLICT, NOT_FOUND, Refusal
from gateway.protocol.envelope import rfc3339
from gateway.store.port import Conflict, StoredCustomProvider

MASK: Final = "***"
"""Shown for the value of an extra header field, which may hold a credential; sent back, it keeps the value."""
_PLAIN: Final = (
    "id", "account_id", "name", "slug", "base_url", "description", "link", "enable", "beta", "curl_example", "js_example",
    "position", "logo",
)  # fmt: skip


class CustomProviders:
    def __init__(self, access: Access, changes: Changes, *, allow_private: bool) -> None:
        self._access = access
        self._changes = changes
        self._store = changes.store
        self._allow_private = allow_private

    def routes(self) -> list[web.RouteDef]:
        every = "/client/v4/accounts/{account_id}/ai-gateway/custom-providers"
        one = every + "/{provider_id}"
        return [
            web.get(every, self.list),
            web.post(every, self.create),
            web.get(one, self.get),
            web.patch(one, self.update),
            web.delete(one, self.delete),
        ]

    async def list(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        page = page_of(request)
        found, total = await self._store.list_custom_providers(request.match_info["account_id"], page, search_of(request))
        return answer([self._shown(stored) for stored in found], info=info_of(page, found, total, with_pages=True))

    async def create(self, request: web.Request) -> web.Response:
        await self._access.allow(request, WRITE)
        body = await read_body(request, NewProviderBody)
        self._check_address(body.base_url)
        now = self._changes.clock.wall()
        fields = body.model_dump(exclude={"headers"})
        stored = StoredCustomProvider(
            id=uuid4_text(),
            account_id=request.match_info["account_id"],
            sealed_headers=None,
            logo=None,
            created_at=now,
            modified_at=now,
            **fields,
        )
        stored = self._with_headers(stored, headers_of(body.headers))
        async with self._changes.turn():
            try:
                await self._store.insert_custom_provider(stored)
            except Conflict:
                raise Refusal(CONFLICT) from None
            self._changes.put_custom(stored)
        return answer(self._shown(stored))

    async def get(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        return answer(self._shown(await self._one(request)))

    async def update(self, request: web.Request) -> web.Response:
        """PATCH: only what is given changes."""
        await self._access.allow(request, WRITE)
        body = await read_body(request, ProviderBody)
        given = body.given()
        if "base_url" in given:
            self._check_address(given["base_url"])
        headers = given.pop("headers", MASK)
        async with self._changes.turn():
            old = await self._one(request)
            stored = replace(old, **given, modified_at=self._changes.clock.wall())
            if headers != MASK:
                stored = self._with_headers(stored, self._unmasked(old, headers_of(headers)))
            try:
                await self._store.update_custom_provider(stored)
            except Conflict:
                raise Refusal(CONFLICT) from None
            self._changes.put_custom(stored)
        return answer(self._shown(stored))

    async def delete(self, request: web.Request) -> web.Response:
        await self._access.allow(request, WRITE)
        async with self._changes.turn():
            stored = await self._one(request)
            await self._store.delete_custom_provider(stored.account_id, stored.id)
            self._changes.remove_custom(stored)
        return answer(self._shown(stored))

    async def _one(self, request: web.Request) -> StoredCustomProvider:
        stored = await self._store.custom_provider(request.match_info["account_id"], request.match_info["provider_id"])
        if stored is None:
            raise Refusal(NOT_FOUND)
        return stored

    def _check_address(self, base_url: str) -> None:
        if (problem := address_problem(base_url, allow_private=self._allow_private)) is not None:
            raise invalid(problem, "body", "base_url")

    def _with_headers(self, stored: StoredCustomProvider, headers: dict[str, str]) -> StoredCustomProvider:
        if not headers:
            return replace(stored, sealed_headers=None)
        text = orjson.dumps(headers).decode()
        return replace(stored, sealed_headers=self._changes.vault.seal(text, headers_context(stored.account_id, stored.id)))

    def _unmasked(self, old: StoredCustomProvider, headers: dict[str, str]) -> dict[str, str]:
        if MASK not in headers.values():
            return headers
        known = self._headers(old)
        return {name: known.get(name, value) if value == MASK else value for name, value in headers.items()}

    def _headers(self, stored: StoredCustomProvider) -> dict[str, str]:
        try:
            return self._changes.open_headers(stored)
        except SealBroken:
            return {}

    def _shown(self, stored: StoredCustomProvider) -> dict[str, Any]:
        headers = dict.fromkeys(self._headers(stored), MASK)
        return {name: getattr(stored, name) for name in _PLAIN} | {
            "headers": orjson.dumps(headers).decode() if headers else None,
            "created_at": rfc3339(stored.created_at),
            "modified_at": rfc3339(stored.modified_at),
        }
