"""Records reach the store in batches, wait while it is down, and are counted when lost."""

import asyncio

import pytest
from fakes.store import MemoryStore

from gateway.control.recorder import BATCH_ROWS, Recorder
from gateway.model.records import LogRecord

_SAMPLE = LogRecord(
    "id", "a", "g", 1.0, "openai", "m", "chat", "POST", "p", 200, True, "completed", False, 1, 1, None, None, None, None,
    "unknown", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
)  # fmt: skip


def _records(count: int, start: int = 0) -> list[LogRecord]:
    return [_SAMPLE._replace(id=str(number)) for number in range(start, start + count)]


async def test_batches_of_bounded_size() -> None:
    store = MemoryStore()
    recorder = Recorder(store)
    recorder.take(_records(BATCH_ROWS * 2 + 1))
    recorder.start()
    await recorder.close(5)
    assert store.calls == ["insert_records"] * 3
    assert (len(store.records), recorder.written, recorder.waiting) == (BATCH_ROWS * 2 + 1,) * 2 + (0,)


async def test_a_full_batch_does_not_wait_for_company() -> None:
    store = MemoryStore()
    recorder = Recorder(store)
    recorder.start()
    recorder.take(_records(1))
    await asyncio.sleep(0)
    assert store.calls == []
    recorder.take(_records(BATCH_ROWS - 1, 1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(store.records) == BATCH_ROWS
    await recorder.close(1)


async def test_records_wait_while_the_store_is_down() -> None:
    store = MemoryStore()
    store.down = True
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        store.down = len(pauses) < 7
        await asyncio.sleep(0)

    recorder = Recorder(store, pause=pause)
    recorder.take(_records(3))
    recorder.start()
    await recorder.close(5)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert (len(store.records), recorder.dropped) == (3, 0)


async def test_what_is_not_written_in_time_is_counted() -> None:
    store = MemoryStore()
    store.down = True
    recorder = Recorder(store)
    recorder.take(_records(BATCH_ROWS + 2))
    recorder.start()
    await asyncio.sleep(0)
    await recorder.close(0.01)
    assert (recorder.lost, recorder.dropped, recorder.waiting) == (BATCH_ROWS + 2, BATCH_ROWS + 2, 0)


def test_a_full_queue_drops_and_counts() -> None:
    recorder = Recorder(MemoryStore(), queue_bytes=2500)
    recorder.take(_records(5))
    assert (recorder.waiting, recorder.dropped) == (2, 3)


async def test_a_batch_the_store_refuses_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()

    async def refuse(_records: list[LogRecord]) -> None:
        raise ValueError("no")

    monkeypatch.setattr(store, "insert_records", refuse)
    recorder = Recorder(store)
    recorder.take(_records(2))
    recorder.start()
    await recorder.close(5)
    assert (recorder.lost, recorder.waiting) == (2, 0)


async def test_unwanted_records_are_left_out_and_no_loss() -> None:
    store = MemoryStore()
    recorder = Recorder(store, wanted=lambda record: record.id != "1")
    recorder.take(_records(3))
    recorder.start()
    await recorder.close(5)
    assert (sorted(store.records), recorder.dropped) == (["0", "2"], 0)
