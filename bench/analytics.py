"""How long analytics take over a year that holds a million log rows.

    python bench/analytics.py                  a million rows, five models, in a new SQLite file
    python bench/analytics.py --rows 100000    fewer

The rows are spread evenly over the year, which makes for the most rollups. Then each range is asked for --turns times,
through the store, the arithmetic of the endpoint and the encoding of its answer. What it costs to price and write a row as
the recorder does, 500 to a transaction, is printed first.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gateway.control.rollups import KEPT_S, answered, asked, compared  # noqa: E402
from gateway.kit.ids import uuid7  # noqa: E402
from gateway.model.records import LogRecord  # noqa: E402
from gateway.model.rollups import DAY_S, HOUR_S, MINUTE_S, fold  # noqa: E402
from gateway.providers.pricing import PriceTable  # noqa: E402
from gateway.store import rollups  # noqa: E402
from gateway.store.database import sqlite_database  # noqa: E402
from gateway.store.pools import Pools  # noqa: E402
from gateway.store.store import Store  # noqa: E402

ACCOUNT, GATEWAY, NOW = "b" * 32, "bench", 1_790_000_000.0
BATCH = 500
MODELS = (
    ("openai", "gpt-4.1-mini"), ("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("groq", "llama-3.3-70b-versatile"),
    ("google-ai-studio", "gemini-2.5-flash"),
)  # fmt: skip
RANGES = {
    "an hour": HOUR_S, "6 hours": 6 * HOUR_S, "a day": DAY_S, "a week": 7 * DAY_S, "30 days": 30 * DAY_S, "a year": 365 * DAY_S,
}  # fmt: skip


def record(moment: float, dice: random.Random) -> LogRecord:
    provider, model = dice.choice(MODELS)
    took = round(dice.lognormvariate(6.5, 0.8))
    return LogRecord(
        uuid7(moment), ACCOUNT, GATEWAY, moment, provider, model, "chat", "POST", "v1/chat/completions", 200, True,
        "completed", False, took, took // 3, dice.randrange(4000), dice.randrange(800), None, None, "exact", None, 0, "",
        "application/json", "application/json", 900, 1900, "e", "bench", True, "t", False,
    )  # fmt: skip


async def fill(store: Store, rows: int) -> None:
    """The year's rollups alone, a day to a transaction: analytics never read a log row.

    Where those of minutes would have expired, all rows of an hour stand at its start: the others come out the same, sooner.
    """
    dice, step, minutes_from = random.Random(1), 365 * DAY_S / rows, NOW - KEPT_S[MINUTE_S]
    for day in range(365):
        moments = [NOW - 365 * DAY_S + at * step for at in range(day * rows // 365, (day + 1) * rows // 365)]
        records = [record(at if at >= minutes_from else at // HOUR_S * HOUR_S, dice)._replace(cost=0.001) for at in moments]
        async with store.pools.writing() as connection:
            await rollups.add(connection, store.pools.database, fold(records))
    await store.rollups.expire({span: NOW - kept_s for span, kept_s in KEPT_S.items()})


async def live(store: Store, rows: int) -> None:
    """As a busy gateway does it: thousands of records a second, so a batch touches few rollups."""
    prices, dice = PriceTable.packaged(), random.Random(2)
    batches = [[record(NOW + at / 10_000, dice) for at in range(first, first + BATCH)] for first in range(0, rows, BATCH)]
    began, cpu_began = time.perf_counter(), time.process_time()
    for batch in batches:
        await store.log.insert([LogRecord._make((*each[:-1], prices.cost_of(each))) for each in batch])
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    print(f"written: {rows:,} rows at 10,000 a second, {took / rows * 1e6:.1f} µs each ({cpu / rows * 1e6:.1f} µs of CPU)")


async def ask(store: Store, name: str, length_s: float, turns: int) -> None:
    for group_by in ("none", "model", "all gateways"):
        times, cpu_ms = [], []
        for _ in range(turns):
            began, cpu_began = time.perf_counter(), time.process_time()
            question = asked(NOW - length_s, NOW, "auto", NOW)
            period = (question.start, question.end)
            if group_by == "all gateways":
                found = compared(question, await store.rollups.sums(ACCOUNT, question.span, period))
            else:
                found = answered(question, await store.rollups.of_gateway(ACCOUNT, GATEWAY, question.span, period), group_by)
            size = len(orjson.dumps(found))
            times.append((time.perf_counter() - began) * 1000)
            cpu_ms.append((time.process_time() - cpu_began) * 1000)
        times.sort()
        p50, p95 = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.95))]
        told = f"{p50:.1f} | {p95:.1f} | {sorted(cpu_ms)[turns // 2]:.1f}"
        print(f"| {name} | {group_by} | {question.interval} | {size // 1024} | {told} |")


async def run(rows: int, turns: int, folder: str) -> None:
    store = Store.over(Pools(sqlite_database(f"{folder}/bench.db")))
    await store.open()
    try:
        await live(store, 20_000)
        await fill(store, rows)
        print("| range | groups | points of | KiB | p50 ms | p95 ms | p50 CPU ms |\n|---|---|---|--:|--:|--:|--:|")
        for name, length_s in RANGES.items():
            await ask(store, name, length_s, turns)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(given.rows, given.turns, folder))


if __name__ == "__main__":
    main()
