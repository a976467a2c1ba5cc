"""How records reach the driver; what is read and written is tested on both databases in tests/contract/store."""

import pytest
from fakes.store import MemoryStore

from gateway.model.records import LogRecord
from gateway.store.log import _storable
from gateway.store.log_query import EVERYTHING

RECORD = LogRecord(
    "r", "a", "g", 1.0, "openai", "m", "chat", "POST", "v1", 200, True, "completed", False, 5, None, 1, 2, None, None, "exact",
    None, 0, "", "application/json", "application/json", 9, 19, "e", "agent", True, "t", False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "storable"),
    [({}, True), ({"model": "ü"}, True), ({"model": "a\0"}, False), ({"path": "\ud800"}, False), ({"tokens_in": 2**60}, False)],
)
def test_values_that_a_driver_may_refuse_are_told_from_the_others(fields: dict[str, object], storable: bool) -> None:
    assert _storable([RECORD, RECORD._replace(**fields)]) is storable


async def test_one_odd_record_keeps_no_other_out() -> None:
    store = MemoryStore()
    await store.log.insert([RECORD, RECORD._replace(id="odd", model="a\0\ud800")])
    assert {name: one.model for name, one in store.all_records.items()} == {"r": "m", "odd": "a\ufffd\ufffd"}


async def test_what_is_purged_is_gone_at_once_and_taken_away_in_batches() -> None:
    store = MemoryStore()
    await store.log.insert([RECORD._replace(id=str(number)) for number in range(3)])
    await store.log.purge("a", "g")
    assert await store.log.find("a", "g", EVERYTHING, 9) == []
    assert [await store.log.purge_batch("a", "g", 2) for _ in range(3)] == [2, 1, 0]
    assert (await store.log.purges(), store.all_records) == ([], {})
