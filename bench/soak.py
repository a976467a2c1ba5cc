"""Hours in minutes: a gateway under load while its provider cuts and resets answers and its workers are killed. Does it grow?

    python bench/soak.py --minutes 30        # needs the project installed with its test extra; ends by itself
    python bench/soak.py --minutes 2         # proves that it runs; its slope means nothing yet

One answer in a hundred is cut, one reset, every hundredth client leaves in the middle, and a worker is killed every five
minutes (in a shorter run: half way). Prints one JSON object: requests by outcome, memory of each process after the warm-up (a
third of the time, ten minutes at most) and at the end, its slope in KB per ten minutes, and open sockets and
the provider's connections before, at the end, and when the load has gone.
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

from fakes.load import Load  # noqa: E402
from fakes.processes import control, until, workers  # noqa: E402
from fakes.provider import Exchange, FakeProvider, by_dialect, provider_in_thread  # noqa: E402
from fakes.service import Service, call  # noqa: E402

LOOK_S = 5.0
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
    """Memory and sockets of the service's processes, over time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.memory: dict[str, list[tuple[float, int]]] = {}
        """process → (seconds, KB)"""

    def take(self, at: float) -> None:
        for pid in [*workers(self._service), *control(self._service)]:
            role = "control" if pid in control(self._service) else "worker"
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue  # killed just now
            self.memory.setdefault(f"{role}-{pid}", []).append((at, int(status.partition("VmRSS:")[2].split()[0])))

    def sockets(self) -> dict[str, int]:
        found: dict[str, int] = {"worker": 0, "control": 0}
        for role, pids in (("worker", workers(self._service)), ("control", control(self._service))):
            for pid in pids:
                folder = Path(f"/proc/{pid}/fd")
                found[role] += sum("socket:" in _link(folder / name) for name in os.listdir(folder))
        return found

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
    look, token = Look(service), service.management.create_token().value
    until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
    before = {**look.sockets(), "provider": provider.open_connections}
    end_s, started = minutes * 60, time.monotonic()
    kill_at = min(KILL_EVERY_S, end_s / 2)
    killed = 0
    with Load(service, token, clients=clients, leave_share=0.01) as load:
        while (now := time.monotonic() - started) < end_s:
            if now >= kill_at:
                os.kill(workers(service)[killed % 2], signal.SIGKILL)
                killed += 1
                kill_at += KILL_EVERY_S
            look.take(now)
            provider.requests.clear()
            _forget_closed(provider)
            time.sleep(min(LOOK_S, max(0.0, end_s - now)))
        loaded = {**look.sockets(), "provider": provider.open_connections}
    time.sleep(REST_S)
    return {
        "minutes": minutes,
        "outcomes": dict(load.outcomes),
        "provider": {"cuts": faults.cuts, "resets": faults.resets},
        "workers_killed": killed,
        "unexplained": load.failed - load.outcomes["cut"],
        "memory": look.told(min(WARM_UP_S, end_s / 3)),
        "sockets": {"before": before, "loaded": loaded, "after": {**look.sockets(), "provider": provider.open_connections}},
    }


def _forget_closed(provider: FakeProvider) -> None:
    """The provider remembers everything for tests; over hours that is much."""
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
