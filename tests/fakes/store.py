"""The store's port in memory: for tests of control that need no database. `down` makes every call raise StoreDown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from gateway.model.audit import AuditEntry
from gateway.model.gateways import Gateway
from gateway.model.records import LogBodies, LogRecord
from gateway.model.rollups import Figures, GatewaySum, Rollup, RollupKey, fold, fold_refused
from gateway.model.unauthenticated import CallerHour, CallerSum
from gateway.store.log_query import LogEntry, LogQuery
from gateway.store.port import (
    Account,
    AuditQuery,
    Conflict,
    NewDigest,
    Page,
    StoredCustomProvider,
    StoredKey,
    StoreDown,
    StoredSession,
    Token,
)

T = TypeVar("T")


def _slice(items: list[T], page: Page) -> tuple[list[T], int]:
    start = (page.page - 1) * page.per_page
    return items[start : start + page.per_page], len(items)


class MemoryStore:
    def __init__(self) -> None:
        self.down = False
        self.failed_writes = 0
        self.opened = False
        self.calls: list[str] = []
        self._accounts: dict[str, Account] = {}
        self._gateways: dict[tuple[str, str], Gateway] = {}
        self.tokens: dict[str, Token] = {}
        self._keys: dict[str, StoredKey] = {}
        self._customs: dict[str, StoredCustomProvider] = {}
        self.records: dict[str, LogRecord] = {}
        self.kept_bodies: dict[str, LogBodies] = {}
        self.purging: list[tuple[str, str]] = []
        self.rolled_up: dict[RollupKey, Figures] = {}
        self.sessions: dict[bytes, StoredSession] = {}
        self.seen_callers: dict[CallerHour, tuple[int, float]] = {}
        self.settings: dict[str, str] = {}
        self.audited: list[AuditEntry] = []

    def _used(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise StoreDown("the fake store is down")

    def _note(self, entry: AuditEntry | None) -> None:
        if entry is not None:
            self.audited.append(entry)

    async def insert_audit(self, entry: AuditEntry) -> None:
        self._used("insert_audit")
        self._note(entry)

    async def list_audit(self, accounts: Sequence[str], query: AuditQuery) -> list[AuditEntry]:
        self._used("list_audit")
        return [entry for entry in self.audited if entry.account_id in accounts][: query.limit]

    async def expire_audit(self, before: float) -> None:
        self._used("expire_audit")
        self.audited = [entry for entry in self.audited if entry.created_at >= before]

    @staticmethod
    def _insert(rows: dict[Any, Any], key: object, row: object) -> None:
        if key in rows:
            raise Conflict("taken")
        rows[key] = row

    async def open(self) -> None:
        self._used("open")
        self.opened = True

    async def close(self) -> None:
        self.opened = False

    async def ping(self) -> None:
        self._used("ping")

    async def accounts(self) -> list[Account]:
        self._used("accounts")
        return list(self._accounts.values())

    async def account(self, account_id: str) -> Account | None:
        self._used("account")
        return self._accounts.get(account_id)

    async def insert_account(self, account: Account, entry: AuditEntry | None = None) -> None:
        self._used("insert_account")
        self._note(entry)
        self._insert(self._accounts, account.id, account)

    async def all_gateways(self) -> list[Gateway]:
        self._used("all_gateways")
        return list(self._gateways.values())

    async def list_gateways(self, account_id: str, page: Page, search: str = "") -> tuple[list[Gateway], int]:
        self._used("list_gateways")
        found = [each for each in self._gateways.values() if each.account_id == account_id and search in each.id]
        return _slice(found[::-1], page)

    async def gateway(self, account_id: str, gateway_id: str) -> Gateway | None:
        self._used("gateway")
        return self._gateways.get((account_id, gateway_id))

    async def insert_gateway(self, gateway: Gateway, entry: AuditEntry | None = None) -> None:
        self._used("insert_gateway")
        self._note(entry)
        self._insert(self._gateways, (gateway.account_id, gateway.id), gateway)

    async def update_gateway(self, gateway: Gateway, entry: AuditEntry | None = None) -> None:
        self._used("update_gateway")
        self._note(entry)
        self._gateways[gateway.account_id, gateway.id] = gateway

    async def delete_gateway(self, account_id: str, gateway_id: str, entry: AuditEntry | None = None) -> None:
        self._used("delete_gateway")
        self._note(entry)
        self._gateways.pop((account_id, gateway_id), None)
        for key in list(self._keys.values()):
            if (key.account_id, key.gateway_id) == (account_id, gateway_id):
                del self._keys[key.id]

    async def list_tokens(
        self,
        account_id: str,
        page: Page,
        *,
        kind: str | None = None,
        descending: bool = True,
        expired_before: float | None = None,
    ) -> tuple[list[Token], int]:
        self._used("list_tokens")
        found = [
            token
            for token in self.tokens.values()
            if token.account_id == account_id
            and kind in (None, token.kind)
            and not (expired_before is not None and token.expires_on is not None and token.expires_on < expired_before)
        ]
        return _slice(sorted(found, key=lambda token: token.issued_on, reverse=descending), page)

    async def token(self, token_id: str) -> Token | None:
        self._used("token")
        return self.tokens.get(token_id)

    async def tokens_made_by(self, makers: Sequence[str]) -> list[Token]:
        self._used("tokens_made_by")
        return [token for token in self.tokens.values() if token.maker_id in makers]

    async def tokens_by_digest(self, digests: Sequence[bytes]) -> dict[bytes, Token]:
        self._used("tokens_by_digest")
        return {digest: token for token in self.tokens.values() for digest in token.known_by if digest in digests}

    async def renew_digests(self, renewed: Sequence[NewDigest]) -> None:
        self._used("renew_digests")
        for was, digest, pepper, older in renewed:
            for token in [one for one in self.tokens.values() if one.digest == was]:
                self.tokens[token.id] = replace(token, digest=digest, pepper=pepper, older_digest=older)

    async def forget_older_digests(self) -> None:
        self._used("forget_older_digests")
        self.tokens = {name: replace(token, older_digest=None) for name, token in self.tokens.items()}

    async def tokens_by_pepper(self, now: float) -> dict[str, int]:
        self._used("tokens_by_pepper")
        return dict(Counter(t.pepper for t in self.tokens.values() if t.expires_on is None or t.expires_on > now))

    async def insert_token(self, token: Token, entry: AuditEntry | None = None) -> None:
        self._used("insert_token")
        self._note(entry)
        self._insert(self.tokens, token.id, token)

    async def update_token(self, token: Token, entry: AuditEntry | None = None) -> None:
        self._used("update_token")
        self._note(entry)
        self.tokens[token.id] = token

    async def delete_token(self, token_id: str, entry: AuditEntry | None = None) -> None:
        self._used("delete_token")
        self._note(entry)
        self.tokens.pop(token_id, None)
        self.sessions = {key: one for key, one in self.sessions.items() if one.token_id != token_id}

    async def session(self, key: bytes) -> StoredSession | None:
        self._used("session")
        return self.sessions.get(key)

    async def insert_session(self, session: StoredSession, most: int) -> None:
        self._used("insert_session")
        self.sessions[session.key] = session
        mine = sorted((one.opened_at, key) for key, one in self.sessions.items() if one.token_id == session.token_id)
        for _, key in mine[:-most]:
            del self.sessions[key]

    async def delete_session(self, key: bytes) -> None:
        self._used("delete_session")
        self.sessions.pop(key, None)

    async def touch_sessions(self, seen: dict[bytes, float]) -> None:
        self._used("touch_sessions")
        for key, moment in seen.items():
            if key in self.sessions:
                self.sessions[key] = replace(self.sessions[key], seen_at=max(moment, self.sessions[key].seen_at))

    async def expire_sessions(self, opened_before: float, seen_before: float) -> None:
        self._used("expire_sessions")
        self.sessions = {
            key: one for key, one in self.sessions.items() if one.opened_at >= opened_before and one.seen_at >= seen_before
        }

    async def touch_tokens(self, used: dict[str, float]) -> None:
        self._used("touch_tokens")
        for token_id, moment in used.items():
            if token_id in self.tokens:
                self.tokens[token_id] = replace(self.tokens[token_id], last_used_on=moment)

    async def all_keys(self) -> list[StoredKey]:
        self._used("all_keys")
        return list(self._keys.values())

    async def list_keys(self, account_id: str, gateway_id: str, page: Page) -> tuple[list[StoredKey], int]:
        self._used("list_keys")
        return _slice([k for k in self._keys.values() if (k.account_id, k.gateway_id) == (account_id, gateway_id)], page)

    async def key(self, account_id: str, gateway_id: str, key_id: str) -> StoredKey | None:
        self._used("key")
        key = self._keys.get(key_id)
        return key if key is not None and (key.account_id, key.gateway_id) == (account_id, gateway_id) else None

    async def keys_of_custom(self, account_id: str, custom_id: str) -> list[StoredKey]:
        self._used("keys_of_custom")
        return [key for key in self._keys.values() if (key.account_id, key.custom_id) == (account_id, custom_id)]

    async def insert_key(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        self._used("insert_key")
        self._note(entry)
        place = (key.account_id, key.gateway_id, key.provider, key.alias)
        if any((k.account_id, k.gateway_id, k.provider, k.alias) == place for k in self._keys.values()):
            raise Conflict("taken")
        self._keys[key.id] = key

    async def update_key(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        self._used("update_key")
        self._note(entry)
        self._keys[key.id] = key

    async def delete_key(self, account_id: str, gateway_id: str, key_id: str, entry: AuditEntry | None = None) -> None:
        self._used("delete_key")
        self._note(entry)
        self._keys.pop(key_id, None)

    async def all_custom_providers(self) -> list[StoredCustomProvider]:
        self._used("all_custom_providers")
        return list(self._customs.values())

    async def list_custom_providers(
        self, account_id: str, page: Page, search: str = "", switches: Mapping[str, bool] | None = None
    ) -> tuple[list[StoredCustomProvider], int]:
        self._used("list_custom_providers")
        found = [each for each in self._customs.values() if each.account_id == account_id and search in each.name]
        found = [each for each in found if all(getattr(each, name) is value for name, value in (switches or {}).items())]
        return _slice(found[::-1], page)

    async def custom_provider(self, account_id: str, provider_id: str) -> StoredCustomProvider | None:
        self._used("custom_provider")
        found = self._customs.get(provider_id)
        return found if found is not None and found.account_id == account_id else None

    async def custom_provider_by_slug(self, account_id: str, slug: str) -> StoredCustomProvider | None:
        self._used("custom_provider_by_slug")
        return next((each for each in self._customs.values() if (each.account_id, each.slug) == (account_id, slug)), None)

    async def insert_custom_provider(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        self._used("insert_custom_provider")
        self._note(entry)
        self._refuse_slug(provider)
        self._customs[provider.id] = provider

    async def update_custom_provider(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        self._used("update_custom_provider")
        self._note(entry)
        self._refuse_slug(provider)
        self._customs[provider.id] = provider

    def _refuse_slug(self, provider: StoredCustomProvider) -> None:
        for other in self._customs.values():
            if (other.account_id, other.slug) == (provider.account_id, provider.slug) and other.id != provider.id:
                raise Conflict("taken")

    async def delete_custom_provider(self, account_id: str, provider_id: str, entry: AuditEntry | None = None) -> None:
        self._used("delete_custom_provider")
        self._note(entry)
        self._customs.pop(provider_id, None)
        self._keys = {name: key for name, key in self._keys.items() if key.custom_id != provider_id}

    async def insert_records(self, records: list[LogRecord]) -> None:
        self._used("insert_records")
        new = [record for record in {record.id: record for record in records}.values() if record.id not in self.records]
        self.records.update((record.id, record) for record in new)
        for key, figures in fold(new).items():
            if key in self.rolled_up:
                self.rolled_up[key].merge(figures)
            else:
                self.rolled_up[key] = figures

    async def rollups(self, account_id: str, gateway_id: str, span: int, period: tuple[float, float]) -> list[Rollup]:
        self._used("rollups")
        return [
            Rollup(key.start, key.provider, key.model, figures)
            for key, figures in sorted(self.rolled_up.items(), key=lambda item: item[0])
            if key[:3] == (account_id, gateway_id, span) and period[0] <= key.start < period[1]
        ]

    async def gateway_sums(self, account_id: str, span: int, period: tuple[float, float]) -> list[GatewaySum]:
        self._used("gateway_sums")
        added: dict[tuple[str, int], Figures] = {}
        for key, figures in sorted(self.rolled_up.items(), key=lambda item: item[0]):
            if (key.account_id, key.span) == (account_id, span) and period[0] <= key.start < period[1]:
                added.setdefault((key.gateway_id, key.start), Figures()).merge(figures)
        return [
            GatewaySum(*at, f.requests, f.errors, f.cached, f.tokens_in, f.tokens_out, f.priced, f.cost)
            for at, f in added.items()
        ]

    async def expire_rollups(self, before: dict[int, float]) -> None:
        self._used("expire_rollups")
        self.rolled_up = {key: each for key, each in self.rolled_up.items() if key.start >= before.get(key.span, 0)}

    def _log(self, account_id: str, gateway_id: str) -> list[LogRecord]:
        found = [r for r in self.records.values() if (r.account_id, r.gateway_id) == (account_id, gateway_id)]
        return sorted(found, key=lambda r: r.created_at, reverse=True)

    async def list_records(self, account_id: str, gateway_id: str, query: LogQuery, page: Page) -> tuple[list[LogEntry], int]:
        """Newest first; the query is not looked at."""
        self._used("list_records")
        return _slice([LogEntry(record) for record in self._log(account_id, gateway_id)], page)

    async def record(self, account_id: str, gateway_id: str, record_id: str) -> LogEntry | None:
        self._used("record")
        return next((LogEntry(r) for r in self._log(account_id, gateway_id) if r.id == record_id), None)

    async def insert_bodies(self, bodies: Sequence[LogBodies]) -> None:
        self._used("insert_bodies")
        for one in bodies:
            if one.id in self.records:
                self.kept_bodies.setdefault(one.id, one)

    async def bodies(self, account_id: str, gateway_id: str, record_id: str, head_bytes: int | None = None) -> LogBodies | None:
        self._used("bodies")
        return self.kept_bodies.get(record_id)

    async def edit_record(self, account_id: str, gateway_id: str, record_id: str, changes: Mapping[str, Any]) -> None:
        self._used("edit_record")

    async def find_records(self, account_id: str, gateway_id: str, query: LogQuery, limit: int) -> list[str]:
        self._used("find_records")
        return [record.id for record in self._log(account_id, gateway_id)][:limit]

    async def delete_records(self, account_id: str, gateway_id: str, record_ids: Sequence[str]) -> None:
        self._used("delete_records")
        for record_id in record_ids:
            self.records.pop(record_id, None)

    async def purge_records(self, account_id: str, gateway_id: str, before: float | None = None) -> None:
        self._used("purge_records")
        self.purging.append((account_id, gateway_id))

    async def purges(self) -> list[tuple[str, str]]:
        self._used("purges")
        return list(self.purging)

    async def purge_batch(self, account_id: str, gateway_id: str, rows: int) -> int:
        taken = await self.delete_oldest(account_id, gateway_id, rows)
        if taken < rows:
            self.purging.remove((account_id, gateway_id))
        return taken

    async def record_counts(self) -> dict[tuple[str, str], int]:
        self._used("record_counts")
        return dict(Counter((record.account_id, record.gateway_id) for record in self.records.values()))

    async def delete_oldest(self, account_id: str, gateway_id: str, rows: int) -> int:
        self._used("delete_oldest")
        oldest = self._log(account_id, gateway_id)[::-1][:rows]
        for record in oldest:
            del self.records[record.id]
        return len(oldest)

    async def add_unauthenticated(
        self, refused: Mapping[tuple[str, str], int], callers: Mapping[CallerHour, int], now: float
    ) -> None:
        self._used("add_unauthenticated")
        for key, figures in fold_refused(refused, now).items():
            self.rolled_up.setdefault(key, Figures()).merge(figures)
        for caller, requests in callers.items():
            before = self.seen_callers.get(caller, (0, 0.0))[0]
            self.seen_callers[caller] = (before + requests, now)

    async def callers(self, account_id: str, gateway_id: str, since: int) -> list[CallerSum]:
        self._used("callers")
        found: dict[tuple[bool, str, str, str], tuple[int, float]] = {}
        for caller, (requests, seen) in self.seen_callers.items():
            if (caller.account_id, caller.gateway_id) == (account_id, gateway_id) and caller.hour >= since:
                before, last = found.get(caller[3:], (0, 0.0))
                found[caller[3:]] = (before + requests, max(last, seen))
        return [CallerSum(*who, *sums) for who, sums in found.items()]

    async def expire_callers(self, before: int) -> None:
        self._used("expire_callers")
        self.seen_callers = {caller: sums for caller, sums in self.seen_callers.items() if caller.hour >= before}

    async def setting(self, name: str) -> str | None:
        self._used("setting")
        return self.settings.get(name)

    async def settings_of(self, prefix: str) -> dict[str, str]:
        self._used("settings_of")
        return {name: value for name, value in self.settings.items() if name.startswith(prefix)}

    async def delete_setting(self, name: str) -> None:
        self._used("delete_setting")
        self.settings.pop(name, None)

    async def put_setting(self, name: str, value: str) -> None:
        self._used("put_setting")
        self.settings[name] = value
