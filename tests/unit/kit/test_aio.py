"""Tasks that are never lost, and lookups that many share."""

import asyncio
import gc
import logging

import pytest

from gateway.kit.aio import SingleFlight, cancel_and_wait, spawn


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_spawned_task_has_its_name_and_result() -> None:
    async def work() -> int:
        return 7

    task = spawn(work(), "seven")
    assert task.get_name() == "seven"
    assert await task == 7


async def test_a_spawned_task_lives_without_a_reference() -> None:
    done = asyncio.Event()
    gate = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await gate
        done.set()

    spawn(work(), "unreferenced")
    await turns()
    gc.collect()
    gate.set_result(None)
    await asyncio.wait_for(done.wait(), 5)


async def test_a_lost_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("boom")

    with caplog.at_level(logging.ERROR, "gateway.aio"):
        spawn(work(), "doomed")
        await turns()
    assert [record.getMessage() for record in caplog.records] == ["task doomed failed: ValueError"]


async def test_a_cancelled_task_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    task = spawn(asyncio.sleep(3600), "sleeper")
    await cancel_and_wait(task)
    await turns()
    assert task.cancelled()
    assert caplog.records == []


async def test_cancel_and_wait_waits_for_each_end(caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    async def stubborn(name: str) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await turns()
            ended.append(name)

    async def bad_loser() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise RuntimeError("sulks") from None

    tasks = [spawn(stubborn("a"), "a"), spawn(stubborn("b"), "b"), spawn(bad_loser(), "c")]
    finished = spawn(turns(1), "finished")
    await turns()
    await cancel_and_wait(*tasks, None, finished)
    assert sorted(ended) == ["a", "b"]
    assert all(task.done() for task in tasks)


async def test_cancel_and_wait_without_tasks_returns() -> None:
    await cancel_and_wait()
    await cancel_and_wait(None)


class Work:
    """Counts its runs; ends when told."""

    def __init__(self) -> None:
        self.runs = 0
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.runs += 1
        return await asyncio.shield(self.outcome)


async def test_concurrent_callers_share_one_run() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    callers = [asyncio.create_task(flights.run("k", work)) for _ in range(100)]
    await turns()
    assert len(flights) == 1
    work.outcome.set_result("answer")
    assert await asyncio.gather(*callers) == ["answer"] * 100
    assert work.runs == 1
    assert len(flights) == 0


async def test_keys_do_not_wait_for_each_other() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    slow, quick = Work(), Work()
    waiting = asyncio.create_task(flights.run("slow", slow))
    quick.outcome.set_result("quick")
    assert await flights.run("quick", quick) == "quick"
    slow.outcome.set_result("slow")
    assert await waiting == "slow"


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_a_cancelled_caller_leaves_the_others_their_answer(gone: int) -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    callers = [asyncio.create_task(flights.run("k", work)) for _ in range(3)]
    await turns()
    await cancel_and_wait(callers.pop(gone))
    work.outcome.set_result("answer")
    assert await asyncio.gather(*callers) == ["answer", "answer"]
    assert work.runs == 1


async def test_a_failure_is_everyones_and_nobody_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    callers = [asyncio.create_task(flights.run("k", work)) for _ in range(3)]
    await turns()
    work.outcome.set_exception(OSError("no resolver"))
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError] * 3
    await turns()
    gc.collect()
    assert caplog.records == []


async def test_a_failure_without_waiters_is_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    caller = asyncio.create_task(flights.run("k", work))
    await turns()
    await cancel_and_wait(caller)
    work.outcome.set_exception(OSError("no resolver"))
    await turns()
    gc.collect()
    assert len(flights) == 0
    assert caplog.records == []


async def test_the_key_is_free_again_after_success_and_failure() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    first = Work()
    first.outcome.set_exception(OSError("down"))
    with pytest.raises(OSError, match="down"):
        await flights.run("k", first)
    for answer in ("one", "two"):
        work = Work()
        work.outcome.set_result(answer)
        assert await flights.run("k", work) == answer
        assert work.runs == 1
