"""Credential → Principal: where the token is read from, and the caches that keep the check cheap.

A token is known by its keyed digest alone. What is known of it is fresh (answers at once), stale (must be confirmed, but
goes on for a bounded grace while control cannot be asked or does not answer) or unknown (must be asked; never a 401 for our
own trouble).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from cachetools import TLRUCache, TTLCache

from gateway.kit.aio import SingleFlight, spawn
from gateway.kit.clock import Clock
from gateway.kit.secret import key_id, keyed_digest
from gateway.link.port import EdgeLink, LinkBusy, LinkDown
from gateway.model.faults import CONTROL_DOWN, Refusal
from gateway.model.routes import REST_SURFACES, Endpoint, Route
from gateway.model.service import TokenCaching
from gateway.model.tokens import ANONYMOUS, INVALID, Principal, well_formed
from gateway.protocol.headers import RequestHead

_PATIENCE_S: Final = 0.05
"""How long a stale token waits for its confirmation: many times what a healthy control takes, and nothing a client notices."""

_Peppers = tuple[tuple[str, bytes], ...]
"""Ids and peppers, the newest first; empty where there is one."""


class Credential:
    """What a request presents. Compare the three special ones by identity.

    A connection keeps its credential with its head, and the credential what was last found in the cache for it: good until
    anything is revoked, then the cache is asked again.
    """

    __slots__ = ("_peppers", "_token", "digest", "found", "found_at")

    def __init__(self, digest: bytes = b"", token: bytes = b"", peppers: _Peppers = ()) -> None:
        self.digest = digest
        """By the newest pepper."""
        self._token = token
        self._peppers = peppers
        self.found: _Known | None = None
        self.found_at = -1
        """The count of revocations at that moment."""

    def digests(self) -> dict[str, bytes]:
        """By every pepper in use, as AskToken has them. Worked out for a question only: the caches go by the newest."""
        if not self._peppers:
            return {"": self.digest}
        return {name: keyed_digest(pepper, self._token) for name, pepper in self._peppers}


NONE_WANTED: Final = Credential()
"""Nobody asks: the gateway's authentication is off."""
ABSENT: Final = Credential()
_ANTHROPICS: Final = frozenset({Endpoint.MESSAGES, Endpoint.COUNT_TOKENS, Endpoint.MODELS})
"""What Anthropic's clients call; older ones send their key as `x-api-key`."""
MALFORMED: Final = Credential()
"""Not one of our tokens by its shape: dies before hash, cache and store."""


def bearer(value: bytes) -> str:
    """The token of `Bearer <token>`; a bare token counts too (specification section 2.1)."""
    scheme, space, token = value.partition(b" ")
    text = token.strip() if space and scheme.lower() in (b"bearer", b"key", b"token", b"api-key") else value
    return text.decode("ascii", "replace")


def own_token_slots(head: RequestHead) -> frozenset[bytes]:
    """The provider-key slots that hold one of our tokens. Such a field must never reach a provider."""
    slots = head.memo.get("own")
    if slots is None:
        slots = frozenset(name for name, value in head.credentials.items() if well_formed(bearer(value)))
        head.memo["own"] = slots
    return slots  # type: ignore[return-value]


class Reader:
    """Finds the credential a request presents, by the order of specification section 2.1."""

    def __init__(self, pepper: bytes, *older: bytes) -> None:
        self._pepper = pepper
        self._peppers: _Peppers = tuple((key_id(each), each) for each in (pepper, *older)) if older else ()

    def wanted(self, route: Route, head: RequestHead, asked: bool) -> Credential:
        """The credential; `asked` tells whether anybody wants one."""
        if not asked:
            return NONE_WANTED
        credential = head.memo.get("credential")
        if credential is None:
            rest = route.surface in REST_SURFACES
            credential = head.memo["credential"] = self._rest(route, head) if rest else self._gateway_tree(head)
        return credential  # type: ignore[return-value]

    def bearer(self, head: RequestHead) -> Credential:
        """What a management request presents: a Bearer token or nothing."""
        credential = head.memo.get("bearer")
        if credential is None:
            value = head.credentials.get(b"authorization")
            credential = head.memo["bearer"] = ABSENT if value is None else self._presented(value)
        return credential  # type: ignore[return-value]

    def _rest(self, route: Route, head: RequestHead) -> Credential:
        value = head.credentials.get(b"authorization")
        if value is not None:
            # Only the Bearer scheme: another one is not a token of ours.
            return self._presented(value) if value[:7].lower() == b"bearer " else MALFORMED
        if route.endpoint in _ANTHROPICS and (key := head.credentials.get(b"x-api-key")) is not None:
            return self._presented(key)
        return ABSENT

    def _gateway_tree(self, head: RequestHead) -> Credential:
        value = head.control.get(b"cf-aig-authorization")
        if value is not None:
            return self._presented(value)  # present but bad is never rescued by another slot
        for slot in sorted(own_token_slots(head)):
            return self._presented(head.credentials[slot])
        return ABSENT

    def _presented(self, value: bytes) -> Credential:
        text = bearer(value)
        if not well_formed(text):
            return MALFORMED
        token = text.encode()
        return Credential(keyed_digest(self._pepper, token), token, self._peppers)


class _Known:
    """A positive cache entry; times are monotonic seconds."""

    __slots__ = ("fresh_until", "generation", "principal", "refresh_at", "refreshing", "usable_until")

    def __init__(self, principal: Principal, now: float, generation: int, caching: TokenCaching) -> None:
        self.principal = principal
        self.generation = generation
        self.refresh_at = now + caching.ttl_s * caching.refresh_ahead
        self.fresh_until = now + caching.ttl_s
        self.usable_until = now + caching.ttl_s + caching.grace_s
        self.refreshing = False


def _lifetime(_: bytes, known: _Known, __: float) -> float:
    return known.usable_until


class Identity:
    """The caches. `known` never waits; `learn` asks control, once however many wait."""

    def __init__(self, link: EdgeLink, clock: Clock, caching: TokenCaching, count: Callable[[str], None]) -> None:
        self._link = link
        self._now = clock.monotonic
        self._caching = caching
        self._count = count
        self._good: TLRUCache[bytes, _Known] = TLRUCache(caching.positive_entries, _lifetime, timer=clock.monotonic)
        # Apart from the good ones and bounded: a flood of invented tokens evicts nothing that is valid.
        self._bad: TTLCache[bytes, bool] = TTLCache(caching.negative_entries, caching.negative_ttl_s, timer=clock.monotonic)
        self._flights: SingleFlight[bytes, Principal] = SingleFlight()
        self._aliases: dict[bytes, bytes] = {}
        """Digest by an older pepper → the one that the good ones have: control may revoke by either."""
        self._revocations = 0
        self._unanswered = False
        """The last question failed: until one is answered, nobody who is known waits for control."""
        self._trying: asyncio.Task[None] | None = None
        """The one question that finds out, meanwhile, whether control answers again."""
        self.hits = self.negatives = self.malformed = 0
        """Answers that asked nobody, by what was known. What was asked is counted by name."""

    def known(self, credential: Credential) -> Principal | None:
        """The principal if nothing has to be asked; None if it has."""
        if credential is NONE_WANTED or credential is ABSENT:
            return ANONYMOUS
        if credential is MALFORMED:
            self.malformed += 1
            return INVALID
        now = self._now()
        generation = self._link.generation
        entry = credential.found
        if (
            entry is None
            or credential.found_at != self._revocations
            or now >= entry.refresh_at
            or entry.generation != generation
        ):
            entry = credential.found = self._good.get(credential.digest)
            credential.found_at = self._revocations
        if entry is not None and entry.generation == generation:
            if now < entry.refresh_at:
                self.hits += 1
                return entry.principal
            if now < entry.fresh_until:
                self.hits += 1
                self._refresh_ahead(credential, entry)
                return entry.principal
            return None
        if entry is None and credential.digest in self._bad:
            self.negatives += 1
            return INVALID
        return None

    async def learn(self, credential: Credential, source: str = "") -> tuple[Principal, str]:
        """Ask control; the principal, and whether it is news (`miss`) or what was known before (`stale`). `source`: who wants
        to know, so that nobody's questions keep others' waiting.

        While control cannot answer, a token known before goes on within its grace, at once; any other is refused with
        CONTROL_DOWN, because a client that gets a 401 throws its key away.
        """
        digest = credential.digest
        entry = self._good.get(digest)
        if entry is not None and self._unanswered:
            self._try_again(credential, source)
            return self._stale(entry)
        asking = self._flights.run(digest, lambda: self._ask(credential, source))
        try:
            if entry is None or entry.generation != self._link.generation:
                principal = await asking  # a revocation may have been missed: only control can tell
            else:
                async with asyncio.timeout(_PATIENCE_S):
                    principal = await asking
            self._count("auth_cache|miss")
            return principal, "miss"
        except (LinkDown, TimeoutError):
            entry = self._good.get(digest)
            if entry is not None:
                return self._stale(entry)
            if digest in self._bad:
                return INVALID, "miss"
            raise Refusal(CONTROL_DOWN) from None

    def _stale(self, entry: _Known) -> tuple[Principal, str]:
        self._count("auth_cache|stale")
        return entry.principal, "stale"

    def _try_again(self, credential: Credential, source: str) -> None:
        if self._link.connected and (self._trying is None or self._trying.done()):
            self._trying = spawn(self._try(credential, source), "token-question")

    async def _try(self, credential: Credential, source: str) -> None:
        try:
            await self._flights.run(credential.digest, lambda: self._ask(credential, source))
        except LinkDown:
            return  # the next request tries again

    def revoke(self, digest: bytes) -> None:
        """Forget the token now, and what a question under way may bring."""
        self._revocations += 1
        digest = self._aliases.pop(digest, digest)
        self._good.pop(digest, None)
        self._bad.pop(digest, None)

    async def _ask(self, credential: Credential, source: str) -> Principal:
        self._count("token_questions")
        digest, digests = credential.digest, credential.digests()
        while True:
            revocations, generation = self._revocations, self._link.generation
            try:
                principal = await self._link.ask_token(digests, source)
            except LinkBusy:
                raise
            except LinkDown:
                self._unanswered = True
                raise
            self._unanswered = False
            if revocations == self._revocations:
                break
            # Something was revoked while the answer travelled: it may be older than that, so ask again.
        if principal is None:
            self._good.pop(digest, None)
            self._bad[digest] = True
            return INVALID
        self._bad.pop(digest, None)
        self._good[digest] = _Known(principal, self._now(), generation, self._caching)
        if len(digests) > 1:
            self._note_aliases(digest, digests)
        return principal

    def _note_aliases(self, digest: bytes, digests: dict[str, bytes]) -> None:
        """Bounded by the good ones: when there are twice as many as those can have, what belongs to none is dropped."""
        self._aliases.update((other, digest) for other in digests.values() if other != digest)
        if len(self._aliases) > 2 * self._caching.positive_entries * (len(digests) - 1):
            self._aliases = {other: known for other, known in self._aliases.items() if known in self._good}

    def _refresh_ahead(self, credential: Credential, entry: _Known) -> None:
        if not entry.refreshing:
            entry.refreshing = True
            spawn(self._refresh(credential, entry), "token-refresh")

    async def _refresh(self, credential: Credential, entry: _Known) -> None:
        try:
            await self._flights.run(credential.digest, lambda: self._ask(credential, ""))
        except LinkDown:
            entry.refreshing = False  # the next hit tries again; the entry stays good until it is stale
