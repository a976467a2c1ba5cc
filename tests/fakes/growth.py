"""How a function's time grows with its input: a claim about the algorithm that holds on a slow or busy machine too."""

import time
from collections.abc import Callable

SMALL_BYTES = 16_000
TIMES = 16
LARGE_BYTES = SMALL_BYTES * TIMES


def grows_evenly(run: Callable[[bytes], object], opening: bytes, piece: bytes) -> bool:
    """Whether an input 16 times as long takes less than 100 times as long; were time its square, it would be 256 times."""
    small, large = (opening + piece * (total // len(piece)) for total in (SMALL_BYTES, LARGE_BYTES))
    short = min(_seconds(run, small) for _ in range(4))
    return any(_seconds(run, large) <= 100 * short for _ in range(3))


def _seconds(run: Callable[[bytes], object], data: bytes) -> float:
    begun = time.thread_time()
    run(data)
    return time.thread_time() - begun
