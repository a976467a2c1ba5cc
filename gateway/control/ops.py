"""`/livez`, `/readyz`, `/metrics`: for load balancers, service managers and Prometheus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from gateway.control.counters import CounterSums, render_metrics
from gateway.control.janitor import Janitor
from gateway.control.publisher import Publisher
from gateway.control.recorder import Recorder

_NO_STORE: Final = {"Cache-Control": "no-store"}
_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


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
        if self.publisher.ready < self.workers:
            failed.append(f"{self.publisher.ready} of {self.workers} edges ready")
        if failed:
            return Readiness("failed", tuple(failed))
        degraded: list[str] = []
        if not self.janitor.store_up:
            degraded.append("store down")
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
        counters = self.counters.sums | {
            "log_records_written_total": self.recorder.written,
            "log_records_dropped_total": self.recorder.dropped,
            "revocations_total": self.publisher.revocations,
        }
        gauges = {
            "edges_connected": self.publisher.connected,
            "edges_ready": self.publisher.ready,
            "edges_expected": self.workers,
            "log_records_waiting": self.recorder.waiting,
            "store_up": int(self.opened() and self.janitor.store_up),
        }
        text = render_metrics(counters, gauges)
        return web.Response(body=text.encode(), headers=_NO_STORE | {"Content-Type": _METRICS_TYPE})
