import asyncio

from gateway.telemetry.memory import MemoryWatch, give_back, own_bytes


class Process:
    """A process of which memory is told, not taken."""

    def __init__(self, limit: int) -> None:
        self.used = self.freed = self.ended = self.trims = self.reliefs = 0
        self.told: list[bool] = []
        self.watch = MemoryWatch(
            limit, self.told.append, read=lambda: self.used, trim=self.trim, relieve=self.relieve, every_s=60.0
        )

    def trim(self) -> None:
        self.trims += 1
        self.used -= self.freed

    def relieve(self) -> None:
        self.reliefs += 1
        self.used -= self.ended

    def look(self, used: int) -> bool:
        self.used = used
        self.watch._look()
        if self.watch._relieved:
            self.watch._look()
        self.watch.stop()
        return self.watch.over


async def test_it_is_over_above_the_limit_and_until_a_tenth_is_free() -> None:
    process = Process(1000)
    assert [process.look(used) for used in (900, 1000, 1001, 950, 901, 900, 950)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert process.told == [True, False]


async def test_what_the_allocator_can_give_back_does_not_count() -> None:
    process = Process(1000)
    process.freed = 500
    assert process.look(1400) is False
    assert (process.trims, process.told) == (1, [])
    process.look(900)
    assert process.trims == 1, "nothing is trimmed while all is well"


async def test_what_can_be_ended_is_ended_before_the_limit_counts_as_passed() -> None:
    process = Process(1000)
    process.ended = 300
    assert process.look(1200) is False
    assert (process.reliefs, process.told) == (1, [])
    assert process.look(1400) is True
    assert process.look(1250) is True, "and as long as it is passed"
    assert (process.reliefs, process.told) == (3, [True])


async def test_it_looks_again_and_again_until_stopped() -> None:
    looks: list[int] = []
    watch = MemoryWatch(1, lambda _: None, read=lambda: looks.append(1) or 0, trim=lambda: None, every_s=0.001)  # type: ignore[func-returns-value]
    watch.start()
    async with asyncio.timeout(10):
        while len(looks) < 3:
            await asyncio.sleep(0.001)
    watch.stop()
    count = len(looks)
    await asyncio.sleep(0.01)
    assert len(looks) == count


async def test_no_limit_is_no_watch() -> None:
    watch = MemoryWatch(0, lambda _: None)
    watch.start()
    assert watch._timer is None


def test_memory_of_our_own_is_counted_and_given_back() -> None:
    before = own_bytes()
    held = bytearray(b"x" * 64 * 1024 * 1024)
    assert own_bytes() - before > 48 * 1024 * 1024
    del held
    give_back()
    assert own_bytes() - before < 16 * 1024 * 1024
