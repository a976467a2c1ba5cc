"""Records reach the store in batches, wait while it is down, and are counted when lost."""

import asyncio
import gzip

import pytest
from fakes.store import MemoryStore

from gateway.control.recorder import BATCH_ROWS, Recorder, Rules
from gateway.model.records import LogBodies, LogRecord

_SAMPLE = LogRecord(
    "id", "a", "g", 1.0, "openai", "m", "chat", "POST", "p", 200, True, "completed", False, 1, 1, None, None, None, None,
    "unknown", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
)  # fmt: skip


def _records(count: int, start: int = 0) -> list[LogRecord]:
    return [_SAMPLE._replace(id=str(number)) for number in range(start, start + count)]


async def test_batches_of_bounded_size() -> None:
    store = MemoryStore()
    recorder = Recorder(store.log)
    rows, step = 2 * BATCH_ROWS + 100, 100
    for start in range(0, rows, step):
        recorder.accept(_records(step, start))
    recorder.start()
    await recorder.close(5)
    assert store.calls == ["log.insert"] * 3
    assert (len(store.all_records), recorder.written, recorder.waiting) == (rows, rows, 0)


async def test_a_full_batch_does_not_wait_for_company() -> None:
    store = MemoryStore()
    recorder = Recorder(store.log)
    recorder.start()
    recorder.accept(_records(1))
    await asyncio.sleep(0)
    assert store.calls == []
    recorder.accept(_records(BATCH_ROWS - 1, 1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(store.all_records) == BATCH_ROWS
    await recorder.close(1)


async def test_records_wait_while_the_store_is_down() -> None:
    store = MemoryStore()
    store.down = True
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        store.down = len(pauses) < 7
        await asyncio.sleep(0)

    recorder = Recorder(store.log, pause=pause)
    recorder.accept(_records(3))
    recorder.start()
    await recorder.close(5)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert (len(store.all_records), recorder.dropped) == (3, 0)


async def test_what_is_not_written_in_time_is_confirmed_to_nobody() -> None:
    store = MemoryStore()
    store.down = True
    recorder = Recorder(store.log)
    confirmed: list[str] = []
    recorder.accept(_records(BATCH_ROWS), lambda: confirmed.append("in hand"))
    recorder.accept(_records(2, BATCH_ROWS), lambda: confirmed.append("queued"))
    recorder.start()
    await asyncio.sleep(0)
    await recorder.close(0.01)
    assert (recorder.dropped, recorder.waiting, confirmed) == (0, BATCH_ROWS + 2, [])


async def test_who_brought_records_is_told_when_they_are_written() -> None:
    store = MemoryStore()
    recorder = Recorder(store.log)
    confirmed: list[int] = []
    recorder.accept(_records(2), lambda: confirmed.append(len(store.all_records)))
    recorder.accept([], lambda: confirmed.append(-1))
    recorder.accept(_records(1, 2), lambda: confirmed.append(len(store.all_records)))
    assert confirmed == [-1]
    recorder.start()
    await recorder.close(5)
    assert (confirmed, recorder.written, recorder.waiting) == ([-1, 3, 3], 3, 0)


def test_a_full_queue_drops_counts_and_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.control.recorder.QUEUE_BYTES", 2500)
    recorder = Recorder(MemoryStore().log)
    confirmed: list[int] = []
    for number in range(4):
        recorder.accept(_records(1, number), lambda number=number: confirmed.append(number))  # type: ignore[misc]
    assert (recorder.waiting, recorder.dropped, confirmed) == (2, 2, [2, 3])


async def test_a_batch_the_store_refuses_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()

    async def refuse(_records: list[LogRecord]) -> None:
        raise ValueError("no")

    monkeypatch.setattr(store.log, "insert", refuse)
    recorder = Recorder(store.log)
    confirmed: list[bool] = []
    recorder.accept(_records(2), lambda: confirmed.append(True))
    recorder.start()
    await recorder.close(5)
    assert (recorder.dropped, recorder.waiting, confirmed) == (2, 0, [True])


async def test_unwanted_records_are_left_out_and_no_loss() -> None:
    store = MemoryStore()
    recorder = Recorder(store.log, Rules(wanted=lambda record: record.id != "1"))
    recorder.accept(_records(3))
    recorder.start()
    await recorder.close(5)
    assert (sorted(store.all_records), recorder.dropped) == (["0", "2"], 0)


async def test_records_are_priced_before_they_are_written() -> None:
    store = MemoryStore()
    recorder = Recorder(store.log, Rules(cost_of=lambda record: 0.5 if record.id == "1" else None))
    recorder.accept(_records(2))
    recorder.start()
    await recorder.close(5)
    assert {name: record.cost for name, record in store.all_records.items()} == {"0": None, "1": 0.5}
    assert store.all_records["1"] == _SAMPLE._replace(id="1", cost=0.5)


async def test_bodies_follow_their_records_readable() -> None:
    store = MemoryStore()
    recorder = Recorder(store.log)
    packed = gzip.compress(b"what was said")
    recorder.accept(_records(2), bodies=[LogBodies("1", "a", "g", b"asked", packed, True, True, "", "gzip")])
    recorder.start()
    await recorder.close(5)
    assert store.calls == ["log.insert", "log.insert_bodies"]
    assert store.all_bodies["1"] == LogBodies("1", "a", "g", b"asked", b"what was said", True, True)


@pytest.mark.parametrize("cost", [1e308, float("inf"), float("nan"), -1.0])
async def test_a_cost_beyond_all_bounds_is_not_known(cost: float) -> None:
    store = MemoryStore()
    recorder = Recorder(store.log, Rules(cost_of=lambda _record: cost))
    recorder.start()
    recorder.accept(_records(2))
    await recorder.close(5)
    assert [record.cost for record in store.all_records.values()] == [None, None]


async def test_a_request_that_cannot_be_priced_keeps_no_other_from_the_store() -> None:
    def cost_of(record: LogRecord) -> float:
        if record.id == "1":
            raise OverflowError
        return 0.5

    store = MemoryStore()
    recorder = Recorder(store.log, Rules(cost_of=cost_of))
    confirmed: list[bool] = []
    recorder.start()
    recorder.accept(_records(3), lambda: confirmed.append(True))
    await recorder.close(5)
    assert [record.cost for record in store.all_records.values()] == [0.5, None, 0.5]
    assert confirmed == [True]


async def test_callers_without_a_token_have_a_budget_and_others_have_none() -> None:
    store = MemoryStore()
    spent: list[int] = []

    def budget(size_bytes: int) -> bool:
        spent.append(size_bytes)
        return len(spent) <= 3

    recorder = Recorder(store.log, Rules(budget=budget, body_bytes=1000))
    known, strangers = _records(2), [record._replace(token_id="") for record in _records(4, 2)]
    bomb = gzip.compress(b"x" * 1_000_000)
    bodies = [LogBodies(record.id, "a", "g", bomb, b"", True, True, request_encoding="gzip") for record in (*known, *strangers)]
    recorder.start()
    recorder.accept([*known, *strangers], bodies=bodies)
    await recorder.close(5)
    assert set(store.all_records) == {"0", "1", "2", "3", "4"}
    assert recorder.over_budget == 1
    assert {key: len(kept.request) for key, kept in store.all_bodies.items()} == {"0": 1000, "1": 1000}
