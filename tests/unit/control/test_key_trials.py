"""Control asks one worker about a key, a few at a time, and says in words what came of it."""

import asyncio
from dataclasses import replace

import pytest
from fakes.control import MovableClock
from fakes.edge import until
from fakes.link import FakeEdgeConnection
from fakes.store import MemoryStore

from gateway.control import key_trials
from gateway.control.audit import Audit, by_service
from gateway.control.key_trials import AT_A_TIME, KeyTrials, in_words
from gateway.control.publisher import Publisher
from gateway.link.frames import DownFrame, Tried, TryKey
from gateway.model.causes import UPSTREAM_CAUSES
from gateway.model.faults import NO_WORKER, Refusal
from gateway.model.stored import StoredKey

KEY = StoredKey(
    id="k", account_id="a", gateway_id="g", provider="openai", alias="default", default_config=True, sealed=b"", preview="",
    rate_limit=None, rate_limit_period=60, created_at=1.0, modified_at=1.0,
)  # fmt: skip


def with_edge(*, ready: bool = True) -> tuple[KeyTrials, FakeEdgeConnection]:
    publisher = Publisher(MovableClock(), expected_edges=1, revoke_timeout_s=1)
    publisher.load([], [])
    edge = FakeEdgeConnection("e1")
    publisher.joined(edge)
    publisher.is_ready(edge, "w", 0)
    if ready:
        publisher.is_ready(edge, "w", publisher.version)
    return KeyTrials(publisher, Audit(MemoryStore().audit, MovableClock())), edge


def asked(edge: FakeEdgeConnection) -> list[TryKey]:
    frames: list[DownFrame] = edge.sent
    return [frame for frame in frames if isinstance(frame, TryKey)]


async def test_answers_find_their_questions() -> None:
    trials, edge = with_edge()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(trials.run(replace(KEY, alias=alias), by_service())) for alias in ("one", "two")]
        await until(lambda: len(asked(edge)) == 2)
        for frame in reversed(asked(edge)):
            trials.answered(Tried(frame.ask, "refused" if frame.alias == "one" else "accepted", 200))
            trials.answered(Tried(frame.ask, "unclear"))  # a second one is late
        trials.answered(Tried(99, "accepted"))
    assert [task.result().verdict for task in tasks] == ["refused", "accepted"]


async def test_a_few_at_a_time() -> None:
    trials, edge = with_edge()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(trials.run(KEY, by_service())) for _ in range(AT_A_TIME + 1)]
        await until(lambda: len(asked(edge)) == AT_A_TIME)
        for _ in range(AT_A_TIME + 1):
            await until(lambda: len(asked(edge)) > sum(task.done() for task in tasks))
            trials.answered(Tried(asked(edge)[sum(task.done() for task in tasks)].ask, "accepted"))
            await asyncio.sleep(0.01)
    assert len(asked(edge)) == AT_A_TIME + 1


async def test_without_a_worker_it_says_so() -> None:
    trials, edge = with_edge(ready=False)
    with pytest.raises(Refusal) as caught:
        await trials.run(KEY, by_service())
    assert (caught.value.fault, asked(edge)) == (NO_WORKER, [])


async def test_a_worker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_trials, "DEADLINE_S", 0.05)
    trials, edge = with_edge()
    with pytest.raises(Refusal) as caught:
        await trials.run(KEY, by_service())
    assert (caught.value.fault, len(asked(edge))) == (NO_WORKER, 1)


@pytest.mark.parametrize("verdict", ["accepted", "refused", "unclear", "untestable", "absent"])
def test_each_verdict_has_words(verdict: str) -> None:
    assert in_words(Tried(1, verdict)).partition(" ")[0] in ("The", "No")


@pytest.mark.parametrize("cause", UPSTREAM_CAUSES)
def test_each_cause_has_words(cause: str) -> None:
    assert in_words(Tried(1, "unreachable", cause=cause)) == UPSTREAM_CAUSES[cause]
