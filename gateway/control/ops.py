"""`/livez`, `/readyz`, `/metrics`: for load balancers, service managers and Prometheus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from gateway import __version__
from gateway.control.counters import CounterSums, Labels
from gateway.control.janitor import Janitor
from gateway.control.metrics import CONTENT_TYPE, Page
from gateway.control.publisher import Publisher, Revocation
from gateway.control.recorder import Recorder

_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Readiness:
    status: str
    """`ok`, `degraded` (served from what is known; still 200) or `failed` (503)."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ops:
    publisher: Publisher
    recorder: Recorder
    counters: CounterSums
    janitor: Janitor
    workers: int
    opened: Callable[[], bool]
    """Whether the store was opened and the settings loaded since the start."""

    def readiness(self) -> Readiness:
        failed: list[str] = []
        if not self.opened():
            failed.append("store never opened")
        # While a new generation takes over, the old one is counted among those that are ready.
        draining = self.counters.gauges("edges_draining").get((), 0)
        ready = max(0, self.publisher.ready - draining)
        if ready < self.workers:
            failed.append(f"{ready} of {self.workers} edges ready" + (f", {draining} draining" if draining else ""))
        if failed:
            return Readiness("failed", tuple(failed))
        degraded: list[str] = []
        if not self.janitor.store_up:
            degraded.append(f"store down: {self.janitor.trouble}")
        if overloaded := self.counters.gauges("edges_overloaded").get((), 0):
            degraded.append(f"{overloaded} of {self.workers} edges short of memory")
        return Readiness("degraded" if degraded else "ok", tuple(degraded))

    def routes(self) -> list[web.RouteDef]:
        """Those of the ops listener."""
        return [web.get("/livez", self.livez), web.get("/readyz", self.readyz), web.get("/metrics", self.metrics)]

    async def livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, headers=_NO_STORE)

    async def readyz(self, _request: web.Request) -> web.Response:
        found = self.readiness()
        body = orjson.dumps({"status": found.status, "reasons": found.reasons})
        status = 503 if found.status == "failed" else 200
        return web.Response(status=status, body=body, content_type="application/json", headers=_NO_STORE)

    async def metrics(self, _request: web.Request) -> web.Response:
        page = Page(self.counters, self.own_metrics).render()
        return web.Response(body=page, headers=_NO_STORE | {"Content-Type": CONTENT_TYPE})

    def own_metrics(self) -> dict[str, dict[Labels, int]]:
        """What control knows without the edges' counting: family → label values → value."""
        asking = sum(entry.gateway.authentication for entry in self.publisher.gateways)
        return {
            "edges": {
                ("expected",): self.workers,
                ("connected",): self.publisher.connected,
                ("ready",): self.publisher.ready,
            },
            "log_queue_records": {("control",): self.recorder.waiting},
            "log_records_written": {(): self.recorder.written},
            "log_records_dropped": {("control",): self.recorder.dropped, ("budget",): self.recorder.over_budget},
            "store_up": {(): int(self.opened() and self.janitor.store_up)},
            "gateways": {("on",): asking, ("off",): sum(1 for _ in self.publisher.gateways) - asking},
            "build_info": {(__version__,): 1},
        }

    def revoked(self, revocation: Revocation) -> None:
        """Count a revocation that is over."""
        self.counters.observe("revocation_seconds", revocation.seconds)
        self.counters.count("revocations", "incomplete" if revocation.missing else "confirmed")
