import asyncio

import pytest
from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control.publisher import Publisher
from gateway.control.retention import FEWEST_ROWS, MOST_ROWS, ROUND_S, Retention
from gateway.model.gateways import Gateway, GatewayEntry
from gateway.model.records import LogRecord
from gateway.store.errors import StoreDown


def _record(number: int, gateway_id: str) -> LogRecord:
    return LogRecord(
        f"{gateway_id}-{number:05}", "a", gateway_id, float(number), "p", "m", "", "POST", "p", 200, True, "completed", False,
        1, None, None, None, None, None, "unknown", None, 0, "", "", "", 0, 0, "e", "u", True, "t", False,
    )  # fmt: skip


class Parts:
    """`takes_s`: how long each deletion takes on the clock."""

    def __init__(self, takes_s: float = 0.02) -> None:
        self.store, self.clock, self.pauses = MemoryStore("a"), MovableClock(), []
        self.publisher = Publisher(self.clock, expected_edges=0, revoke_timeout_s=1)
        self.publisher.load([], [])
        self.retention = Retention(self.store.log, self.store.gateways, self.publisher, self.clock, pause=self.pause)
        self.asked: list[int] = []
        self._delete, self.store.log.delete_oldest = self.store.log.delete_oldest, self.timed  # type: ignore[method-assign]
        self.takes_s = takes_s

    async def timed(self, account_id: str, gateway_id: str, rows: int) -> int:
        self.asked.append(rows)
        self.clock.move(self.takes_s)
        return await self._delete(account_id, gateway_id, rows)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def gateway(self, name: str, rows: int, limit: int | None, strategy: str | None) -> None:
        gateway = Gateway(
            account_id="a", id=name, internal_id=name, created_at=0, modified_at=0,
            log_management=limit, log_management_strategy=strategy,
        )  # fmt: skip
        await self.store.gateways.insert(gateway)
        self.publisher.put_gateway(GatewayEntry(gateway=gateway))
        await self.store.log.insert([_record(number, name) for number in range(rows)])

    def left(self, name: str) -> list[int]:
        return sorted(int(key[-5:]) for key in self.store.all_records if key.startswith(f"{name}-"))


@pytest.mark.parametrize(
    ("rows", "limit", "strategy", "left", "full"),
    [
        (30, None, "DELETE_OLDEST", 30, False),
        (30, 40, "DELETE_OLDEST", 30, False),
        (30, 30, "DELETE_OLDEST", 30, False),
        (330, 30, "DELETE_OLDEST", 30, False),
        (31, 30, "DELETE_OLDEST", 30, False),
        (29, 30, "STOP_INSERTING", 29, False),
        (30, 30, "STOP_INSERTING", 30, True),
        (35, 30, "STOP_INSERTING", 35, True),
        (35, 30, None, 35, True),
    ],
)
async def test_limits(rows: int, limit: int | None, strategy: str | None, left: int, full: bool) -> None:
    parts = Parts()
    await parts.gateway("g", rows, limit, strategy)
    await parts.gateway("other", 5, None, None)
    await parts.retention.round()
    assert parts.left("g") == list(range(rows - left, rows)), "the newest stay"
    assert parts.retention.full == ({("a", "g")} if full else set())
    assert (len(parts.left("other")), parts.retention.deleted) == (5, rows - left)


async def test_a_log_with_room_again_takes_entries_again() -> None:
    parts = Parts()
    await parts.gateway("g", 30, 30, "STOP_INSERTING")
    await parts.retention.round()
    assert parts.retention.full
    await parts.gateway("g2", 0, None, None)
    await parts.store.log.delete("a", "g", ["g-00000"])
    await parts.retention.round()
    assert parts.retention.full == frozenset()


async def test_purges_end_and_others_stay() -> None:
    parts = Parts()
    await parts.gateway("g", 250, None, None)
    await parts.gateway("other", 5, None, None)
    await parts.store.log.purge("a", "g")
    await parts.retention.round()
    assert (parts.left("g"), len(parts.left("other")), await parts.store.log.purges()) == ([], 5, [])


async def test_logs_without_a_gateway_go_if_the_store_has_none_either() -> None:
    parts = Parts()
    await parts.store.log.insert([_record(number, "gone") for number in range(5)])
    await parts.gateway("new-elsewhere", 3, None, None)
    parts.publisher.remove_gateway("a", "new-elsewhere")
    await parts.retention.round()
    assert (parts.left("gone"), len(parts.left("new-elsewhere"))) == ([], 3)


async def test_nothing_is_orphaned_before_the_settings_are_known() -> None:
    parts = Parts()
    parts.publisher.loaded = False
    await parts.store.log.insert([_record(1, "g")])
    await parts.retention.round()
    assert parts.left("g") == [1]


@pytest.mark.parametrize(("takes_s", "last"), [(0.001, MOST_ROWS), (0.02, 100), (0.2, FEWEST_ROWS)])
async def test_batches_follow_the_time_they_take_and_leave_as_much_to_others(takes_s: float, last: int) -> None:
    parts = Parts(takes_s)
    await parts.gateway("g", 5000, 10, "DELETE_OLDEST")
    await parts.retention.round()
    assert (len(parts.left("g")), max(parts.asked[3:-1], key=lambda rows: abs(rows - 100))) == (10, last)
    assert min(parts.pauses) >= takes_s * 0.99


async def test_it_goes_on_when_the_store_was_down() -> None:
    parts = Parts()
    await parts.gateway("g", 3, 3, "STOP_INSERTING")
    rounds = 0

    async def pause(seconds: float) -> None:
        nonlocal rounds
        assert seconds == ROUND_S
        rounds += 1
        parts.store.down = rounds == 1
        if rounds == 3:
            raise asyncio.CancelledError

    retention = Retention(parts.store.log, parts.store.gateways, parts.publisher, parts.clock, pause=pause)
    with pytest.raises(asyncio.CancelledError):
        await retention.run()
    assert retention.full == {("a", "g")}
    parts.store.down = True
    with pytest.raises(StoreDown):
        await retention.round()
