"""One round of each kind of load against one system, and what it cost: the blocks that quick.py and compare.py are built of."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from math import log
from random import Random
from types import TracebackType

from systems import (
    CLIENTS,
    KEY_FIELD,
    LOAD_CORE,
    PROXY_CORE,
    ROOT,
    TOKEN_FIELD,
    System,
    Target,
    clean_environment,
    core_busy_s,
    start,
)

Figures = dict[str, float]
STREAMS_LIMIT_S = 30.0
MIX_MEDIAN, MIX_SIGMA, MIX_MOST = 6_000, 1.4, 400_000
"""Bytes of bodies in `mix`."""
LEAST_FOR_MEMORY = 500
"""Fewer streams fit into what the warm-up left free, and would seem to take next to nothing."""
_POLL_S = 0.1
_CALM_S = 0.3
_CALM_SHARE = 0.15
"""A core is at rest that was busy for less than this share of so long; kernel ticks are a hundredth of a second."""
CALM_LIMIT_S = 30.0
_SETTLE_S = 0.4
"""Control gets what an edge has to say within a quarter of a second."""


def calm() -> None:
    """Wait until both cores rest: a slow system still works off what it was asked in its own round, and control writes down
    what its edge has told, while the next one is being measured."""
    deadline = time.monotonic() + CALM_LIMIT_S
    busy = 1.0
    while busy > _CALM_SHARE and time.monotonic() < deadline:
        before = [core_busy_s(core) for core in (PROXY_CORE, LOAD_CORE)]
        time.sleep(_CALM_S)
        after = [core_busy_s(core) for core in (PROXY_CORE, LOAD_CORE)]
        busy = max(now - then for now, then in zip(after, before, strict=True)) / _CALM_S


class Metered(AbstractContextManager["Metered"]):
    """What a system spends while it is entered."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.samples: list[int] = []
        """The proxy's memory, every tenth of a second."""

    def __enter__(self) -> "Metered":
        calm()
        self._started = time.monotonic()
        self._busy = {core: core_busy_s(core) for core in (PROXY_CORE, LOAD_CORE)}
        self._control_s = self._system.cpu_s("control")
        self._proxy_s = self._system.cpu_s()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.proxy_s = self._system.cpu_s() - self._proxy_s
        took_s = time.monotonic() - self._started
        self.busy_pct = {core: min(100.0, 100 * (core_busy_s(core) - before) / took_s) for core, before in self._busy.items()}
        if self._system.pids.get("control"):
            time.sleep(_SETTLE_S)
        self.control_s = self._system.cpu_s("control") - self._control_s

    def watch(self) -> None:
        self.samples.append(self._system.memory_bytes())

    def cost(self, pieces: float) -> Figures:
        """CPU per request or event, in microseconds, and how busy the cores were with whatever ran on them."""
        load: Figures = {"load_core_pct": self.busy_pct[LOAD_CORE]}
        if not self._system.pids or not pieces:
            return load
        found = {"cpu_us": self.proxy_s / pieces * 1e6, "proxy_core_pct": self.busy_pct[PROXY_CORE], **load}
        if self._system.pids.get("control"):
            found["control_us"] = self.control_s / pieces * 1e6
        return found

    def grown_kb(self, at_s: float | None = None) -> float:
        """Memory over that after the warm-up: its peak, or what it was so long before the end. What the system got in
        earlier rounds and keeps is part of it, so rounds agree."""
        if not self.samples:
            return 0.0
        then = max(self.samples) if at_s is None else self.samples[max(-len(self.samples), -int(at_s / _POLL_S))]
        return max(0, then - self._system.baseline_bytes) / 1024


def whole_round(
    system: System,
    seconds: float,
    connections: int,
    *,
    targets: Iterable[Target] = (),
    close: bool = False,
    refused: bool = False,
) -> Figures:
    """wrk against one system. Several targets share a URL: their credentials are sent in turn."""
    targets = [*targets] or [system.whole]
    script = str(ROOT / "bench" / "chat.lua")
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "-s", script, targets[0].url]
    fields = "\n---\n".join("\n".join(target.lines()) for target in targets)
    switches = {"BENCH_FIELDS": fields, "BENCH_CLOSE": str(int(close)), "BENCH_REFUSED": str(int(refused))}
    return _wrk(system, command, switches)


def mix_sizes(count: int = 512) -> list[int]:
    """Bodies of real prompts, in bytes: lognormal around 6 KB, few of up to 400 KB; the same in each run."""
    draw = Random(7)
    return [round(min(MIX_MOST, max(200, draw.lognormvariate(log(MIX_MEDIAN), MIX_SIGMA)))) for _ in range(count)]


def mix_round(system: System, seconds: float, *, own: bool) -> Figures:
    """wrk with mix.lua: each connection one client's, or any client on any connection."""
    threads = str(CLIENTS if own else 1)
    script = str(ROOT / "bench" / "mix.lua")
    command = ["wrk", "-t", threads, "-c", str(CLIENTS), "-d", f"{seconds:g}s", "--timeout", "10s", "-s", script]
    command += [system.whole.url]
    given = {
        "MIX_TOKENS": "\n".join(system.tokens),
        "MIX_FIELD": TOKEN_FIELD,
        "MIX_KEY": KEY_FIELD[1].removeprefix("Bearer "),
        "MIX_SIZES": " ".join(map(str, mix_sizes())),
        "MIX_OWN": str(int(own)),
    }
    return _wrk(system, command, given)


def _wrk(system: System, command: list[str], given: dict[str, str]) -> Figures:
    with Metered(system) as meter:
        process = start(command, LOAD_CORE, env=clean_environment(given), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"wrk failed: {err.decode()[-300:]}")
    figures: Figures = json.loads(out.decode().strip().splitlines()[-1])
    return {**figures, **meter.cost(figures["requests"])}


def _drive(system: System, mode: str, target: Target, **settings: object) -> tuple[Figures, Metered]:
    """drive.py against one system, its memory watched all the while."""
    command = [sys.executable, str(ROOT / "bench" / "drive.py"), mode, target.url]
    for line in target.lines():
        command += ["--field", line]
    for name, value in settings.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    with Metered(system) as meter:
        process = start(command, LOAD_CORE, stdout=subprocess.PIPE)
        while process.poll() is None:
            meter.watch()
            time.sleep(_POLL_S)
        assert process.stdout is not None
        with process.stdout as out:
            said = out.read()
    if process.returncode != 0:
        raise RuntimeError(f"drive.py {mode} failed")
    return json.loads(said), meter


def streams_round(system: System, streams: int, events: int, interval_ms: float, spread_s: float) -> Figures:
    """Streams all open at once; CPU per event, delays, memory per stream."""
    order = f"events={events},interval_ms={interval_ms:g}"
    limit_s = events * interval_ms / 1000 + STREAMS_LIMIT_S
    figures, meter = _drive(system, "streams", system.paced, count=streams, order=order, spread_s=spread_s, limit_s=limit_s)
    if figures["events"] > streams * events:
        raise RuntimeError("other streams than were asked for: the model's name did not reach the provider")
    figures |= meter.cost(figures["events"])
    if system.pids and streams >= LEAST_FOR_MEMORY:
        figures["kb_each"] = meter.grown_kb() / streams
    return figures


def idle_round(system: System, connections: int) -> Figures:
    """Connections that carried one request each and stay open."""
    figures, meter = _drive(system, "idle", system.whole, count=connections, spread_s=1.0, hold_s=1.0)
    if system.pids:
        figures["kb_each"] = meter.grown_kb(at_s=0.5) / connections
    return figures


def bodies_round(system: System, mode: str, size: int, times: int, connections: int) -> Figures:
    """Large bodies `up` or `down`: throughput, CPU per megabyte and memory growth in megabytes."""
    figures, meter = _drive(system, mode, system.bodies or system.paced, count=connections, size=size, times=times, limit_s=60)
    if system.pids:
        figures |= {"grown_mb": meter.grown_kb() / 1024}
        if figures["mb"]:
            figures["cpu_us_mb"] = meter.proxy_s / figures["mb"] * 1e6
    return figures


def warm_up(system: System, seconds: float = 1.0) -> None:
    """Connections, caches, the token, code: all that memory is compared against."""
    connections = 16
    whole_round(system, seconds, connections)
    order = "events=4,interval_ms=20"
    figures, _ = _drive(system, "streams", system.paced, count=connections, order=order, limit_s=STREAMS_LIMIT_S)
    if figures["failed"] == connections:
        system.most_streams = 0
    system.baseline_bytes = system.memory_bytes()
