"""Hours in minutes: a gateway under load while its provider cuts and resets answers and its workers are killed. Does it grow?

    python bench/soak.py --minutes 30        # needs the project installed with its test extra; ends by itself
    python bench/soak.py --minutes 2         # proves that it runs; its slope means nothing yet

One answer in a hundred is cut, one reset, every hundredth client leaves in the middle, and of the two workers one is killed
every five minutes (in a shorter run: half way); the other lives through it all. Prints one JSON object: requests by outcome,
memory of each process after the warm-up (a third of the time, ten minutes at most) and at the end, its slope in KB per ten
minutes, and descriptors, sockets and what is under way before, at the end, and when the load has gone.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from fakes.exposition import gauge  # noqa: E402
from fakes.load import Load  # noqa: E402
from fakes.processes import alive, control, memory_kb, until, workers  # noqa: E402
from fakes.provider import Exchange, FakeProvider, by_dialect, provider_in_thread  # noqa: E402
from fakes.service import Service, call  # noqa: E402

LOOK_S = 5.0
SETTLE_S = 3.0
"""Gauges travel once a second."""
WARM_UP_S = 600.0
KILL_EVERY_S = 300.0
REST_S = 15.0
"""After the load: idle provider connections end within ten seconds."""


class Faults:
    """The provider's behaviour: mostly sensible."""

    def __init__(self, cut_share: float, reset_share: float, seed: int) -> None:
        self._cut, self._reset = cut_share, reset_share
        self._chance = random.Random(seed)
        self.cuts = self.resets = 0

    async def __call__(self, exchange: Exchange) -> None:
        chance = self._chance.random()
        if chance >= self._cut + self._reset:
            await by_dialect(exchange)
            return
        await exchange.body()
        await exchange.head(200, [("Content-Type", "text/event-stream")])
        await exchange.part(b'data: {"choices":[]}\n\n')
        reset = chance < self._reset
        self.resets += reset
        self.cuts += not reset
        exchange.cut("rst" if reset else "fin")


class Look:
    """Memory and descriptors of the service's processes, over time."""

    def __init__(self, service: Service, provider: FakeProvider) -> None:
        self._service = service
        self._provider = provider
        self.memory: dict[str, list[tuple[float, int]]] = {}
        """process → (seconds, KB)"""

    def _processes(self) -> dict[str, list[int]]:
        """Those that run: of one that was killed just now, only the name is left."""
        return {"worker": alive(workers(self._service)), "control": alive(control(self._service))}

    def take(self, at: float) -> None:
        for role, pids in self._processes().items():
            for pid in pids:
                self.memory.setdefault(f"{role}-{pid}", []).append((at, memory_kb(pid)))

    def base(self) -> dict[str, float]:
        """What is to be the same before and after."""
        found: dict[str, float] = {}
        for role, pids in self._processes().items():
            open_files = [_link(name) for pid in pids for name in Path(f"/proc/{pid}/fd").iterdir()]
            found |= {f"{role}_descriptors": len(open_files), f"{role}_sockets": sum("socket:" in link for link in open_files)}
        for name in ("requests_in_flight", "client_connections", "streams_open", "upstream_waiting"):
            found[name] = gauge(self._service, f"aig_{name}")
        return found | {"provider_connections": self._provider.open_connections}

    def told(self, warm_s: float) -> dict[str, dict[str, float]]:
        """Of every process that lived on after the warm-up: its memory then and at its end, and how it grew."""
        told = {}
        for name, seen in self.memory.items():
            late = [(at, kb) for at, kb in seen if at >= max(warm_s, seen[0][0] + warm_s)]
            if len(late) > 2:
                told[name] = {"kb_warm": late[0][1], "kb_end": late[-1][1], "kb_per_10_min": round(_slope(late) * 600, 1)}
        return told


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _slope(points: list[tuple[float, int]]) -> float:
    """Least squares."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def soak(service: Service, provider: FakeProvider, minutes: float, clients: int) -> dict[str, object]:
    faults = Faults(0.01, 0.01, seed=7)
    provider.always = faults
    look, token = Look(service, provider), service.management.create_token().value
    until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
    time.sleep(SETTLE_S)
    before = look.base()
    survivor = workers(service)[0]
    end_s, started = minutes * 60, time.monotonic()
    kill_at = min(KILL_EVERY_S, end_s / 2)
    killed = 0
    with Load(service, token, clients=clients, leave_share=0.01) as load:
        while (now := time.monotonic() - started) < end_s:
            if now >= kill_at:
                victim = next(pid for pid in workers(service) if pid != survivor)
                os.kill(victim, signal.SIGKILL)
                until(lambda victim=victim: not alive([victim]))
                killed += 1
                kill_at += KILL_EVERY_S
            look.take(now)
            _forget(provider)
            time.sleep(min(LOOK_S, max(0.0, end_s - now)))
        loaded = look.base()
    time.sleep(REST_S)
    # A cut is explained by the provider's, or by the death of the worker that served it.
    explained = min(load.outcomes["cut"], faults.cuts + faults.resets + killed * clients)
    return {
        "minutes": minutes,
        "outcomes": dict(load.outcomes),
        "provider": {"cuts": faults.cuts, "resets": faults.resets},
        "workers_killed": killed,
        "unexplained": load.failed - explained,
        "memory": look.told(min(WARM_UP_S, end_s / 3)),
        "base": {"before": before, "loaded": loaded, "after": look.base()},
    }


def _forget(provider: FakeProvider) -> None:
    """The provider remembers everything for tests; over hours that is much."""
    provider.requests.clear()
    for connection in list(provider.connections):
        connection.requests.clear()


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--minutes", type=float, default=30.0)
    flags.add_argument("--clients", type=int, default=8)
    given = flags.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak") as folder, provider_in_thread() as provider:
        providers = {"openai": provider.origin + "/v1"}
        with Service(Path(folder) / "data", providers=providers, workers=2) as service:
            print(json.dumps(soak(service, provider, given.minutes, given.clients), indent=2))


if __name__ == "__main__":
    main()
