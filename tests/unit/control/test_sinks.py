"""A sink has a bound and a rule of its own: slow, dead or full, it slows neither the log nor another sink."""

import asyncio
from collections.abc import Sequence

import pytest
from fakes.store import MemoryStore

from gateway.control.recorder import Recorder, Rules
from gateway.control.sinks import SinkDown, SinkQueue
from gateway.model.records import LogRecord

RECORD = LogRecord(
    "0", "a", "g", 1.0, "openai", "m", "chat", "POST", "v1", 200, True, "completed", False, 5, None, 1, 2, None, None, "exact",
    None, 0, "", "application/json", "application/json", 9, 19, "e", "agent", True, "t", False,
)  # fmt: skip


class Sink:
    """Raises what it is told to, once for each; `gate` holds it up."""

    def __init__(self, *errors: Exception) -> None:
        self.name = "exporter"
        self.errors = list(errors)
        self.gate = asyncio.Event()
        self.gate.set()
        self.got: list[str] = []
        self.costs: list[float | None] = []

    async def write(self, records: Sequence[LogRecord]) -> None:
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.got += [record.id for record in records]
        self.costs += [record.cost for record in records]


def records(*names: str) -> list[LogRecord]:
    return [RECORD._replace(id=name) for name in names]


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


async def test_every_sink_gets_what_the_log_gets_priced() -> None:
    store, sinks = MemoryStore(), [Sink(), Sink()]
    recorder = Recorder(store.log, Rules(cost_of=lambda record: 0.5), sinks=[SinkQueue(sink) for sink in sinks])
    recorder.start()
    recorder.accept(records("1", "2"))
    recorder.accept(records("3"))
    await recorder.close(5)
    assert [sink.got for sink in sinks] == [["1", "2", "3"]] * 2
    assert sinks[0].costs == [0.5] * 3
    assert set(store.all_records) == {"1", "2", "3"}


async def test_a_sink_that_hangs_holds_up_neither_the_log_nor_another_sink() -> None:
    store, hanging, quick, confirmed = MemoryStore(), Sink(), Sink(), []
    hanging.gate.clear()
    queues = [SinkQueue(hanging), SinkQueue(quick)]
    recorder = Recorder(store.log, sinks=queues)
    recorder.start()
    recorder.accept(records("1"), lambda: confirmed.append("1"))
    await recorder.close(0.5)
    assert (confirmed, list(store.all_records), quick.got, hanging.got) == (["1"], ["1"], ["1"], [])


async def test_a_log_that_is_down_holds_up_no_sink_and_confirms_nothing() -> None:
    store, sink, confirmed = MemoryStore(), Sink(), []
    store.down = True
    recorder = Recorder(store.log, sinks=[SinkQueue(sink)], pause=no_pause)
    recorder.start()
    recorder.accept(records("1"), lambda: confirmed.append("1"))
    await recorder.close(0.2)
    assert (sink.got, confirmed) == (["1"], [])


async def test_a_full_queue_drops_and_counts_for_its_sink_alone() -> None:
    store, sink, confirmed = MemoryStore(), Sink(), []
    queue = SinkQueue(sink, most_bytes=RECORD.weight)
    recorder = Recorder(store.log, sinks=[queue])
    for name in ("1", "2", "3"):
        recorder.accept(records(name), lambda name=name: confirmed.append(name))  # type: ignore[misc]
    assert (queue.dropped, recorder.dropped) == (2, 0)
    recorder.start()
    await recorder.close(5)
    assert (sink.got, set(store.all_records), confirmed) == (["1"], {"1", "2", "3"}, ["1", "2", "3"])


@pytest.mark.parametrize(
    ("errors", "got", "dropped"),
    [
        ([SinkDown("away"), SinkDown("away")], ["1", "2"], 0),
        ([TimeoutError()], ["1", "2"], 0),
        ([ValueError("secret")], ["2"], 1),
        ([ValueError("x"), SinkDown("y"), ValueError("x")], [], 2),
    ],
)
async def test_a_sink_says_by_its_error_whether_it_wants_them_again(
    errors: list[Exception], got: list[str], dropped: int, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink(*errors)
    queue = SinkQueue(sink, pause=no_pause)
    queue.start()
    for name in ("1", "2"):
        queue.accept(records(name))
    await queue.close(5)
    assert (sink.got, queue.dropped, queue.written) == (got, dropped, len(got))
    assert "secret" not in caplog.text


async def test_a_write_has_an_end() -> None:
    sink, pauses = Sink(), []
    sink.gate.clear()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        sink.gate.set()

    queue = SinkQueue(sink, write_s=0.01, pause=pause)
    queue.start()
    queue.accept(records("1"))
    await queue.close(5)
    assert (sink.got, pauses) == (["1"], [0.1])
