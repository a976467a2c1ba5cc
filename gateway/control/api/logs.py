"""The request log: list, one entry, its bodies, what people say of it, deletion (specification section 6)."""

import codecs
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import Field, field_validator

from gateway.control.access import READ, WRITE, Access
from gateway.control.answers import answer
from gateway.control.api.log_query import PARAMETERS, limit_of, log_query_of
from gateway.control.api.parsing import Body, Whole, info_of, page_of, read_body
from gateway.control.parameters import takes
from gateway.control.queries import Queries
from gateway.model import bounds
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.model.records import LogBodies
from gateway.model.tokens import hide_tokens_in
from gateway.protocol.envelope import rfc3339
from gateway.protocol.inert import INERT_FIELDS
from gateway.store.log import RequestLog
from gateway.store.log_query import EVERYTHING, LogEntry, LogQuery
from gateway.store.reads import GatewayReads

DELETE_ROWS: Final = 200
"""Entries deleted in one transaction: their bodies may be large, and the recorder waits."""
FIND_ROWS: Final = 2000
HEAD_BYTES: Final = 8192
"""How much of each body a single GET shows."""
_MOST_PER_PAGE: Final = 50
_STRANGE: Final = {**INERT_FIELDS, "Content-Disposition": "attachment", "Cache-Control": "no-store"}
"""A stored body is a stranger's text."""


class LogEdit(Body):
    feedback: Annotated[Whole, Field(ge=-1, le=1)] | None = None
    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    metadata: Annotated[dict[str, str | int | float | bool | None], Field(max_length=bounds.METADATA_ENTRIES)] | None = None

    @field_validator("metadata")
    @classmethod
    def _bounded(cls, entries: dict[str, Any] | None) -> dict[str, Any] | None:
        if entries is None:
            return None
        longest_value = max((len(value) for value in entries.values() if isinstance(value, str)), default=0)
        if max(map(len, entries), default=0) > bounds.METADATA_KEY or longest_value > bounds.METADATA_VALUE:
            raise ValueError(
                f"Expected keys of at most {bounds.METADATA_KEY} and values of at most {bounds.METADATA_VALUE} characters"
            )
        return {
            hide_tokens_in(key): hide_tokens_in(value) if isinstance(value, str) else value for key, value in entries.items()
        }


def shown(entry: LogEntry) -> dict[str, Any]:
    """The entry of section 6.1. `cost` is null where it is not known: a guess would look like a bill."""
    record = entry.record
    told: dict[str, Any] = {
        "id": record.id,
        "created_at": rfc3339(record.created_at),
        "duration": record.duration_ms,
        "cost": record.cost,
        "custom_cost": record.custom_cost is not None,
        "feedback": entry.feedback,
        "score": entry.score,
    }
    same_name = (
        "provider", "model", "model_type", "path", "status_code", "success", "cached", "tokens_in", "tokens_out", "metadata",
        "step", "request_type", "request_content_type", "response_content_type", "event_id", "user_agent", "authentication",
    )  # fmt: skip
    told |= {name: getattr(record, name) for name in same_name}
    # Ours beyond Cloudflare's: what became of the request, and how sure the token counts are.
    own = (
        "method", "outcome", "first_byte_ms", "tokens_cached", "tokens_cache_write", "tokens_reasoning", "usage_exactness",
        "token_id", "streamed", "events", "overhead_us", "auth_state", "asked", "error_code", "error_message",
        "error_cause",
    )  # fmt: skip
    return told | {name: getattr(record, name) for name in own}


def shown_alone(entry: LogEntry, bodies: LogBodies | None) -> dict[str, Any]:
    """What a single GET adds; the heads are null where no bodies are kept."""
    told = shown(entry) | {"request_size": entry.record.request_size, "response_size": entry.record.response_size}
    for side in ("request", "response"):
        head, complete = None, False
        if bodies is not None:
            complete = getattr(bodies, f"{side}_complete")
            head = _head(getattr(bodies, side), complete)
        told |= {f"{side}_head": head, f"{side}_head_complete": complete}
    return told


def _head(raw: bytes, complete: bool) -> str:
    """As text; a character cut in two at the end is left out."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(raw, final=complete)


def _content_type(raw: bytes, complete: bool) -> str:
    """JSON if it is: clients parse it, and no browser runs it. Never what the request or the provider called it."""
    try:
        if complete:
            orjson.loads(raw)
            return "application/json"
        raw.decode()
    except orjson.JSONDecodeError:
        return _content_type(raw, complete=False)
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"


class Logs:
    def __init__(self, access: Access, gateways: GatewayReads, log: RequestLog, queries: Queries) -> None:
        self._access = access
        self._gateways = gateways
        self._log = log
        self._queries = queries

    def routes(self) -> list[web.RouteDef]:
        every = "/client/v4/accounts/{account_id}/ai-gateway/gateways/{gateway_id}/logs"
        one = every + "/{log_id}"
        return [
            web.get(every, self.list),
            web.delete(every, self.delete),
            web.get(one, self.get),
            web.patch(one, self.edit),
            web.get(one + "/request", self.request_body),
            web.get(one + "/response", self.response_body),
        ]

    @takes(*PARAMETERS)
    async def list(self, request: web.Request) -> web.Response:
        account_id, gateway_id = await self._enter(request, READ)
        page = page_of(request, most=_MOST_PER_PAGE)
        query = log_query_of(request)
        found, total = await self._queries.run(request, account_id, lambda: self._log.page(account_id, gateway_id, query, page))
        return answer([shown(entry) for entry in found], info=info_of(page, found, total))

    async def get(self, request: web.Request) -> web.Response:
        account_id, gateway_id = await self._enter(request, READ)
        entry = await self._one(request)
        return answer(shown_alone(entry, await self._log.bodies(account_id, gateway_id, entry.record.id, HEAD_BYTES)))

    async def request_body(self, request: web.Request) -> web.Response:
        bodies = await self._bodies(request)
        return _bare(bodies.request, bodies.request_complete)

    async def response_body(self, request: web.Request) -> web.Response:
        bodies = await self._bodies(request)
        return _bare(bodies.response, bodies.response_complete)

    async def edit(self, request: web.Request) -> web.Response:
        """Fields left out stay; null takes the value away."""
        account_id, gateway_id = await self._enter(request, WRITE)
        changes = (await read_body(request, LogEdit)).given()
        if changes.get("metadata") is not None:
            changes["metadata"] = orjson.dumps(changes["metadata"]).decode()
        entry = await self._one(request)
        await self._log.edit(account_id, gateway_id, entry.record.id, changes)
        return answer(shown(await self._one(request)))

    @takes(*PARAMETERS)
    async def delete(self, request: web.Request) -> web.Response:
        """The first `limit` matches in the order asked for, or all of them."""
        account_id, gateway_id = await self._enter(request, WRITE)
        query, limit = log_query_of(request), limit_of(request)
        if limit is None and replace(query, order_by="created_at", descending=True, before=None) == EVERYTHING:
            await self._log.purge(account_id, gateway_id, query.before)
        else:
            await self._delete(request, query, limit)
        return web.Response(body=b'{"success":true}', content_type="application/json", headers={"Cache-Control": "no-store"})

    async def _delete(self, request: web.Request, query: LogQuery, limit: int | None) -> None:
        """In batches; it ends between two of them when the client has left."""
        account_id, gateway_id = _place(request)
        while limit is None or limit > 0:
            wanted = FIND_ROWS if limit is None else min(limit, FIND_ROWS)
            found = await self._queries.run(request, account_id, partial(self._log.find, account_id, gateway_id, query, wanted))
            for start in range(0, len(found), DELETE_ROWS):
                await self._log.delete(account_id, gateway_id, found[start : start + DELETE_ROWS])
            if len(found) < wanted:
                return
            limit = None if limit is None else limit - len(found)

    async def _enter(self, request: web.Request, permissions: tuple[str, ...]) -> tuple[str, str]:
        await self._access.allow(request, permissions)
        account_id, gateway_id = _place(request)
        if await self._gateways.get(account_id, gateway_id) is None:
            raise Refusal(NOT_FOUND)
        return account_id, gateway_id

    async def _one(self, request: web.Request) -> LogEntry:
        entry = await self._log.get(*_place(request), request.match_info["log_id"])
        if entry is None:
            raise Refusal(NOT_FOUND)
        return entry

    async def _bodies(self, request: web.Request) -> LogBodies:
        account_id, gateway_id = await self._enter(request, READ)
        bodies = await self._log.bodies(account_id, gateway_id, request.match_info["log_id"])
        if bodies is None:
            raise Refusal(NOT_FOUND)
        return bodies


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["account_id"], request.match_info["gateway_id"]


def _bare(raw: bytes, complete: bool) -> web.Response:
    """The stored body itself, no envelope."""
    content_type = _content_type(raw, complete)
    charset = "utf-8" if content_type == "text/plain" else None
    return web.Response(body=raw, content_type=content_type, charset=charset, headers=_STRANGE)
