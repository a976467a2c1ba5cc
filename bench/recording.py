"""What the request log costs control: batches of an edge's records from the link's bytes to the store.

    python bench/recording.py [--records 200000] [--url sqlite:////new/file.db] [--profile FILE]

Each record is decoded, counted, priced, rolled up and written by the product's own code, as fast as it can. Printed are records
per second, and the processor's time for each in all of control's threads: what 10,000 a second need of a core.
"""

import argparse
import asyncio
import cProfile
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import cast

from logs import ACCOUNT, record

from gateway.control.counters import CounterSums
from gateway.control.recorder import Recorder, Rules
from gateway.edge.outgoing import BATCH_ROWS
from gateway.link.frames import Records, decode, encode
from gateway.model.records import LogRecord
from gateway.model.stored import Account
from gateway.providers.pricing import PriceTable
from gateway.store.store import open_store

GOAL_PER_S = 10_000
GOAL_CORE = 0.5
IN_FLIGHT = 16
"""Batches on their way: enough that the store never waits for the next."""


def frames(count: int) -> list[bytes]:
    """As an edge sends them."""
    draw = Random(1)
    # Seconds apart in the log's own bench; here as a busy edge makes them, thousands in one.
    made = [tuple(record(number, draw)._replace(created_at=1_780_000_000.0 + number / GOAL_PER_S)) for number in range(count)]
    return [encode(Records(start // BATCH_ROWS + 1, made[start : start + BATCH_ROWS])) for start in range(0, count, BATCH_ROWS)]


async def measure(url: str, count: int, profile: cProfile.Profile | None) -> None:
    store = open_store(url)
    await store.open()
    await store.accounts.insert(Account(id=ACCOUNT, name="bench", created_at=0.0))
    counters, recorder = CounterSums(), Recorder(store.log, Rules(cost_of=PriceTable.packaged().cost_of))
    recorder.start()
    room = asyncio.Semaphore(IN_FLIGHT)

    def confirmed(records: Sequence[LogRecord]) -> None:
        counters.take(records)
        room.release()

    messages = frames(count)
    started, worked = time.perf_counter(), time.process_time()
    if profile is not None:
        profile.enable()
    for message in messages:
        await room.acquire()
        records = cast(Sequence[LogRecord], cast(Records, decode(message)).rows)
        recorder.accept(records, partial(confirmed, records))
    await recorder.close(600)
    if profile is not None:
        profile.disable()
    took_s, worked_s = time.perf_counter() - started, time.process_time() - worked
    await store.close()
    if recorder.written != count:
        raise SystemExit(f"{recorder.written} of {count} records were written")
    core = worked_s / count * GOAL_PER_S
    print(f"{count / took_s:,.0f} records/s, {worked_s / count * 1e6:.1f} µs of CPU for each")
    print(f"{GOAL_PER_S:,} records/s take {core:.2f} of a core (goal {GOAL_CORE}): {'ok' if core <= GOAL_CORE else 'OVER'}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What the request log costs control.")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--url", help="a store to fill instead of a temporary SQLite file")
    parser.add_argument("--profile", type=Path, help="write a profile of the main thread to this file")
    given = parser.parse_args()
    profile = cProfile.Profile() if given.profile else None
    with tempfile.TemporaryDirectory(prefix="agw-bench-") as folder:
        asyncio.run(measure(given.url or f"sqlite:///{folder}/recording.db", given.records, profile))
    if profile is not None:
        profile.dump_stats(given.profile)


if __name__ == "__main__":
    main()
