"""The audit log (decision 0017): who did what, from where, before and after.

An entry is written in the transaction of the change it tells of, so there is never one without the other, and then told as a
line of the service's own log, whatever that log's level. Nothing that the API can change switches either off.
"""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Final, NamedTuple

from aiohttp import web

from gateway.control.access import CLIENT_FIELD, Caller
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid7
from gateway.model.audit import SERVICE, AuditEntry
from gateway.model.tokens import Token
from gateway.protocol.envelope import rfc3339
from gateway.store.audit import AuditTable
from gateway.store.errors import StoreDown
from gateway.telemetry.logging import AUDIT_LOGGER, redact

MOST_FAILURES: Final = 20
"""Failed sign-ins written down in one minute: strangers cause them, and must not fill the disk. More are counted."""
_MINUTE_S: Final = 60.0
_ALWAYS_NEW: Final = frozenset({"modified_on", "modified_at", "last_used_on"})

_log = logging.getLogger(AUDIT_LOGGER)

Shown = Mapping[str, Any]


class Author(NamedTuple):
    """Who changes something, and from where."""

    account_id: str = ""
    """Where the change is; empty for what concerns the whole service."""
    actor_id: str = ""
    actor_name: str = ""
    interface: str = ""
    address: str = ""


def author_of(request: web.Request, caller: Caller) -> Author:
    account_id = request.match_info.get("account_id", caller.token.account_id)
    return _holder(request, account_id, caller.token, in_dashboard=caller.session is not None)


def by_service(account_id: str = "") -> Author:
    return Author(account_id, actor_name=SERVICE)


def _holder(request: web.Request, account_id: str, token: Token | None, *, in_dashboard: bool) -> Author:
    who = ("", "") if token is None else (token.id, token.name)
    return Author(account_id, *who, "dash" if in_dashboard else "api_token", request.headers.get(CLIENT_FIELD, ""))


class Resource:
    """What a change is about, and those of its fields that changed, as the API shows them."""

    def __init__(
        self, kind: str, resource_id: str = "", name: str = "", *, before: Shown | None = None, after: Shown | None = None
    ) -> None:
        self.kind = kind
        self.id = resource_id
        self.name = redact(name)
        self.before = _differing(before, after)
        self.after = _differing(after, before)


def _differing(shown: Shown | None, other: Shown | None) -> dict[str, Any] | None:
    """The fields of `shown` that `other` has not, or otherwise; texts that look like secrets are hidden."""
    if shown is None:
        return None
    fields = {name: value for name, value in shown.items() if name not in _ALWAYS_NEW}
    changed = {name: value for name, value in fields.items() if other is None or other.get(name) != value}
    hidden: dict[str, Any] = _hidden(changed)
    return hidden


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _hidden(one) for name, one in value.items()}
    return [_hidden(one) for one in value] if isinstance(value, list) else value


class Audit:
    def __init__(self, table: AuditTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._last_ms = 0
        self._minute = -1
        self._failures = 0
        self._left_out = 0

    async def commit(self, entry: AuditEntry, writing: Awaitable[None]) -> None:
        """Await the write that takes the entry along, and tell of it."""
        await writing
        _log.info("%s %s", entry.action, entry.resource_type, extra={"fields": {"audit": shown(entry)}})

    async def session(self, request: web.Request, action: str, token: Token) -> None:
        """`login` or `logout` of this token's holder."""
        author = _holder(request, token.account_id, token, in_dashboard=True)
        await self.write(self.entry(author, action, Resource("session")))

    async def write(self, entry: AuditEntry) -> None:
        """One that tells of no change in the store."""
        await self.commit(entry, self._table.insert(entry))

    async def sign_in_failed(self, request: web.Request) -> None:
        """A store that is down costs the row, not the answer."""
        minute = int(self._clock.monotonic() // _MINUTE_S)
        if minute != self._minute:
            self._minute, self._failures = minute, 0
        if self._failures >= MOST_FAILURES:
            self._left_out += 1
            return
        self._failures += 1
        left_out, self._left_out = self._left_out, 0
        resource = Resource("session", after={"failures_not_recorded": left_out} if left_out else None)
        author = _holder(request, "", None, in_dashboard=True)
        try:
            await self.write(self.entry(author, "login", resource, succeeded=False))
        except StoreDown:
            _log.warning("a failed sign-in was not written down: the store is down")

    def entry(self, author: Author, action: str, resource: Resource, *, succeeded: bool = True) -> AuditEntry:
        now = self._clock.wall()
        # One id a millisecond, so that entries sort in the order they were made.
        self._last_ms = max(int(now * 1000), self._last_ms + 1)
        return AuditEntry(
            id=uuid7((self._last_ms + 0.5) / 1000),
            created_at=now,
            account_id=author.account_id,
            action=action,
            succeeded=succeeded,
            actor_id=author.actor_id,
            actor_name=redact(author.actor_name),
            interface=author.interface,
            address=author.address,
            resource_type=resource.kind,
            resource_id=resource.id,
            resource_name=resource.name,
            before=resource.before,
            after=resource.after,
        )


def shown(entry: AuditEntry) -> dict[str, Any]:
    """In the shape of Cloudflare's audit logs, with `before` and `after` of ours."""
    return {
        "id": entry.id,
        "account": {"id": entry.account_id or None},
        "action": {
            "type": entry.action,
            "result": "success" if entry.succeeded else "failure",
            "time": rfc3339(entry.created_at),
        },
        "actor": {
            "id": entry.actor_id or None,
            "type": "system" if entry.actor_name == SERVICE and not entry.actor_id else "user",
            "context": entry.interface or None,
            "ip_address": entry.address or None,
            "token_id": entry.actor_id or None,
            "token_name": entry.actor_name or None,
        },
        "resource": {
            "id": entry.resource_id or None,
            "type": entry.resource_type,
            "name": entry.resource_name or None,
            "product": "ai_gateway",
        },
        "before": entry.before,
        "after": entry.after,
    }
