"""Custom providers (specification section 11): upstreams an account adds itself, reached as `custom-{slug}`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web

from gateway.control.access import READ, WRITE, Access, Caller
from gateway.control.answers import answer, invalid
from gateway.control.api.custom_bodies import NewProviderBody, ProviderBody, address_problem, headers_of
from gateway.control.api.parsing import info_of, page_of, read_body, search_of
from gateway.control.audit import author_of
from gateway.control.changes.custom_providers import CustomProviderChanges
from gateway.control.documents import MASK, custom_provider_json
from gateway.control.parameters import PAGES, boolean_of, takes
from gateway.control.seals import Seals
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid4_text
from gateway.model.faults import MANAGEMENT_FORBIDDEN, NOT_FOUND, Refusal
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import stays_within
from gateway.model.tokens import Permission
from gateway.store.reads import CustomProviderReads


class CustomProviders:
    def __init__(
        self,
        access: Access,
        customs: CustomProviderReads,
        changes: CustomProviderChanges,
        seals: Seals,
        clock: Clock,
        *,
        allow_private: bool,
    ) -> None:
        self._access = access
        self._customs = customs
        self._changes = changes
        self._seals = seals
        self._clock = clock
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
        found, total = await self._customs.page(account_id, page, search, switches)
        return answer([self._shown(stored) for stored in found], info=info_of(page, found, total, with_pages=True))

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, WRITE)
        body = await read_body(request, NewProviderBody)
        self._check_address(body.base_url)
        now = self._clock.wall()
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
        stored = self._seals.seal_headers(stored, headers)
        await self._changes.create(stored, author_of(request, caller))
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

        def change(old: StoredCustomProvider, keys: Sequence[StoredKey]) -> StoredCustomProvider:
            stored = replace(old, **given, modified_at=self._clock.wall())
            known = self._seals.known_headers(old)
            headers, kept = (known, bool(known)) if text == MASK else _unmasked(known, headers_of(text))
            if (kept or keys) and not stays_within(old.base_url, stored.base_url):
                _demand_secrets_write(caller, old.account_id)
            return self._seals.seal_headers(stored, headers) if text != MASK or known else stored

        stored = await self._changes.update(*_place(request), change, author_of(request, caller))
        return answer(self._shown(stored))

    async def delete(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, WRITE)
        stored = await self._changes.delete(*_place(request), author_of(request, caller))
        return answer(self._shown(stored))

    async def _one(self, request: web.Request) -> StoredCustomProvider:
        stored = await self._customs.get(*_place(request))
        if stored is None:
            raise Refusal(NOT_FOUND)
        return stored

    def _check_address(self, base_url: str) -> None:
        if (problem := address_problem(base_url, allow_private=self._allow_private)) is not None:
            raise invalid(problem, "body", "base_url")

    def _shown(self, stored: StoredCustomProvider) -> dict[str, Any]:
        return custom_provider_json(stored, self._seals.known_headers(stored))


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["account_id"], request.match_info["provider_id"]


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
