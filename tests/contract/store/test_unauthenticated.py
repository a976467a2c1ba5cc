"""Callers without a valid token: added up by the hour, gone with their gateway and after a while; refusals join the rollups."""

from gateway.model.rollups import DAY_S, HOUR_S, SPANS_S
from gateway.model.unauthenticated import CallerHour, CallerSum

T0 = 1_700_000_000
HOUR = T0 // HOUR_S * HOUR_S


def caller(account_id, hour=HOUR, *, gateway_id="my-gateway", valid=False, address="192.0.2.1", agent="t/1"):
    return CallerHour(account_id, gateway_id, hour, valid, address, agent, "openai/chat/completions")


async def test_requests_add_up(store, samples):
    mine = caller(samples.account_id)
    await store.callers.add({}, {mine: 3, mine._replace(valid=True, address=""): 1}, T0)
    await store.callers.add({}, {mine: 2, mine._replace(hour=HOUR + HOUR_S): 4}, T0 + 5.5)
    found = sorted(await store.callers.since(samples.account_id, "my-gateway", HOUR))
    assert found == [
        CallerSum(False, "192.0.2.1", "t/1", "openai/chat/completions", 9, T0 + 5.5),
        CallerSum(True, "", "t/1", "openai/chat/completions", 1, float(T0)),
    ]
    assert type(found[0].requests) is int
    assert [one.requests for one in await store.callers.since(samples.account_id, "my-gateway", HOUR + HOUR_S)] == [4]
    assert await store.callers.since(samples.account_id, "other", 0) == []


async def test_hostile_texts_are_kept_as_texts(store, samples):
    hostile = caller(samples.account_id, agent="a\0\ud800'; DROP TABLE callers; --", address="ä" * 200)
    for _ in range(2):
        await store.callers.add({}, {hostile: 1}, T0)
    (found,) = await store.callers.since(samples.account_id, "my-gateway", 0)
    assert (found.user_agent, found.requests) == ("a\ufffd\ufffd'; DROP TABLE callers; --", 2)


async def test_they_expire_and_go_with_their_gateway(store, samples):
    mine = caller(samples.account_id)
    await store.callers.add({}, {mine: 1, mine._replace(hour=HOUR - DAY_S): 1, mine._replace(gateway_id="g2"): 1}, T0)
    await store.callers.expire(HOUR)
    assert [one.requests for one in await store.callers.since(samples.account_id, "my-gateway", 0)] == [1]
    await store.gateways.delete(samples.account_id, "my-gateway")
    assert await store.callers.since(samples.account_id, "my-gateway", 0) == []
    assert len(await store.callers.since(samples.account_id, "g2", 0)) == 1


async def test_refusals_join_the_rollups(store, samples):
    await store.log.insert([samples.record(float(T0))])
    for _ in range(2):
        await store.callers.add({(samples.account_id, "my-gateway"): 5}, {}, T0)
    for span in SPANS_S:
        found = {
            each.provider: each.figures
            for each in await store.rollups.of_gateway(samples.account_id, "my-gateway", span, (0, 2**40))
        }
        assert (found[""].unauthenticated, found[""].requests) == (10, 0)
        assert (found["openai"].unauthenticated, found["openai"].requests) == (0, 1)
