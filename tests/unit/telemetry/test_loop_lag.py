import asyncio

from gateway.telemetry.loop_lag import LoopLag


async def test_a_blocked_loop_is_seen_and_a_stopped_watch_ends() -> None:
    seen: list[float] = []
    came = asyncio.Event()
    loop = asyncio.get_running_loop()
    offset = 0.0

    class Clock:
        """The loop, with a clock that jumps ahead between two turns."""

        def time(self) -> float:
            return loop.time() + offset

        def call_at(self, when: float, callback: object, *arguments: object) -> asyncio.TimerHandle:
            return loop.call_at(when - offset, callback, *arguments)  # type: ignore[arg-type]

    def observe(seconds: float) -> None:
        seen.append(seconds)
        came.set()

    lag = LoopLag(observe, every_s=0.001)
    lag._arm(Clock())  # type: ignore[arg-type]
    offset = 5.0
    await came.wait()
    assert seen[0] >= 5.0
    lag.stop()
    count = len(seen)
    await asyncio.sleep(0.01)
    assert len(seen) == count


async def test_it_goes_on_by_itself() -> None:
    seen: list[float] = []
    lag = LoopLag(seen.append, every_s=0.001)
    lag.start()
    async with asyncio.timeout(10):
        while len(seen) < 3:
            await asyncio.sleep(0.001)
    lag.stop()
    lag.stop()
    assert min(seen) >= 0
