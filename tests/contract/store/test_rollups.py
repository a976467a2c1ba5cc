"""Rollups: every record counted once, whatever is sent again, and gone with their gateway."""

import asyncio

import pytest

from gateway.model import bounds
from gateway.model.rollups import DAY_S, HOUR_S, MINUTE_S, SPANS_S, bucket_of

EVER = (0, 2**40)
T0 = 1_700_000_000.0


async def total(store, samples, span=DAY_S, gateway="my-gateway"):
    return sum(each.figures.requests for each in await store.rollups.of_gateway(samples.account_id, gateway, span, EVER))


async def test_records_are_summed_up_by_minute_hour_and_day(store, samples):
    first = samples.record(T0, cost=0.5, tokens_cache_write=7)
    later = samples.record(T0 + 60, model="other", outcome="refused", cost=None, first_byte_ms=30)
    await store.log.insert([first, later, samples.record(T0, duration_ms=90)])
    await store.log.insert([samples.record(T0 + 1, cost=0.25)])
    minutes = await store.rollups.of_gateway(samples.account_id, "my-gateway", MINUTE_S, EVER)
    assert [(each.start, each.provider, each.model, each.figures.requests) for each in minutes] == [
        (1_699_999_980, "openai", "gpt-5-mini", 3),
        (1_700_000_040, "openai", "other", 1),
    ]
    figures = minutes[0].figures
    assert (figures.cost, figures.priced, figures.tokens_out, figures.tokens_cache_write) == (0.75, 2, 9_000_000_000, 7)
    assert (figures.cached, figures.client_gone, figures.errors) == (3, 3, 3)
    assert figures.durations == {bucket_of(812): 2, bucket_of(90): 1}
    assert minutes[1].figures.first_bytes == {bucket_of(30): 1}
    for span in (HOUR_S, DAY_S):
        found = await store.rollups.of_gateway(samples.account_id, "my-gateway", span, EVER)
        assert [(each.model, each.start % span) for each in found] == [("gpt-5-mini", 0), ("other", 0)]


async def test_a_batch_that_is_sent_again_is_not_counted_again(store, samples):
    batch = [samples.record(T0 + number) for number in range(5)]
    await store.log.insert(batch)
    await store.log.insert(batch)
    extra = samples.record(T0)
    await store.log.insert([*batch, extra, extra])
    assert [await total(store, samples, span) for span in SPANS_S] == [6, 6, 6]


async def test_a_batch_that_fails_is_not_counted(store, samples):
    with pytest.raises(Exception, match=r"."):
        await store.log.insert([samples.record(), samples.record()._replace(status_code=None)])
    assert await total(store, samples) == 0


async def test_writers_at_once_lose_nothing(store, samples):
    async def write(number):
        await store.log.insert([samples.record(T0, model=f"m{at % 3}") for at in range(30)])

    await asyncio.gather(*(write(number) for number in range(8)))
    assert [await total(store, samples, span) for span in SPANS_S] == [240, 240, 240]


async def test_unstorable_names_are_counted_too(store, samples):
    hostile = samples.record(T0)._replace(model="a\0\ud800", tokens_in=10**40)
    for _ in range(2):
        await store.log.insert([hostile._replace(id=samples.record().id)])
    (found,) = await store.rollups.of_gateway(samples.account_id, "my-gateway", DAY_S, EVER)
    assert (found.model, found.figures.requests, found.figures.tokens_in) == ("a\ufffd\ufffd", 2, 0)


async def test_only_what_is_asked_for(store, samples):
    records = [samples.record(T0 + 60 * number) for number in range(10)]
    await store.log.insert([*records, samples.record(T0, gateway_id="other"), samples.record(T0, account_id="b" * 32)])
    start = int(T0 // 60 * 60)
    found = await store.rollups.of_gateway(samples.account_id, "my-gateway", MINUTE_S, (start + 60, start + 240))
    assert [each.start for each in found] == [start + 60, start + 120, start + 180]
    assert await total(store, samples, gateway="none") == 0


async def test_all_gateways_of_an_account(store, samples):
    await store.log.insert([samples.record(T0, cost=0.5), samples.record(T0, model="x"), samples.record(T0 + DAY_S)])
    await store.log.insert([samples.record(T0, gateway_id="a"), samples.record(T0, account_id="b" * 32)])
    sums = await store.rollups.sums(samples.account_id, DAY_S, EVER)
    assert [(each.gateway_id, each.requests, each.errors, each.cached, each.priced, each.cost) for each in sums] == [
        ("a", 1, 1, 1, 0, 0.0),
        ("my-gateway", 2, 2, 2, 1, 0.5),
        ("my-gateway", 1, 1, 1, 0, 0.0),
    ]
    assert all(type(value) is int for value in sums[0][1:8])
    assert await store.rollups.sums(samples.account_id, DAY_S, (0, T0 - DAY_S)) == []


async def test_old_ones_expire_by_span(store, samples):
    await store.log.insert([samples.record(T0), samples.record(T0 + 10 * DAY_S)])
    await store.rollups.expire({MINUTE_S: T0 + DAY_S, HOUR_S: T0 - DAY_S})
    assert [await total(store, samples, span) for span in SPANS_S] == [1, 2, 2]


async def test_they_go_with_their_gateway(store, samples):
    await store.gateways.insert(samples.gateway())
    await store.log.insert([samples.record(T0), samples.record(T0, gateway_id="other")])
    await store.gateways.delete(samples.account_id, "my-gateway")
    assert await total(store, samples) == 0
    assert await total(store, samples, gateway="other") == 1


async def test_invented_names_make_no_more_groups_than_there_is_room_for(store, samples):
    start = T0 // DAY_S * DAY_S
    await store.log.insert([samples.record(start, model="served-first", success=True, outcome="completed")])
    for batch in range(3):
        made_up = [samples.record(start + 1, model=f"m{batch}-{at}", success=False, outcome="completed") for at in range(150)]
        await store.log.insert(made_up)
    served = [samples.record(start + 2, model=f"served-{at}", success=True, outcome="completed") for at in range(10)]
    again = [samples.record(start + 2, model=name, success=False, outcome="completed") for name in ("m0-0", "m2-149")]
    await store.log.insert([*served, *again])
    for span in SPANS_S:
        found = await store.rollups.of_gateway(samples.account_id, "my-gateway", span, EVER)
        named = {each.model: each.figures for each in found}
        assert len(named) == bounds.ROLLUP_NAMES[span] // 2 + len(served) + 1
        assert {"served-first", *(record.model for record in served)} <= named.keys()
        assert sum(figures.requests for figures in named.values()) == 463
        assert named["m0-0"].requests == 2, "a name that has its place keeps it"
        assert named["other"].requests == 463 - sum(each.requests for name, each in named.items() if name != "other")


async def test_no_more_names_than_there_is_room_for_even_if_a_provider_serves_them_all(store, samples):
    for batch in range(3):
        await store.log.insert(
            [samples.record(T0, model=f"m{batch}-{at}", success=True, outcome="completed") for at in range(100)]
        )
    found = await store.rollups.of_gateway(samples.account_id, "my-gateway", MINUTE_S, EVER)
    assert len(found) == bounds.ROLLUP_NAMES[MINUTE_S] + 1
    assert {each.model: each.figures.requests for each in found}["other"] == 300 - bounds.ROLLUP_NAMES[MINUTE_S]
    assert await total(store, samples) == 300
