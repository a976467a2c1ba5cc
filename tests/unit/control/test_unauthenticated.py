"""Who would have been refused: judged by the token that came along, kept by the hour, bounded."""

from typing import Any

import pytest
from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control import unauthenticated
from gateway.control.grants import everything
from gateway.control.peppers import Peppers
from gateway.control.unauthenticated import UnauthenticatedRequests, shown
from gateway.link.frames import Unauthenticated
from gateway.model.rollups import HOUR_S, MINUTE_S
from gateway.model.tokens import Permission, Principal, Token, mint_token
from gateway.model.unauthenticated import CallerSum
from gateway.store import tables
from gateway.store.errors import StoreDown


class Rig:
    def __init__(self) -> None:
        self.store, self.clock = MemoryStore("a"), MovableClock(1_790_000_000.0)
        self.requests = UnauthenticatedRequests(
            self.store.callers, self.store.tokens, self.clock, Peppers(self.store.tokens, [b"p"])
        )

    def passed(self, digest: str = "", address: str = "192.0.2.1", requests: int = 1, gateway_id: str = "g") -> None:
        self.requests.take(Unauthenticated([], [("a", gateway_id, address, "t/1", "openai/chat", digest, requests)]))

    async def found(self, gateway_id: str = "g") -> dict[str, Any]:
        await self.requests.write()
        return await self.requests.last_day("a", gateway_id)


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_callers_without_a_token_are_told_with_how_often_and_when(rig: Rig) -> None:
    rig.passed(requests=3)
    rig.passed()
    rig.passed(address="192.0.2.2")
    found = await rig.found()
    assert (found["requests"], found["would_be_refused"]) == (5, 5)
    assert [(one["address"], one["requests"]) for one in found["callers"]] == [("192.0.2.1", 4), ("192.0.2.2", 1)]
    assert (found["callers"][0]["user_agent"], found["callers"][0]["path"]) == ("t/1", "openai/chat")
    assert found["callers"][0]["last_seen"] == "2026-09-21T14:13:20.000Z"
    assert (await rig.found("other"))["callers"] == []


async def test_a_token_is_judged_as_if_it_had_been_asked_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = {b"\x01": "good", b"\x02": "expired", b"\x03": "elsewhere", b"\x04": "disabled"}

    async def by_digest(digests: list[bytes]) -> Any:
        states = {name: "disabled" if name == "disabled" else "active" for name in tokens.values()}
        return {
            digest: type("T", (), {"id": name, "status": states[name], "pepper": ""})
            for digest, name in tokens.items()
            if digest in digests
        }

    async def in_effect(_: Any, token: Any) -> Principal | None:
        if token.status == "disabled":
            return None
        account = "b" if token.id == "elsewhere" else "a"
        grants = {account: {Permission.RUN: None}}
        return Principal(token_id=token.id, grants=grants, expires_on=1.0 if token.id == "expired" else None)

    monkeypatch.setattr(rig.store.tokens, "by_digest", by_digest)
    monkeypatch.setattr(unauthenticated, "in_effect", in_effect)
    for digest in ("01", "02", "03", "04", "05"):
        rig.passed(digest, address=digest)
    found = await rig.found()
    assert (found["requests"], found["would_be_refused"]) == (5, 4)
    assert sorted(one["address"] for one in found["callers"]) == ["02", "03", "04", "05"]


async def test_refused_requests_join_the_rollups(rig: Rig) -> None:
    rig.requests.take(Unauthenticated([("a", "g", 2), ("a", "h", 1)], []))
    rig.requests.take(Unauthenticated([("a", "g", 1)], []))
    await rig.requests.write()
    (rollup,) = await rig.store.rollups.of_gateway("a", "g", MINUTE_S, (0, 2e9))
    assert (rollup.provider, rollup.model, rollup.figures.unauthenticated, rollup.figures.requests) == ("", "", 3, 0)


async def test_a_store_that_is_down_loses_nothing(rig: Rig) -> None:
    rig.passed()
    rig.requests.take(Unauthenticated([("a", "g", 1)], []))
    rig.store.down = True
    with pytest.raises(StoreDown):
        await rig.requests.write()
    rig.passed()
    rig.store.down = False
    assert (await rig.found())["requests"] == 2
    assert (await rig.store.rollups.of_gateway("a", "g", MINUTE_S, (0, 2e9)))[0].figures.unauthenticated == 1
    calls = list(rig.store.calls)
    await rig.requests.write()
    assert list(rig.store.calls) == calls, "nothing to write is no call"


async def test_a_crowd_is_counted_but_not_told_apart(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unauthenticated, "MOST_AN_HOUR", 3)
    monkeypatch.setattr(unauthenticated, "MOST_WAITING", 6)
    for number in range(10):
        rig.passed(address=str(number))
    found = await rig.found()
    assert (found["would_be_refused"], len(found["callers"])) == (10, 4)
    assert found["callers"][0] | {"last_seen": ""} == {
        "address": "", "user_agent": "", "path": "", "requests": 7, "last_seen": "",
    }  # fmt: skip


async def test_a_day_is_kept(rig: Rig) -> None:
    rig.passed()
    assert (await rig.found())["requests"] == 1
    rig.clock.move(23 * HOUR_S)
    rig.passed(address="192.0.2.9")
    assert (await rig.found())["requests"] == 2
    rig.clock.move(2 * HOUR_S)
    assert (await rig.found())["requests"] == 1
    await rig.requests.expire()
    assert [caller["address"] for caller in rig.store.rows(tables.callers)] == ["192.0.2.9"]


def test_only_the_busiest_are_shown() -> None:
    sums = [CallerSum(False, str(number), "", "", number, 0.0) for number in range(150)]
    found = shown(0, [*sums, CallerSum(True, "", "", "", 7, 0.0)])
    assert (len(found["callers"]), found["callers"][0]["requests"]) == (100, 149)
    assert found["requests"] - found["would_be_refused"] == 7


async def test_a_token_known_by_an_older_pepper_is_judged_like_any(rig: Rig) -> None:
    peppers, value = Peppers(rig.store.tokens, [b"n" * 32, b"o" * 32]), mint_token()
    rig.requests._peppers = peppers
    kept = Peppers(rig.store.tokens, [b"o" * 32]).kept(value)
    token = Token(
        id="t", account_id="a", kind="account", name="n", status="active", policies=everything(), condition=None,
        issued_on=1, modified_on=1, **kept._asdict(),
    )  # fmt: skip
    await rig.store.tokens.insert(token)
    rig.passed(" ".join(f"{name}:{digest.hex()}" for name, digest in peppers.digests(value).items()))
    assert (await rig.found())["would_be_refused"] == 0
    await peppers.close()
    assert rig.store.all_tokens["t"].digest == peppers.kept(value).digest
