"""Questions of the edges, and the facts they send."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from fakes.control import MovableClock
from fakes.link import FakeEdgeConnection
from fakes.store import MemoryStore

from gateway.control.access import Access
from gateway.control.access_log import AccessLog
from gateway.control.audit import Audit
from gateway.control.changes.settings import SettingsChanges
from gateway.control.counters import CounterSums
from gateway.control.hub import Facts, Hub
from gateway.control.key_trials import KeyTrials
from gateway.control.peppers import Peppers
from gateway.control.publisher import Publisher
from gateway.control.recorder import Recorder
from gateway.control.seals import Seals
from gateway.control.sessions import Sessions
from gateway.control.unauthenticated import UnauthenticatedRequests
from gateway.control.vault import Vault
from gateway.kit.aio import spawn
from gateway.link.frames import (
    AskToken,
    Counters,
    Lease,
    Leased,
    OpenDefault,
    Opened,
    Patch,
    Ready,
    Recorded,
    Records,
    Revoked,
    Snapshot,
    TokenAnswer,
    Unavailable,
)
from gateway.model.records import LogRecord
from gateway.model.stored import Account
from gateway.model.tokens import Token, mint_token

DIGEST = b"d" * 32


class Parts:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.store = MemoryStore()
        self.publisher = Publisher(self.clock, expected_edges=0, revoke_timeout_s=1)
        self.access = Access(
            Peppers(self.store.tokens, [b"p"]),
            self.store.tokens,
            self.store.accounts,
            self.clock,
            Sessions(self.store.sessions, self.clock, [b"p"], ""),
        )
        audit = Audit(self.store.audit, self.clock)
        self.changes = SettingsChanges(self.store, Seals(Vault(b"m" * 32)), self.publisher, audit, self.clock)
        self.recorder = Recorder(self.store.log)
        self.counters = CounterSums()
        self.unauthenticated = UnauthenticatedRequests(
            self.store.callers, self.store.tokens, self.clock, Peppers(self.store.tokens, [b"p"])
        )
        self.trials = KeyTrials(self.publisher, audit)
        self.hub = Hub(
            self.publisher,
            self.changes.gateways,
            self.store.tokens,
            self.access,
            Facts(self.recorder, self.counters, self.unauthenticated, AccessLog(0.0), self.trials),
        )
        self.edge = FakeEdgeConnection()
        self.hub.joined(self.edge)

    async def open(self) -> None:
        await self.store.accounts.insert(Account(id="a", name="A", created_at=1))
        await self.store.tokens.insert(TOKEN)
        await self.changes.reload()
        self.hub.received(self.edge, Ready("w", 0))


TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=DIGEST, status="active", policies=[], condition=None,
    issued_on=1, modified_on=1,
)  # fmt: skip


@pytest.fixture
async def parts() -> Parts:
    made = Parts()
    await made.open()
    return made


async def test_who_holds_a_token(parts: Parts) -> None:
    known = await parts.hub.answer(parts.edge, AskToken(1, {"": DIGEST}))
    assert isinstance(known, TokenAnswer)
    assert known.principal is not None
    assert known.principal.token_id == "t"
    assert parts.access.used == {"t": parts.clock.wall()}
    assert await parts.hub.answer(parts.edge, AskToken(2, {"": b"x"})) == TokenAnswer(2, None)
    await parts.store.tokens.update(replace(TOKEN, status="disabled"))
    assert await parts.hub.answer(parts.edge, AskToken(3, {"": DIGEST})) == TokenAnswer(3, None)


async def test_a_store_that_is_down_is_unavailable_not_unknown(parts: Parts) -> None:
    parts.store.down = True
    assert await parts.hub.answer(parts.edge, AskToken(1, {"": DIGEST})) == Unavailable(1)
    assert await parts.hub.answer(parts.edge, OpenDefault(2, "a")) == Unavailable(2)


async def test_an_unexpected_failure_is_unavailable_too(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_digests: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(parts.store.tokens, "by_digest", fail)
    assert await parts.hub.answer(parts.edge, AskToken(1, {"": DIGEST})) == Unavailable(1)


async def test_no_answer_is_older_than_a_revocation(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is read, the token is deleted and revoked, then the read returns what it saw: that must not go out."""
    may_return, read = asyncio.Event(), asyncio.Event()
    real = parts.store.tokens.by_digest

    async def slow(digests: list[bytes]) -> Any:
        found = await real(digests)
        read.set()
        await may_return.wait()
        return found

    monkeypatch.setattr(parts.store.tokens, "by_digest", slow)
    asking = spawn(parts.hub.answer(parts.edge, AskToken(1, {"": DIGEST})), "test")
    await read.wait()
    await parts.store.tokens.delete("t")
    revoking = spawn(parts.publisher.revoke(DIGEST), "test")
    await asyncio.sleep(0)
    may_return.set()
    assert await asking == TokenAnswer(1, None)
    parts.hub.received(parts.edge, Revoked(DIGEST))
    assert (await revoking).confirmed == 1


async def test_default_is_created_once_and_shown_before_the_answer(parts: Parts) -> None:
    assert await parts.hub.answer(parts.edge, OpenDefault(1, "a")) == Opened(1, True)
    patch = parts.edge.sent[-1]
    assert isinstance(patch, Patch)
    made = patch.gateways[0].gateway
    # Specification section 4.3.
    assert (made.id, made.authentication, made.collect_logs, made.cache_ttl, made.byok_only) == (
        "default",
        True,
        True,
        0,
        False,
    )
    assert (made.rate_limiting_limit, made.rate_limiting_interval, made.workers_ai_billing_mode) == (0, 0, "postpaid")
    sent = len(parts.edge.sent)
    assert await parts.hub.answer(parts.edge, OpenDefault(2, "a")) == Opened(2, True)
    assert len(parts.edge.sent) == sent
    assert await parts.hub.answer(parts.edge, OpenDefault(3, "nobody")) == Opened(3, False)


RECORD = LogRecord(
    "id", "a", "g", 1.0, "openai", "m", "chat", "POST", "p", 200, True, "completed", False, 1, 1, None, None, None, None,
    "unknown", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
)  # fmt: skip


async def test_default_for_an_edge_without_settings_comes_with_a_snapshot(parts: Parts) -> None:
    late = FakeEdgeConnection("late")
    parts.hub.joined(late)
    assert await parts.hub.answer(late, OpenDefault(1, "a")) == Opened(1, True)
    assert [type(frame) for frame in late.sent] == [Snapshot]


async def test_default_before_the_store_is_open() -> None:
    parts = Parts()
    assert await parts.hub.answer(parts.edge, OpenDefault(1, "a")) == Unavailable(1)


async def test_leases_are_granted(parts: Parts) -> None:
    assert await parts.hub.answer(parts.edge, Lease(1, "k", 5)) == Leased(1, 5)


def test_facts_go_where_they_belong() -> None:
    parts = Parts()
    parts.hub.received(parts.edge, Counters({"auth|permitted": 2, "streams_open": 1}))
    parts.hub.received(parts.edge, Records(7, []))
    assert parts.counters.gauges("streams_open") == {(): 1}
    parts.hub.left(parts.edge)
    assert parts.counters.sums["auth"] == {("permitted",): 2}
    assert parts.counters.gauges("streams_open") == {}
    assert (parts.recorder.waiting, parts.publisher.connected) == (0, 0)


async def test_records_are_confirmed_to_their_edge_once_written() -> None:
    parts = Parts()
    parts.hub.received(parts.edge, Records(7, [RECORD]))
    assert Recorded(7) not in parts.edge.sent
    parts.recorder.start()
    await parts.recorder.close(5)
    assert parts.edge.sent[-1] == Recorded(7)


async def test_a_token_found_by_an_older_pepper_is_known_by_the_newest_from_then_on(parts: Parts) -> None:
    value, peppers = mint_token(), Peppers(parts.store.tokens, [b"n" * 32, b"o" * 32])
    parts.access.peppers = peppers
    before = replace(TOKEN, id="u", **Peppers(parts.store.tokens, [b"o" * 32]).kept(value)._asdict())
    await parts.store.tokens.insert(before)
    for number in range(2):
        answer = await parts.hub.answer(parts.edge, AskToken(number, peppers.digests(value)))
        assert isinstance(answer, TokenAnswer)
        assert answer.principal is not None
        await peppers.close()
    assert parts.store.all_tokens["u"] == replace(before, **peppers.kept(value)._asdict())
    assert parts.store.calls.count("tokens.renew_digests") == 1
    old = await parts.hub.answer(parts.edge, AskToken(9, {"": before.digest}))
    assert isinstance(old, TokenAnswer)
    assert old.principal is not None, "a worker from before the rotation finds it still"
