"""The request log."""

import asyncio

import pytest

from gateway.kit.aio import spawn
from gateway.model.page import Page
from gateway.store.errors import StoreDown
from gateway.store.log_query import EVERYTHING, LogEntry


async def test_every_field_of_a_record_survives(store, samples):
    record = samples.record()
    await store.log.insert([record])
    found = await store.log.get(record.account_id, record.gateway_id, record.id)
    assert found == LogEntry(record)
    assert [type(value) for value in found.record] == [type(value) for value in record]


async def test_a_batch_may_be_tried_again(store, samples):
    first = [samples.record(created_at=float(number)) for number in range(5)]
    await store.log.insert(first)
    changed = first[0]._replace(model="other")
    later = samples.record(created_at=9.0)
    await store.log.insert([changed, *first[1:], later, later])
    rows, count = await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page())
    assert [row.record for row in rows] == [later, *reversed(first)]
    assert count == 6
    await store.log.insert([])


async def test_a_batch_is_all_or_nothing(store, samples):
    bad = samples.record()._replace(status_code=None)
    with pytest.raises(StoreDown):
        await store.log.insert([samples.record(), bad, samples.record()])
    assert await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page()) == ([], 0)


async def test_records_are_listed_newest_first_by_gateway(store, samples):
    same_moment = [samples.record(created_at=50.0, id=f"0000-{number}") for number in (2, 0, 1)]
    newer, older = samples.record(created_at=60.5), samples.record(created_at=40.5)
    await store.log.insert([older, *same_moment, newer])
    await store.log.insert([samples.record(gateway_id="other"), samples.record(account_id="b" * 32)])
    rows, count = await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page())
    assert [row.record.id for row in rows] == [newer.id, "0000-2", "0000-1", "0000-0", older.id]
    assert count == 5
    assert await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page(page=3, per_page=2)) == (
        [LogEntry(older)],
        5,
    )
    assert (await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page(page=9, per_page=2))) == ([], 5)


async def test_a_record_is_found_only_where_it_belongs(store, samples):
    record = samples.record()
    await store.log.insert([record])
    assert await store.log.get("b" * 32, record.gateway_id, record.id) is None
    assert await store.log.get(record.account_id, "other", record.id) is None


async def test_no_text_and_no_number_costs_the_batch(store, samples):
    hostile = samples.record(created_at=2.0)._replace(
        model="a\0b\ud800c",
        user_agent="\udcff" * 3 + "😀",
        metadata='{"k": "\0"}',
        path="'; DROP TABLE records; --",
        tokens_in=10**40,
        tokens_out=-(10**40),
        tokens_cached=2**63 - 1,
    )
    await store.log.insert([hostile, samples.record(created_at=1.0)])
    rows, count = await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page())
    assert count == 2
    assert rows[0].record == hostile._replace(
        model="a\ufffdb\ufffdc",
        user_agent="\ufffd" * 3 + "😀",
        metadata='{"k": "\ufffd"}',
        tokens_in=2**63 - 1,
        tokens_out=-(2**63 - 1),
    )


async def test_writers_and_readers_at_once(store, samples):
    await store.gateways.insert(samples.gateway())

    async def write(number):
        await store.log.insert([samples.record(created_at=float(number)) for _ in range(20)])

    async def change(number):
        await store.keys.insert(samples.key(alias=str(number)))

    async def read(number):
        rows, count = await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page(per_page=1000))
        assert len(rows) % 20 == 0, "a batch is seen whole"
        assert count >= 0

    await asyncio.gather(*(work(number) for number in range(15) for work in (write, change, read)))
    assert (await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page()))[1] == 300
    assert len(await store.keys.all()) == 15


@pytest.mark.parametrize("where", ["sqlite", "postgres"], indirect=True)  # in memory there is no time to cancel it
async def test_a_cancelled_write_leaves_the_store_usable(store, samples):
    for turns in range(12):
        task = spawn(store.log.insert([samples.record(created_at=float(turns)) for _ in range(50)]), "write")
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await store.log.insert([samples.record(created_at=1e9)])
    rows, count = await store.log.page(samples.account_id, "my-gateway", EVERYTHING, Page(per_page=1000))
    assert rows[0].record.created_at == 1e9
    assert count % 50 == 1, "each batch is there whole or not at all"
