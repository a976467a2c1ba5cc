"""The audit log (decision 0017): who did what, from where, before and after.

An entry is written in the transaction of the change it tells of, so there is never one without the other, and then told as a
line of the service's own log, whatever that log's level. Nothing that the API can change switches either off.
"""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Final

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

    def by(self, request: web.Request, caller: Caller, action: str, resource: Resource) -> AuditEntry:
        """The entry of a change that this caller is about to make."""
        account_id = request.match_info.get("account_id", caller.token.account_id)
        return self._entry(action, resource, account_id, _who(request, caller.token, caller.session is not None))

    def by_service(self, action: str, resource: Resource, account_id: str = "") -> AuditEntry:
        return self._entry(action, resource, account_id, {"actor_name": SERVICE})

    async def commit(self, entry: AuditEntry, writing: Awaitable[None]) -> None:
        """Await the write that takes the entry along, and tell of it."""
        await writing
        _log.info("%s %s", entry.action, entry.resource_type, extra={"fields": {"audit": shown(entry)}})

    async def session(self, request: web.Request, action: str, token: Token) -> None:
        """`login` or `logout` of this token's holder."""
        entry = self._entry(action, Resource("session"), token.account_id, _who(request, token, True))
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
        entry = self._entry("login", resource, "", _who(request, None, True), succeeded=False)
        try:
            await self.commit(entry, self._table.insert(entry))
        except StoreDown:
            _log.warning("a failed sign-in was not written down: the store is down")

    def _entry(
        self, action: str, resource: Resource, account_id: str, who: Mapping[str, str], *, succeeded: bool = True
    ) -> AuditEntry:
        now = self._clock.wall()
        # One id a millisecond, so that entries sort in the order they were made.
        self._last_ms = max(int(now * 1000), self._last_ms + 1)
        return AuditEntry(
            id=uuid7((self._last_ms + 0.5) / 1000),
            created_at=now,
            account_id=account_id,
            action=action,
            succeeded=succeeded,
            actor_id=who.get("actor_id", ""),
            actor_name=redact(who.get("actor_name", "")),
            interface=who.get("interface", ""),
            address=who.get("address", ""),
            resource_type=resource.kind,
            resource_id=resource.id,
            resource_name=resource.name,
            before=resource.before,
            after=resource.after,
        )


def _who(request: web.Request, token: Token | None, in_dashboard: bool) -> dict[str, str]:
    known = {} if token is None else {"actor_id": token.id, "actor_name": token.name}
    interface = "dash" if in_dashboard else "api_token"
    return {**known, "interface": interface, "address": request.headers.get(CLIENT_FIELD, "")}


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
