"""A clock that tests move by hand; implements `gateway.kit.clock.Clock`."""


class FakeClock:
    def __init__(self, wall_s: float = 1_790_000_000.0, monotonic_s: float = 1000.0) -> None:
        self.wall_s = wall_s
        self.monotonic_s = monotonic_s

    def wall(self) -> float:
        return self.wall_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def advance(self, seconds: float) -> None:
        """Time passes on both faces."""
        self.wall_s += seconds
        self.monotonic_s += seconds
