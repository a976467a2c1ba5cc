import asyncio

import pytest
from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control import janitor as janitor_module
from gateway.control.access import Access
from gateway.control.audit import Audit
from gateway.control.changes.settings import SettingsChanges
from gateway.control.janitor import ROUND_S, Janitor
from gateway.control.peppers import Peppers
from gateway.control.publisher import Publisher
from gateway.control.rollups import KEPT_S
from gateway.control.seals import Seals
from gateway.control.sessions import Sessions
from gateway.control.unauthenticated import UnauthenticatedRequests
from gateway.control.vault import Vault
from gateway.link.frames import Unauthenticated


class Parts:
    def __init__(self) -> None:
        self.store = MemoryStore()
        clock = MovableClock()
        self.sessions = Sessions(self.store.sessions, clock, [b"p"], "")
        self.access = Access(Peppers(self.store.tokens, [b"p"]), self.store.tokens, self.store.accounts, clock, self.sessions)
        publisher = Publisher(clock, expected_edges=0, revoke_timeout_s=1)
        audit = Audit(self.store.audit, clock)
        self.changes = SettingsChanges(self.store, Seals(Vault(b"m" * 32)), publisher, audit, clock)
        self.pauses: list[float] = []
        self.unauthenticated = UnauthenticatedRequests(
            self.store.callers, self.store.tokens, clock, Peppers(self.store.tokens, [b"p"])
        )
        self.janitor = Janitor(self.store, self.access, self.changes, self.unauthenticated, pause=self.pause)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) > 10:
            await asyncio.Event().wait()


async def test_rounds_ping_every_time_and_write_token_use_now_and_then() -> None:
    parts = Parts()
    parts.access.used = {"t": 1.0}
    parts.janitor.start()
    while len(parts.pauses) <= 10:
        await asyncio.sleep(0)
    await parts.janitor.close(1)
    assert parts.store.calls.count("ping") == 11, "one at the start, one after each pause"
    assert parts.store.calls.count("tokens.touch") == 1, "nothing to write the second time"
    assert set(parts.pauses) == {ROUND_S}
    assert parts.janitor._retaining is not None
    assert parts.janitor._retaining.done(), "retention ends with it"


async def test_a_store_that_is_down_is_noticed_and_token_use_is_kept() -> None:
    parts = Parts()
    parts.access.used = {"t": 1.0}
    parts.store.down = True
    await parts.janitor.round(touch=True)
    assert (parts.janitor.store_up, parts.access.used) == (False, {"t": 1.0})
    assert parts.janitor.trouble == "the fake store is down"
    parts.store.down = False
    seen = []
    for _ in range(4):
        await parts.janitor.round(touch=True)
        seen.append(parts.janitor.store_up)
    assert (seen, parts.access.used) == ([False, False, True, True], {})


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ("......", "......"),
        ("w.....", "ddd..."),
        ("wwwwww", "dddddd"),
        ("w.w.w.", "dddddd"),
        ("w..w..", "dddddd"),
        ("w...w.", "ddd.dd"),
        ("ppp...", "ddddd."),
    ],
)
async def test_the_store_is_down_for_as_long_as_writes_fail(failing: str, expected: str) -> None:
    """Whoever's writes: `w` is somebody else's between two rounds, `p` the round's own."""
    parts = Parts()
    seen = ""
    for what in failing:
        parts.store.pools.failed_writes += what == "w"
        parts.store.down = what == "p"
        await parts.janitor.round(touch=False)
        seen += "." if parts.janitor.store_up else "d"
    assert seen == expected


async def test_a_store_that_hangs_holds_up_no_round(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts()
    monkeypatch.setattr(janitor_module, "_PING_TIMEOUT_S", 0.001)

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(60)  # nor does a clean-up that hangs too

    monkeypatch.setattr(parts.store, "ping", stuck)
    await parts.janitor.round(touch=False)
    assert parts.janitor.trouble == "it does not answer"


async def test_requests_without_a_token_are_written_each_round_and_at_the_end() -> None:
    parts = Parts()
    for rounds in (1, 2):
        parts.unauthenticated.take(Unauthenticated([("a", "g", 1)], []))
        await parts.janitor.round(touch=False)
        assert parts.store.calls.count("callers.add") == rounds
    parts.unauthenticated.take(Unauthenticated([("a", "g", 1)], []))
    await parts.janitor.close(1)
    assert parts.store.calls.count("callers.add") == 3


async def test_stale_settings_are_read_again() -> None:
    parts = Parts()
    parts.changes.turn.stale = True
    await parts.janitor.round(touch=False)
    assert (parts.changes.turn.stale, parts.changes.publisher.loaded) == (False, True)


async def test_a_failed_write_loses_no_use_of_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts()

    async def fail(_used: dict[str, float]) -> None:
        parts.access.used["t"] = 9.0
        raise TimeoutError

    monkeypatch.setattr(parts.store.tokens, "touch", fail)
    parts.access.used = {"t": 1.0, "u": 2.0}
    await parts.janitor.close(1)
    assert parts.access.used == {"t": 9.0, "u": 2.0}


async def test_old_rollups_expire_by_what_their_span_is_kept() -> None:
    parts = Parts()
    given: list[dict[int, float]] = []

    async def expire(before: dict[int, float]) -> None:
        given.append(before)

    parts.store.rollups.expire = expire  # type: ignore[method-assign]
    await parts.janitor.round(touch=False)
    assert given == []
    await parts.janitor.round(touch=False, expire=True)
    now = MovableClock().wall()
    assert given == [{span: now - kept_s for span, kept_s in KEPT_S.items()}]


async def test_the_use_of_sessions_is_written_now_and_then_and_at_the_end() -> None:
    parts = Parts()
    parts.sessions.seen = {b"key": 1.0}
    await parts.janitor.round(touch=False)
    assert parts.store.calls.count("sessions.touch") == 0
    await parts.janitor.round(touch=True, expire=True)
    assert (parts.store.calls.count("sessions.touch"), parts.store.calls.count("sessions.expire")) == (1, 1)
    parts.sessions.seen = {b"key": 2.0}
    parts.store.down = True
    await parts.janitor.round(touch=True)
    assert parts.sessions.seen == {b"key": 2.0}, "kept for the next time"
    parts.store.down = False
    await parts.janitor.close(1)
    assert parts.sessions.seen == {}
