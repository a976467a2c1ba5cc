"""The request log with a million rows on SQLite: how long a page takes.

    python bench/logs.py [--rows 1000000] [--times 10] [--keep FILE]

Fills a new database past the store (its schema, triggers included), then asks through the store as the API does, each question
`--times` times on a warm file, and prints median, 95th percentile and the goal of 500 ms; and the processor's time, which says
more where the machine is not idle. Also: what insertion costs, and how long the transactions of a deletion are, for other
writers wait that long.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from gateway.control.retention import MOST_ROWS
from gateway.kit.ids import uuid7
from gateway.model.page import Page
from gateway.model.records import LogBodies, LogRecord
from gateway.model.stored import Account
from gateway.store.log_query import EVERYTHING, Condition, LogQuery
from gateway.store.store import Store, open_store

GOAL_MS = 500
ACCOUNT, GATEWAY = "0" * 32, "default"
STARTED = 1_780_000_000.0
EVERY_S = 2.6
"""Seconds between two rows: a million make a month."""
_CHUNK = 10_000
_MODELS = ("gpt-4.1-mini", "gpt-5", "claude-sonnet-4-5", "gemini-2.5-flash", "llama-3.1-8b")


def record(number: int, draw: random.Random) -> LogRecord:
    moment = STARTED + number * EVERY_S
    success = draw.random() > 0.01
    return LogRecord(
        id=uuid7(moment), account_id=ACCOUNT, gateway_id=GATEWAY, created_at=moment,
        provider=draw.choice(("openai", "anthropic", "google-ai-studio")),
        model="one-in-100000" if number % 100_000 == 7 else draw.choice(_MODELS),
        model_type="chat", method="POST", path="v1/chat/completions", status_code=200 if success else 500, success=success,
        outcome="completed" if success else "upstream_error", cached=draw.random() < 0.1, duration_ms=draw.randrange(80, 9000),
        first_byte_ms=70, tokens_in=draw.randrange(5000), tokens_out=draw.randrange(2000), tokens_cached=None,
        tokens_reasoning=None, usage_exactness="exact",
        metadata=f'{{"user":"u{draw.randrange(100_000)}","team":"blue"}}' if number % 3 == 0 else None,
        step=0, request_type="", request_content_type="application/json", response_content_type="text/event-stream",
        request_size=2000, response_size=9000, event_id=uuid7(moment), user_agent="openai-python/2.0", authentication=True,
        token_id="t" * 32, streamed=True, events=40, overhead_us=150, auth_state="hit", cost=draw.random() / 100,
    )  # fmt: skip


def fill(path: str, rows: int) -> None:
    fields = LogRecord._fields
    insertion = f"INSERT INTO records ({', '.join(fields)}) VALUES ({', '.join('?' * len(fields))})"
    draw = random.Random(1)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    for start in range(0, rows, _CHUNK):
        chunk = [record(number, draw) for number in range(start, min(start + _CHUNK, rows))]
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insertion, chunk)
        database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def questions(rows: int) -> Iterator[tuple[str, LogQuery, Page]]:
    def where(key: str, operator: str, *values: str | float | bool, **more: object) -> LogQuery:
        return LogQuery(conditions=(Condition(key, operator, values),), **more)  # type: ignore[arg-type]

    last = -(-rows // 50)
    middle = STARTED + rows * EVERY_S / 2
    yield "newest", EVERYTHING, Page(per_page=50)
    yield "page in the middle", EVERYTHING, Page(page=last // 2, per_page=50)
    yield "last page", EVERYTHING, Page(page=last, per_page=50)
    yield "past the end", EVERYTHING, Page(page=last + 9, per_page=50)
    yield "one day of the month", LogQuery(since=middle, before=middle + 86_400), Page(page=5, per_page=50)
    yield "failures (1 %)", where("success", "eq", False), Page(per_page=50)
    yield "failures, 100th page", where("success", "eq", False), Page(page=100, per_page=50)
    yield "provider", where("provider", "eq", "openai"), Page(per_page=50)
    yield "provider, 1000th page", where("provider", "eq", "openai"), Page(page=1000, per_page=50)
    yield "slow answers (0.02 %)", where("duration", "gt", 8998.0), Page(per_page=50)
    yield "by id", where("id", "eq", "nope"), Page(per_page=50)
    yield "rare model (1 in 100,000)", where("model", "eq", "one-in-100000"), Page(per_page=50)
    yield "rare model, within a day", where("model", "eq", "x", since=middle, before=middle + 86_400), Page(per_page=50)
    yield "metadata search, no match", LogQuery(search="nobody"), Page(per_page=50)
    yield "metadata entry, common", where("metadata.value", "eq", "blue"), Page(per_page=50)
    yield "dearest first", LogQuery(order_by="cost"), Page(per_page=50)
    yield "by model", LogQuery(order_by="model"), Page(per_page=50)


async def timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Milliseconds on the clock, and of the processor in all threads."""
    started, worked = time.perf_counter(), time.process_time()
    await work()
    return (time.perf_counter() - started) * 1000, (time.process_time() - worked) * 1000


def show(name: str, taken_ms: list[tuple[float, float]], goal_ms: float) -> None:
    waited = sorted(clock for clock, _ in taken_ms)
    high = waited[min(len(waited) - 1, int(len(waited) * 0.95))]
    worked = statistics.median(processor for _, processor in taken_ms)
    verdict = "ok" if high <= goal_ms else "OVER"
    half = statistics.median(waited)
    print(
        f"{name:32} p50 {half:8.1f} ms   p95 {high:8.1f} ms   cpu {worked:8.1f} ms   goal {goal_ms:4.0f} {verdict}", flush=True
    )


async def ask(store: Store, rows: int, times: int) -> None:
    for name, query, page in questions(rows):
        ask_it = lambda query=query, page=page: store.log.page(ACCOUNT, GATEWAY, query, page)  # noqa: E731
        await ask_it()
        show(name, [await timed(ask_it) for _ in range(times)], GOAL_MS)


async def change(store: Store, rows: int, times: int) -> None:
    draw = random.Random(2)
    batches = [[record(rows + 500 * turn + number, draw) for number in range(500)] for turn in range(times)]
    show("insert 500", [await timed(lambda batch=batch: store.log.insert(batch)) for batch in batches], 50)
    bodies = [[LogBodies(one.id, ACCOUNT, GATEWAY, b"q" * 2000, b"a" * 9000, True, True) for one in batch] for batch in batches]
    show("insert 500 bodies of 11 kB", [await timed(lambda some=some: store.log.insert_bodies(some)) for some in bodies], 200)
    for size in (100, MOST_ROWS):
        remove = lambda size=size: store.log.delete_oldest(ACCOUNT, GATEWAY, size)  # noqa: E731
        show(f"delete the {size} oldest", [await timed(remove) for _ in range(times)], 50)
    show("delete a gateway of a million", [await timed(lambda: store.gateways.delete(ACCOUNT, GATEWAY))], 50)
    show("purge batch of 100", [await timed(lambda: store.log.purge_batch(ACCOUNT, GATEWAY, 100)) for _ in range(times)], 50)


async def measure(path: Path, rows: int, times: int) -> None:
    store = open_store(f"sqlite:///{path}")
    await store.open()
    if not await store.accounts.all():
        await store.accounts.insert(Account(id=ACCOUNT, name="bench", created_at=0.0))
        started = time.perf_counter()
        await asyncio.to_thread(fill, str(path), rows)
        print(f"filled with {rows} rows in {time.perf_counter() - started:.0f} s, {path.stat().st_size / 1e6:.0f} MB")
    await ask(store, rows, times)
    await change(store, rows, times)
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="The request log with a million rows on SQLite.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=10, help="how often each question is asked")
    parser.add_argument("--keep", type=Path, help="fill or use this file instead of a temporary one")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agw-bench-") as folder:
        asyncio.run(measure(wanted.keep or Path(folder) / "logs.db", wanted.rows, wanted.times))


if __name__ == "__main__":
    main()
