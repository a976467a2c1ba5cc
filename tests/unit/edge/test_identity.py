"""Where the credential is read from, and what is known of it for how long."""

import asyncio
from collections import Counter
from itertools import count

import pytest
from fakes.clock import FakeClock
from fakes.edge import PEPPER, runner
from fakes.link import FakeLink

from gateway.edge import identity as identity_module
from gateway.edge.identity import (
    ABSENT,
    MALFORMED,
    NONE_WANTED,
    Credential,
    Identity,
    Reader,
    bearer,
    own_token_slots,
)
from gateway.kit.secret import key_id, keyed_digest
from gateway.model.faults import CONTROL_DOWN, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import TokenCaching
from gateway.model.tokens import ANONYMOUS, INVALID, Principal, mint_token
from gateway.protocol.headers import RequestHead

TOKEN, OTHER = mint_token(), mint_token()
NATIVE = Route(Surface.PROVIDER_NATIVE, "a", "g1", "openai")
CHAT = Route(Surface.REST_V1, "a", endpoint=Endpoint.CHAT)
MESSAGES = Route(Surface.REST_V1, "a", endpoint=Endpoint.MESSAGES)
COUNT = Route(Surface.REST_V1, "a", endpoint=Endpoint.COUNT_TOKENS)
MODELS = Route(Surface.REST_V1, "a", endpoint=Endpoint.MODELS)
RUN = Route(Surface.REST_RUN, "a", endpoint=Endpoint.RUN)
GOOD = runner()


def head(fields: dict[str, str]) -> RequestHead:
    raw = tuple((name.encode(), value.encode()) for name, value in fields.items())
    return RequestHead(raw, http_10=False, limit_bytes=65_536)


# --- reading ------------------------------------------------------------------------------------

PLACES: list[tuple[Route, dict[str, str], str | Credential]] = [
    (NATIVE, {"cf-aig-authorization": f"Bearer {TOKEN}"}, TOKEN),
    (NATIVE, {"CF-AIG-Authorization": f"bearer  {TOKEN} "}, TOKEN),
    (NATIVE, {"cf-aig-authorization": TOKEN}, TOKEN),
    (NATIVE, {}, ABSENT),
    (NATIVE, {"authorization": "Bearer sk-provider"}, ABSENT),
    (NATIVE, {"authorization": f"Bearer {TOKEN}"}, TOKEN),
    (NATIVE, {"x-goog-api-key": TOKEN}, TOKEN),
    (NATIVE, {"authorization": f"Key {TOKEN}"}, TOKEN),
    (NATIVE, {"cf-aig-authorization": "Bearer undefined"}, MALFORMED),
    (NATIVE, {"cf-aig-authorization": ""}, MALFORMED),
    (NATIVE, {"cf-aig-authorization": f"Bearer {TOKEN[:-1]}"}, MALFORMED),
    (NATIVE, {"cf-aig-authorization": f"Bearer {TOKEN[:-1]}é"}, MALFORMED),
    (NATIVE, {"cf-aig-authorization": "Bearer bad", "authorization": f"Bearer {TOKEN}"}, MALFORMED),
    (NATIVE, {"cf-aig-authorization": f"Bearer {TOKEN}", "authorization": f"Bearer {OTHER}"}, TOKEN),
    (CHAT, {"authorization": f"Bearer {TOKEN}"}, TOKEN),
    (RUN, {"authorization": f"BEARER {TOKEN}"}, TOKEN),
    (CHAT, {"authorization": TOKEN}, MALFORMED),
    (CHAT, {"authorization": f"Basic {TOKEN}"}, MALFORMED),
    (CHAT, {"cf-aig-authorization": f"Bearer {TOKEN}"}, ABSENT),
    (CHAT, {"x-api-key": TOKEN}, ABSENT),
    (MESSAGES, {"x-api-key": TOKEN}, TOKEN),
    (COUNT, {"x-api-key": TOKEN}, TOKEN),
    (MODELS, {"x-api-key": TOKEN}, TOKEN),
    (MODELS, {"authorization": f"Bearer {TOKEN}", "x-api-key": OTHER}, TOKEN),
    (RUN, {"x-api-key": TOKEN}, ABSENT),
    (MESSAGES, {"x-api-key": "sk-ant"}, MALFORMED),
    (MESSAGES, {"authorization": "Bearer bad", "x-api-key": TOKEN}, MALFORMED),
]


@pytest.mark.parametrize(("route", "fields", "expected"), PLACES, ids=count())
def test_where_the_token_is_read_from(route: Route, fields: dict[str, str], expected: str | Credential) -> None:
    found = Reader(PEPPER).wanted(route, head(fields), True)
    if isinstance(expected, str):
        assert found.digest == keyed_digest(PEPPER, expected.encode())
    else:
        assert found is expected


def test_nobody_looks_where_nobody_asks() -> None:
    assert Reader(PEPPER).wanted(NATIVE, head({"cf-aig-authorization": TOKEN}), False) is NONE_WANTED


def test_what_a_head_presents_is_remembered_and_asked_for_only_where_somebody_wants_it() -> None:
    reader, same = Reader(PEPPER), head({"authorization": f"Bearer {TOKEN}", "cf-aig-authorization": f"Bearer {OTHER}"})
    first = reader.wanted(NATIVE, same, True)
    assert first.digest == keyed_digest(PEPPER, OTHER.encode())
    assert reader.wanted(NATIVE, same, False) is NONE_WANTED
    assert reader.wanted(NATIVE, same, True) is first


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer x", "x"),
        (b"x", "x"),
        (b"Key x", "x"),
        (b"Basic x", "Basic x"),
        (b"", ""),
        (b"Bearer ", ""),
        (b"B\xff", "B\ufffd"),
    ],
)
def test_bearer(value: bytes, token: str) -> None:
    assert bearer(value) == token


def test_slots_that_hold_our_tokens() -> None:
    mixed = head({"authorization": f"Bearer {TOKEN}", "x-api-key": "sk", "api-key": OTHER})
    assert own_token_slots(mixed) == {b"authorization", b"api-key"}


# --- caching ------------------------------------------------------------------------------------


class Rig:
    def __init__(self, **caching: float) -> None:
        self.clock = FakeClock()
        self.link = FakeLink()
        self.counted: Counter[str] = Counter()
        self.caching = TokenCaching(**caching)  # type: ignore[arg-type]
        self.identity = Identity(self.link, self.clock, self.caching, lambda name: self.counted.update([name]))

    def admit(self, digest: bytes = b"d", principal: Principal = GOOD) -> Credential:
        self.link.principals[digest] = principal
        return Credential(digest)

    async def ask(self, credential: Credential) -> Principal:
        """As the lifecycle does."""
        return self.identity.known(credential) or (await self.identity.learn(credential))[0]

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_the_three_special_ones_are_never_asked_about() -> None:
    rig = Rig()
    assert rig.identity.known(NONE_WANTED) is ANONYMOUS
    assert rig.identity.known(ABSENT) is ANONYMOUS
    assert rig.identity.known(MALFORMED) is INVALID
    assert rig.link.asked == []


async def test_fresh_ones_answer_at_once() -> None:
    rig = Rig()
    credential = rig.admit()
    assert rig.identity.known(credential) is None
    assert await rig.ask(credential) is GOOD
    rig.clock.advance(44)
    assert rig.identity.known(credential) is GOOD
    await rig.settle()
    assert rig.link.asked == [b"d"]


async def test_a_hit_late_in_life_renews_in_the_background() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.clock.advance(46)  # behind three quarters of 60
    renewed = rig.admit(principal=runner(token_id="renewed"))
    for _ in range(5):
        assert rig.identity.known(renewed) is GOOD
    await rig.settle()
    assert rig.link.asked == [b"d", b"d"], "one renewal however many hits"
    known = rig.identity.known(credential)
    assert known is not None
    assert known.token_id == "renewed"
    rig.clock.advance(44)
    assert rig.identity.known(credential) is not None


async def test_a_renewal_that_finds_control_down_changes_nothing() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.clock.advance(50)
    rig.link.cut()
    for expected in (2, 3):
        assert rig.identity.known(credential) is GOOD
        await rig.settle()
        assert len(rig.link.asked) == expected, "the next hit tries again"


async def test_a_renewal_that_finds_the_token_gone_forgets_it() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.clock.advance(50)
    rig.link.principals.clear()
    assert rig.identity.known(credential) is GOOD
    await rig.settle()
    assert rig.identity.known(credential) is INVALID


async def test_stale_ones_are_asked_about_again() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.clock.advance(60)
    assert rig.identity.known(credential) is None
    assert await rig.ask(credential) is GOOD
    assert len(rig.link.asked) == 2


async def test_grace_is_bounded() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.cut()
    rig.clock.advance(659)
    assert await rig.ask(credential) is GOOD
    assert rig.counted["auth_cache|stale"] == 1
    rig.clock.advance(1)
    with pytest.raises(Refusal) as refused:
        await rig.ask(credential)
    assert refused.value.fault is CONTROL_DOWN


async def test_unknown_while_control_is_down_is_503_never_401() -> None:
    rig = Rig()
    rig.link.cut()
    with pytest.raises(Refusal) as refused:
        await rig.ask(Credential(b"never seen"))
    assert refused.value.fault is CONTROL_DOWN


async def test_unknown_ones_are_remembered_for_a_moment() -> None:
    rig = Rig()
    credential = Credential(b"d")
    assert await rig.ask(credential) is INVALID
    rig.clock.advance(4)
    assert rig.identity.known(credential) is INVALID
    rig.clock.advance(1)
    rig.admit()
    assert await rig.ask(credential) is GOOD, "a token that was made meanwhile works"
    assert len(rig.link.asked) == 2


async def test_a_flood_of_invented_tokens_evicts_no_good_one() -> None:
    rig = Rig(negative_entries=10, positive_entries=10)
    credential = rig.admit()
    await rig.ask(credential)
    for number in range(100):
        await rig.ask(Credential(b"x%d" % number))
    assert rig.identity.known(credential) is GOOD
    assert len(rig.identity._bad) == 10


async def test_a_thousand_first_requests_are_one_question() -> None:
    rig = Rig()
    rig.link.gate = asyncio.Event()
    credential = rig.admit()
    waiting = [asyncio.create_task(rig.ask(credential)) for _ in range(1000)]
    await rig.settle()
    rig.link.gate.set()
    assert set(map(id, await asyncio.gather(*waiting))) == {id(GOOD)}
    assert rig.link.asked == [b"d"]
    assert (rig.counted["token_questions"], rig.counted["auth_cache|miss"]) == (1, 1000)


async def test_a_leader_that_leaves_fails_nobody() -> None:
    rig = Rig()
    rig.link.gate = asyncio.Event()
    credential = rig.admit()
    leader = asyncio.create_task(rig.ask(credential))
    await rig.settle()
    follower = asyncio.create_task(rig.ask(credential))
    await rig.settle()
    leader.cancel()
    rig.link.gate.set()
    assert await follower is GOOD
    assert rig.link.asked == [b"d"]
    assert rig.identity.known(credential) is GOOD


# --- a control that does not answer -------------------------------------------------------------


async def test_a_stale_token_does_not_wait_for_a_control_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_module, "_PATIENCE_S", 0.001)
    rig = Rig()
    known = [rig.admit(b"%d" % number) for number in range(3)]
    for credential in known:
        await rig.ask(credential)
    rig.link.asked.clear()
    rig.link.gate = asyncio.Event()
    rig.clock.advance(rig.caching.ttl_s)
    for _ in range(3):
        for credential in known:
            assert await rig.identity.learn(credential) == (GOOD, "stale")
    assert sorted(map(str, rig.link.asked)) == ["b'0'", "b'1'", "b'2'"], "each is asked about once, in the background"
    rig.link.gate.set()
    await rig.settle()
    assert [rig.identity.known(credential) for credential in known] == [GOOD] * 3, "the late answers count"


async def test_while_questions_fail_the_known_go_on_at_once_behind_a_single_one() -> None:
    rig = Rig()
    known = [rig.admit(b"%d" % number) for number in range(5)]
    for credential in known:
        await rig.ask(credential)
    rig.link.failing = True
    with pytest.raises(Refusal):
        await rig.ask(Credential(b"unknown"))
    rig.link.asked.clear()
    rig.link.gate = asyncio.Event()
    rig.clock.advance(rig.caching.ttl_s)
    for _ in range(10):
        for credential in known:
            assert await rig.identity.learn(credential) == (GOOD, "stale")
    assert not rig.link.asked, "none of fifty waited: not even the loop turned"
    await rig.settle()
    assert len(rig.link.asked) == 1
    rig.link.failing = False
    rig.link.gate.set()
    await rig.settle()
    assert [await rig.identity.learn(credential) for credential in known] == [(GOOD, "miss")] * 5, "it answers again"


async def test_while_questions_fail_a_token_past_its_grace_and_a_revoked_one_are_refused() -> None:
    rig = Rig()
    revoked, old = rig.admit(b"r"), rig.admit(b"o")
    for credential in (revoked, old):
        await rig.ask(credential)
    rig.identity.revoke(b"r")
    rig.link.failing = True
    for credential, seconds in ((revoked, 0), (revoked, 61), (old, 600)):
        rig.clock.advance(seconds)
        with pytest.raises(Refusal) as refused:
            await rig.ask(credential)
        assert refused.value.fault is CONTROL_DOWN


async def test_a_link_that_is_cut_is_not_asked_again_and_again() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.cut()
    rig.clock.advance(rig.caching.ttl_s)
    for _ in range(10):
        assert await rig.identity.learn(credential) == (GOOD, "stale")
    await rig.settle()
    assert len(rig.link.asked) == 2, "the first request found out"


async def test_behind_a_new_connection_a_stale_token_waits_for_the_word() -> None:
    """A revocation may have been missed: short patience is for those that cannot have."""
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.rejoin()
    rig.link.gate = asyncio.Event()
    asking = asyncio.create_task(rig.ask(credential))
    await asyncio.sleep(identity_module._PATIENCE_S * 3)
    assert not asking.done()
    rig.link.principals.clear()
    rig.link.gate.set()
    assert await asking is INVALID


async def test_a_crowd_of_questions_says_nothing_of_control() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.busy = True
    with pytest.raises(Refusal):
        await rig.ask(Credential(b"flood"))
    rig.link.busy = False
    rig.clock.advance(rig.caching.ttl_s)
    assert await rig.identity.learn(credential) == (GOOD, "miss"), "control is asked as ever"


async def test_who_asks_is_told_to_the_link() -> None:
    rig = Rig()
    await rig.identity.learn(rig.admit(), "192.0.2.7")
    assert rig.link.sources == ["192.0.2.7"]


async def test_a_revocation_is_in_force_at_once() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.principals.clear()
    rig.identity.revoke(b"d")
    assert rig.identity.known(credential) is None
    assert await rig.ask(credential) is INVALID


async def test_a_revocation_ends_the_grace_too() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.identity.revoke(b"d")
    rig.link.cut()
    with pytest.raises(Refusal):
        await rig.ask(credential)


async def test_an_answer_that_a_revocation_overtook_is_not_kept() -> None:
    """The question left before the revocation, its answer comes after: it may be older, so it is asked again."""
    rig = Rig()
    rig.link.gate = asyncio.Event()
    credential = rig.admit()
    asking = asyncio.create_task(rig.ask(credential))
    await rig.settle()
    answered = rig.link.ask_token

    async def gone(digest: bytes, source: str = "") -> None:
        await answered(digest, source)

    rig.identity.revoke(b"d")
    rig.link.ask_token = gone  # type: ignore[method-assign]
    rig.link.gate.set()
    assert await asking is INVALID
    assert rig.link.asked == [b"d", b"d"], "the first answer said good"
    assert rig.identity.known(credential) is INVALID


async def test_a_new_connection_makes_everything_stale() -> None:
    """A revocation may have been missed while the link was down."""
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.rejoin()
    assert rig.identity.known(credential) is None
    rig.link.principals.clear()
    assert await rig.ask(credential) is INVALID


async def test_behind_a_new_connection_one_question_is_enough() -> None:
    """Connections keep their credential, and with it what was found for it: that must not be asked about again and again."""
    rig = Rig()
    kept = [rig.admit(), rig.admit()]
    for credential in kept:
        await rig.ask(credential)
    rig.link.rejoin()
    for _ in range(3):
        for credential in kept:
            assert await rig.ask(credential) is GOOD
    assert rig.link.asked == [b"d", b"d"]


async def test_what_a_connection_found_does_not_outlive_a_revocation() -> None:
    rig = Rig()
    kept, other = rig.admit(), rig.admit(b"other")
    await rig.ask(kept)
    assert rig.identity.known(kept) is GOOD
    rig.identity.revoke(b"other")
    assert rig.identity.known(kept) is GOOD, "only the revoked one is forgotten"
    assert rig.identity.known(other) is None
    rig.link.principals.clear()
    rig.identity.revoke(b"d")
    assert rig.identity.known(kept) is None


async def test_a_new_connection_that_is_lost_again_still_spares_the_known() -> None:
    rig = Rig()
    credential = rig.admit()
    await rig.ask(credential)
    rig.link.rejoin()
    rig.link.cut()
    assert await rig.ask(credential) is GOOD
    assert rig.counted["auth_cache|stale"] == 1


async def test_the_cache_is_bounded() -> None:
    rig = Rig(positive_entries=3)
    for number in range(10):
        await rig.ask(rig.admit(b"%d" % number))
    assert len(rig.identity._good) == 3


# --- several peppers ----------------------------------------------------------------------------

NEWER = b"newer"


def presented(*peppers: bytes, token: str = TOKEN) -> Credential:
    return Reader(*peppers).wanted(NATIVE, head({"cf-aig-authorization": f"Bearer {token}"}), True)


def test_a_credential_is_known_by_the_newest_pepper_and_asked_about_by_all() -> None:
    old, new = (keyed_digest(pepper, TOKEN.encode()) for pepper in (PEPPER, NEWER))
    both = presented(NEWER, PEPPER)
    assert both.digest == new
    assert list(both.digests().items()) == [(key_id(NEWER), new), (key_id(PEPPER), old)]
    assert presented(PEPPER).digests() == {"": old}


@pytest.mark.parametrize("known_by", [PEPPER, NEWER])
async def test_a_token_is_revoked_by_whichever_digest_control_has(known_by: bytes) -> None:
    rig, credential = Rig(), presented(NEWER, b"between", PEPPER)
    digest = keyed_digest(known_by, TOKEN.encode())
    rig.link.principals[digest] = GOOD
    assert await rig.ask(credential) is GOOD
    assert rig.identity.known(credential) is GOOD
    del rig.link.principals[digest]
    rig.identity.revoke(digest)
    assert rig.identity.known(credential) is None
    assert await rig.ask(credential) is INVALID


async def test_refreshing_and_trying_again_ask_by_all_peppers_too() -> None:
    rig, credential = Rig(), presented(NEWER, PEPPER)
    rig.link.principals[keyed_digest(PEPPER, TOKEN.encode())] = GOOD
    await rig.ask(credential)
    rig.clock.advance(50)
    assert rig.identity.known(credential) is GOOD
    await rig.settle()
    assert len(rig.link.asked) == 2
    rig.clock.advance(61)
    rig.link.failing = True
    assert await rig.ask(credential) is GOOD
    rig.link.failing = False
    assert await rig.ask(credential) is GOOD
    await rig.settle()
    assert rig.identity.known(credential) is GOOD


async def test_aliases_are_bounded_by_the_good_ones_and_none_of_those_loses_its_own() -> None:
    rig = Rig(positive_entries=4)
    tokens = [mint_token() for _ in range(50)]
    for token in tokens:
        rig.link.principals[keyed_digest(PEPPER, token.encode())] = GOOD
        await rig.ask(presented(NEWER, PEPPER, token=token))
        assert len(rig.identity._aliases) <= 8
    for token in tokens[-4:]:
        credential = presented(NEWER, PEPPER, token=token)
        assert rig.identity.known(credential) is GOOD
        rig.identity.revoke(keyed_digest(PEPPER, token.encode()))
        assert rig.identity.known(credential) is None


async def test_a_flood_leaves_no_aliases() -> None:
    rig = Rig()
    for _ in range(20):
        assert await rig.ask(presented(NEWER, PEPPER, token=mint_token())) is INVALID
    assert rig.identity._aliases == {}
