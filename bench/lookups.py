"""Token look-ups while the worst log queries run: what people ask must not delay what traffic needs.

    python bench/lookups.py [--rows 100000] [--seconds 10]

A database of that many log rows; every 5 ms one look-up of a token as control makes it, first alone, then while as many of the
worst queries run as control lets run at a time, one after the other. Prints median, 99th percentile and the longest of both,
and exits 1 when the 99th percentile beside the queries misses the goal of 100 ms.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from logs import ACCOUNT, GATEWAY, fill

from gateway.control.lookups import TokenLookups
from gateway.control.queries import AT_ONCE
from gateway.model.page import Page
from gateway.model.stored import Account
from gateway.store.log_query import Condition, LogQuery
from gateway.store.store import Store, open_store

GOAL_MS = 100
_EVERY_S = 0.005
WORST = LogQuery(conditions=(Condition("metadata.value", "eq", tuple(f"nowhere {number}" for number in range(40))),))
"""As much as one query may look for, found in no row."""


async def looked_up(lookups: TokenLookups, seconds: float) -> list[float]:
    """Milliseconds of each look-up, sorted."""
    taken = []
    end = time.monotonic() + seconds
    while (started := time.monotonic()) < end:
        await lookups.find(b"%032d" % len(taken))
        taken.append((time.monotonic() - started) * 1000)
        await asyncio.sleep(_EVERY_S)
    return sorted(taken)


async def keep_asking(store: Store) -> None:
    while True:
        await store.log.page(ACCOUNT, GATEWAY, WORST, Page())


def told(name: str, taken: list[float]) -> float:
    p99 = taken[len(taken) * 99 // 100]
    median = taken[len(taken) // 2]
    print(f"{name:<44}{len(taken):>7} look-ups  median {median:6.2f} ms  p99 {p99:7.2f} ms  longest {taken[-1]:7.2f} ms")
    return p99


async def measure(url: str, rows: int, seconds: float) -> bool:
    store = open_store(url)
    await store.open()
    await store.accounts.insert(Account(id=ACCOUNT, name="bench", created_at=0))
    fill(url.removeprefix("sqlite:///"), rows)
    lookups = TokenLookups(store)
    told("alone", await looked_up(lookups, seconds))
    asking = [asyncio.ensure_future(keep_asking(store)) for _ in range(AT_ONCE)]
    try:
        await asyncio.sleep(0.1)
        p99 = told(f"beside {AT_ONCE} of the worst queries on {rows} rows", await looked_up(lookups, seconds))
    finally:
        for one in asking:
            one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await one
        await store.close()
    return p99 <= GOAL_MS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = asyncio.run(measure(f"sqlite:///{Path(folder) / 'bench.db'}", given.rows, given.seconds))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
