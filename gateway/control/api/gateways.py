"""Gateways: list, create, get, replace, delete, and the base URL per provider (specification sections 1.3 and 4)."""

import re
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, Self

from aiohttp import web
from pydantic import Field, model_validator

from gateway.control.access import READ, WRITE, Access
from gateway.control.answers import answer, invalid, refuse_absent
from gateway.control.api.parsing import GATEWAY_ID, MAX_INT, Body, Text, Whole, info_of, page_of, read_body, search_of
from gateway.control.audit import author_of
from gateway.control.changes.gateways import GatewayChanges
from gateway.control.documents import gateway_json
from gateway.control.parameters import PAGES, takes
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid4_text
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.model.gateways import Gateway
from gateway.model.not_here import SETTINGS, is_off
from gateway.store.reads import GatewayReads

_PROVIDER: Final = re.compile(r"[A-Za-z0-9-]{1,80}")
_CATEGORIES: Final = frozenset({*(f"S{number}" for number in range(1, 14)), "P1"})

Count = Annotated[Whole, Field(ge=0, le=MAX_INT)]
Settings = dict[str, Any]


class GatewayBody(Body):
    """What PUT takes; fields without a default are required by the specification."""

    read_only = frozenset({"id", "internal_id", "account_id", "account_tag", "created_at", "modified_at", "is_default"})

    cache_invalidate_on_update: bool
    cache_ttl: Count | None
    collect_logs: bool
    rate_limiting_interval: Count | None
    rate_limiting_limit: Count | None
    rate_limiting_technique: Literal["fixed", "sliding"] | None = None
    authentication: bool = True
    collect_log_payloads: bool = False
    byok_only: bool = False
    log_management: Annotated[Whole, Field(ge=10_000, le=10_000_000)] | None = None
    log_management_strategy: Literal["STOP_INSERTING", "DELETE_OLDEST"] | None = None
    log_classification: bool = False
    logpush: bool = False
    logpush_public_key: Annotated[Text, Field(min_length=16, max_length=1024)] | None = None
    retry_max_attempts: Annotated[Whole, Field(ge=1, le=5)] | None = None
    retry_delay: Annotated[Whole, Field(ge=0, le=60_000)] | None = None
    retry_backoff: Literal["constant", "linear", "exponential"] | None = None
    spend_limits: Settings | None = None
    guardrails: Settings | None = None
    dlp: Settings | None = None
    otel: list[Settings] | None = None
    stripe: Settings | None = None
    store_id: Annotated[Text, Field(max_length=256)] | None = None
    workers_ai_billing_mode: Literal["postpaid", "unified"] = "postpaid"
    zdr: bool = False

    def given(self) -> dict[str, Any]:
        """An object that says "off" is stored as none: its other fields mean nothing yet, and nobody checked them."""
        fields = super().given()
        return fields | {name: None for name, value in fields.items() if isinstance(value, dict) and is_off(value)}

    @model_validator(mode="after")
    def _guardrails_known(self) -> Self:
        for side, categories in (self.guardrails or {}).items():
            if side not in ("prompt", "response") or not isinstance(categories, dict):
                raise ValueError("guardrails: expected objects named prompt and response")
            if not categories.keys() <= _CATEGORIES or not set(map(str, categories.values())) <= {"FLAG", "BLOCK"}:
                raise ValueError("guardrails: expected categories S1..S13 and P1 with FLAG or BLOCK")
        return self


class NewGatewayBody(GatewayBody):
    read_only = GatewayBody.read_only - {"id"}
    id: Annotated[str, Field(pattern=GATEWAY_ID)]


_DEFAULTS: Final = {name: field.default for name, field in GatewayBody.model_fields.items()}


class Gateways:
    def __init__(self, access: Access, gateways: GatewayReads, changes: GatewayChanges, clock: Clock, public_url: str) -> None:
        self._access = access
        self._gateways = gateways
        self._changes = changes
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    def routes(self) -> list[web.RouteDef]:
        every = "/client/v4/accounts/{account_id}/ai-gateway/gateways"
        one = every + "/{gateway_id}"
        return [
            web.get(every, self.list),
            web.post(every, self.create),
            web.get(one, self.get),
            web.put(one, self.update),
            web.delete(one, self.delete),
            web.get(one + "/url/{provider}", self.url),
        ]

    @takes(*PAGES, "search")
    async def list(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        page = page_of(request)
        found, total = await self._gateways.page(_account(request), page, search_of(request))
        return answer([gateway_json(gateway) for gateway in found], info=info_of(page, found, total))

    async def create(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, WRITE)
        body = await read_body(request, NewGatewayBody)
        refuse_absent(body.given(), SETTINGS, _DEFAULTS)
        now = self._clock.wall()
        gateway = Gateway(
            account_id=_account(request), internal_id=uuid4_text(), created_at=now, modified_at=now, **body.given()
        )
        await self._changes.create(gateway, author_of(request, caller))
        return answer(gateway_json(gateway))

    async def get(self, request: web.Request) -> web.Response:
        await self._access.allow(request, READ)
        return answer(gateway_json(await self._one(request)))

    async def update(self, request: web.Request) -> web.Response:
        """Fields left out stay as they are (section 4.2)."""
        caller = await self._access.allow(request, WRITE)
        body = await read_body(request, GatewayBody)
        refuse_absent(body.given(), SETTINGS, _DEFAULTS)

        def change(old: Gateway) -> Gateway:
            return replace(old, **body.given(), modified_at=self._clock.wall())

        gateway = await self._changes.update(_place(request), change, author_of(request, caller))
        return answer(gateway_json(gateway))

    async def delete(self, request: web.Request) -> web.Response:
        caller = await self._access.allow(request, WRITE)
        gateway = await self._changes.delete(_place(request), author_of(request, caller))
        return answer(gateway_json(gateway))

    async def url(self, request: web.Request) -> web.Response:
        """The base URL for a provider's own SDK, such as `{origin}/v1/{account}/{gateway}/openai`."""
        await self._access.allow(request, READ)
        gateway = await self._one(request)
        provider = request.match_info["provider"]
        if not _PROVIDER.fullmatch(provider):
            raise invalid("Expected a provider's name", "params", "provider")
        return answer(f"{self._public_url}/v1/{gateway.account_id}/{gateway.id}/{provider}")

    async def _one(self, request: web.Request) -> Gateway:
        gateway = await self._gateways.get(*_place(request))
        if gateway is None:
            raise Refusal(NOT_FOUND)
        return gateway


def _account(request: web.Request) -> str:
    return request.match_info["account_id"]


def _place(request: web.Request) -> tuple[str, str]:
    return _account(request), request.match_info["gateway_id"]
