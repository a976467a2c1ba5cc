"""Custom providers (specification section 11): upstreams an account adds itself, reached as `custom-{slug}`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.control.access import READ, WRITE, Access, Caller
from gateway.control.answers import answer, invalid
from gateway.control.api.custom_bodies import NewProviderBody, ProviderBody, address_problem, headers_of
from gateway.control.api.parsing import info_of, page_of, read_body, search_of
from gateway.control.audit import Resource
from gateway.control.changes import Changes, headers_context
from gateway.control.parameters import PAGES, boolean_of, takes
from gateway.control.vault import SealBroken
from gateway.kit.ids import uuid4_text
from gateway.model.audit import AuditEntry
from gateway.model.faults import CONFLICT, MANAGEMENT_FORBIDDEN, NOT_FOUND, Refusal
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import origin_of, stays_within
from gateway.model.tokens import Permission
from gateway.protocol.envelope import rfc3339
from gateway.store.errors import Conflict

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
        self._audit = changes.audit
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

    @takes(*PAGES, "search", "beta", "enable")
    async def list(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        page = page_of(request)
        switches = {name: value for name in ("beta", "enable") if (value := boolean_of(request, name)) is not None}
        account_id, search = request.match_info["account_id"], search_of(request)
        found, total = await self._store.custom_providers.page(account_id, page, search, switches)
        return answer([self._shown(stored) for stored in found], info=info_of(page, found, total, with_pages=True))

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, WRITE)
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
        headers, _ = _unmasked({}, headers_of(body.headers))
        stored = self._with_headers(stored, headers)
        entry = self._audit.by(request, caller, "create", self._resource(stored, after=stored))
        async with self._changes.turn():
            try:
                await self._audit.commit(entry, self._store.custom_providers.insert(stored, entry))
            except Conflict:
                raise Refusal(CONFLICT) from None
            self._changes.put_custom(stored)
        return answer(self._shown(stored))

    async def get(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        return answer(self._shown(await self._one(request)))

    async def update(self, request: web.Request) -> web.Response:
        """PATCH: only what is given changes. Whether secrets follow to another address: decision 0016."""
        caller = await self._access.allow(request, WRITE)
        body = await read_body(request, ProviderBody)
        given = body.given()
        if "base_url" in given:
            self._check_address(given["base_url"])
        text = given.pop("headers", MASK)
        async with self._changes.turn():
            old = await self._one(request)
            stored = replace(old, **given, modified_at=self._changes.clock.wall())
            known = self._headers(old)
            headers, kept = (known, bool(known)) if text == MASK else _unmasked(known, headers_of(text))
            keys = await self._store.keys.of_custom(old.account_id, old.id)
            if (kept or keys) and not stays_within(old.base_url, stored.base_url):
                _demand_secrets_write(caller, old.account_id)
            if text != MASK or known:
                stored = self._with_headers(stored, headers)
            entry = self._audit.by(request, caller, "update", self._resource(stored, before=old, after=stored))
            await self._audit.commit(entry, self._move(old, stored, keys, entry))
        return answer(self._shown(stored))

    async def _move(
        self, old: StoredCustomProvider, stored: StoredCustomProvider, keys: Sequence[StoredKey], entry: AuditEntry
    ) -> None:
        """Store and publish. The keys go first: should the store fail between the two, the same request mends it."""
        namesake = await self._store.custom_providers.by_slug(old.account_id, stored.slug)
        if namesake is not None and namesake.id != old.id:
            raise Refusal(CONFLICT)
        place = (f"custom-{stored.slug}", origin_of(stored.base_url))
        moves = place != (f"custom-{old.slug}", origin_of(old.base_url))
        if moves:
            keys = [self._changes.moved_key(key, stored) for key in keys]
            for key in keys:
                await self._store.keys.update(key)
        try:
            await self._store.custom_providers.update(stored, entry)
        except Conflict:
            raise Refusal(CONFLICT) from None
        self._changes.put_custom(stored)
        if moves:
            self._changes.put_keys_of_custom(old.account_id, f"custom-{old.slug}", keys)

    async def delete(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, WRITE)
        async with self._changes.turn():
            stored = await self._one(request)
            entry = self._audit.by(request, caller, "delete", self._resource(stored, before=stored))
            await self._audit.commit(entry, self._store.custom_providers.delete(stored.account_id, stored.id, entry))
            self._changes.remove_custom(stored)
            self._changes.put_keys_of_custom(stored.account_id, f"custom-{stored.slug}", ())
        return answer(self._shown(stored))

    async def _one(self, request: web.Request) -> StoredCustomProvider:
        stored = await self._store.custom_providers.get(request.match_info["account_id"], request.match_info["provider_id"])
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
        return replace(stored, sealed_headers=self._changes.vault.seal(text, headers_context(stored)))

    def _headers(self, stored: StoredCustomProvider) -> dict[str, str]:
        try:
            return self._changes.open_headers(stored)
        except SealBroken:
            return {}

    def _resource(
        self,
        stored: StoredCustomProvider,
        *,
        before: StoredCustomProvider | None = None,
        after: StoredCustomProvider | None = None,
    ) -> Resource:
        """The values of header fields stay hidden; that they are others shows in `headers_replaced`."""
        states = [None if one is None else self._shown(one) for one in (before, after)]
        if before is not None and after is not None and before.sealed_headers != after.sealed_headers:
            states = [(states[0] or {}) | {"headers_replaced": False}, (states[1] or {}) | {"headers_replaced": True}]
        return Resource("custom_provider", stored.id, stored.slug, before=states[0], after=states[1])

    def _shown(self, stored: StoredCustomProvider) -> dict[str, Any]:
        headers = dict.fromkeys(self._headers(stored), MASK)
        return {name: getattr(stored, name) for name in _PLAIN} | {
            "headers": orjson.dumps(headers).decode() if headers else None,
            "created_at": rfc3339(stored.created_at),
            "modified_at": rfc3339(stored.modified_at),
        }


def _unmasked(known: dict[str, str], headers: dict[str, str]) -> tuple[dict[str, str], bool]:
    """The given header fields with the values that are kept, and whether any is. A value is kept under its name."""
    by_name = {name.lower(): value for name, value in known.items()}
    masked = [name for name, value in headers.items() if value == MASK]
    if any(name.lower() not in by_name for name in masked):
        raise invalid("No value is kept for a header field that is masked", "body", "headers")
    return headers | {name: by_name[name.lower()] for name in masked}, bool(masked)


def _demand_secrets_write(caller: Caller, account_id: str) -> None:
    if not caller.principal.may(account_id, Permission.SECRETS_WRITE):
        message = "Stored keys and header values follow to another address only with Secrets Store Write"
        raise Refusal(MANAGEMENT_FORBIDDEN, message)
