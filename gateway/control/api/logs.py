"""The request log: list, newest first, and one entry (specification section 6)."""

from typing import Any, Final

from aiohttp import web

from gateway.control.access import READ, Access
from gateway.control.answers import answer
from gateway.control.api.parsing import info_of, page_of
from gateway.control.changes import Changes
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.model.records import LogRecord
from gateway.protocol.envelope import rfc3339

_MOST_PER_PAGE: Final = 50


def shown(record: LogRecord) -> dict[str, Any]:
    """The entry of section 6.1. `cost` is null where it is not known: a guess would look like a bill."""
    entry: dict[str, Any] = {
        "id": record.id,
        "created_at": rfc3339(record.created_at),
        "duration": record.duration_ms,
        "cost": record.cost,
        "custom_cost": record.custom_cost is not None,
        "feedback": None,
    }
    same_name = (
        "provider", "model", "model_type", "path", "status_code", "success", "cached", "tokens_in", "tokens_out", "metadata",
        "step", "request_type", "request_content_type", "response_content_type", "event_id", "user_agent", "authentication",
    )  # fmt: skip
    entry |= {name: getattr(record, name) for name in same_name}
    # Ours beyond Cloudflare's: what became of the request, and how sure the token counts are.
    own = (
        "method", "outcome", "first_byte_ms", "tokens_cached", "tokens_cache_write", "tokens_reasoning", "usage_exactness",
        "token_id", "streamed", "events", "overhead_us", "auth_state",
    )  # fmt: skip
    return entry | {name: getattr(record, name) for name in own}


def shown_alone(record: LogRecord) -> dict[str, Any]:
    """What a single GET adds."""
    return shown(record) | {"request_size": record.request_size, "response_size": record.response_size}


class Logs:
    def __init__(self, access: Access, changes: Changes) -> None:
        self._access = access
        self._store = changes.store

    def routes(self) -> list[web.RouteDef]:
        every = "/client/v4/accounts/{account_id}/ai-gateway/gateways/{gateway_id}/logs"
        return [web.get(every, self.list), web.get(every + "/{log_id}", self.get)]

    async def list(self, request: web.Request) -> web.Response:
        """The filters of section 6.2 are accepted; this version pages only."""
        account_id, gateway_id = await self._enter(request)
        page = page_of(request, most=_MOST_PER_PAGE)
        found, total = await self._store.list_records(account_id, gateway_id, page)
        return answer([shown(record) for record in found], info=info_of(page, found, total))

    async def get(self, request: web.Request) -> web.Response:
        account_id, gateway_id = await self._enter(request)
        record = await self._store.record(account_id, gateway_id, request.match_info["log_id"])
        if record is None:
            raise Refusal(NOT_FOUND)
        return answer(shown_alone(record))

    async def _enter(self, request: web.Request) -> tuple[str, str]:
        await self._access.allow(request, READ)
        account_id, gateway_id = request.match_info["account_id"], request.match_info["gateway_id"]
        if await self._store.gateway(account_id, gateway_id) is None:
            raise Refusal(NOT_FOUND)
        return account_id, gateway_id
