"""One edge: composes the data plane, listens, applies what control sends, and drains."""

import asyncio
import copy
import logging
import resource
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace

import orjson

from gateway.edge.chooser import Chooser
from gateway.edge.clients import Clients
from gateway.edge.doors import admin_door, public_door
from gateway.edge.downstream import EdgeServer
from gateway.edge.gauges import watch_clients, watch_identity, watch_pool, watch_requests
from gateway.edge.identity import Identity, Reader
from gateway.edge.key_trial import KeyTrial
from gateway.edge.lifecycle import Lifecycle
from gateway.edge.management import Management
from gateway.edge.phases.open_default import OpenDefault
from gateway.edge.relay import Relay
from gateway.edge.report import Reporter
from gateway.edge.settings import Settings
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.clock import Clock
from gateway.link.frames import DownFrame, Patch, Ready, Recorded, Revoke, Revoked, Snapshot, TryKey
from gateway.link.port import Connect, EdgeLink
from gateway.model.faults import DRAINING, Refusal
from gateway.model.service import EdgeConfig, Limits
from gateway.protocol.cors import Cors
from gateway.telemetry.memory import MemoryWatch
from gateway.upstream.dial import Dialer, tls_context
from gateway.upstream.pool import Pool

BACKLOG = 4096
READ_BYTES = 65_536
"""What a request body may pile up to before the client is no longer read; twice this per connection."""
LINGER_S = 2.0
"""How long an unread request body is drained after an early answer, so that the client can read it."""
IDLE_GRACE_S = 1.0
"""Draining: idle keep-alive connections live on this long, for requests already under way to us."""

_log = logging.getLogger("gateway.edge")


class Edge:
    def __init__(self, config: EdgeConfig, clock: Clock, connect: Connect, *, worker: str) -> None:
        self._config = config
        self._worker = worker
        self._clock = clock
        self._connect = connect
        self._listeners: list[asyncio.Server] = []
        self._settled = asyncio.Event()
        self._draining = False
        timeouts = config.timeouts
        dialer = Dialer(clock, lambda: tls_context(config.ca_bundle), timeouts.connect_s)
        self.pool = Pool(dialer, config.limits, timeouts)
        peppers = (config.pepper, *config.older_peppers)
        self.reporter = Reporter(clock, config.limits.log_queue_bytes, config.limits.log_body_bytes, peppers)
        self.relay = Relay(self.pool, config.limits, timeouts, clock, self.reporter)
        self.relay.timed = config.server_timing
        self.relay.cors = Cors(config.cors_origins)
        self.reporter.metrics.gauge("edges_draining", lambda: int(self._draining))
        self._memory = MemoryWatch(config.limits.memory_bytes, self._on_memory, relieve=self._shed)
        self.reporter.metrics.gauge("edges_overloaded", lambda: int(self._memory.over))
        self._open_default = OpenDefault()
        self.settings = Settings(self._open_default)
        self._key_trial = KeyTrial(config, self.settings, self.pool)
        self._trials: set[asyncio.Task[None]] = set()
        self._link: EdgeLink | None = None
        self._identity: Identity | None = None
        self._lifecycle: Lifecycle | None = None
        self._server: EdgeServer | None = None
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Settings are loaded and connections are accepted."""
        return self._settled.is_set() and bool(self._listeners) and not self._draining

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._lifecycle.in_flight if self._lifecycle is not None else 0

    async def start(
        self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None, admin: Sequence[socket.socket] = ()
    ) -> None:
        """Connect the link, wait for the settings, then accept: until then clients wait in the backlog."""
        link = self._link = await self._connect(self._on_frame)
        self._open_default.link, self._open_default.settings = link, self.settings
        self._identity = Identity(link, self._clock, self._config.token_cache, self.reporter.count)
        self.pool.start()
        self.reporter.start(link)
        self._memory.start()
        lifecycle = self._lifecycle = self._compose(self._identity)
        await self._settled.wait()
        self._server = EdgeServer(
            lifecycle.serve,
            limits=_within_descriptors(self._config.limits),
            clients=lifecycle.clients,
            head_s=self._config.timeouts.client_head_s,
            door=public_door(self._config),
            keepalive_timeout=self._config.timeouts.keepalive_s,
            lingering_time=LINGER_S,
            read_bufsize=READ_BYTES,
        )
        watch_requests(self.reporter.metrics, lambda: lifecycle.in_flight, self.relay, self._server)
        watch_clients(self.reporter.metrics, self._server)
        watch_pool(self.reporter.metrics, self.pool)
        watch_identity(self.reporter.metrics, self._identity)
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self._listeners.append(await loop.create_server(self._server, sock=sock, backlog=BACKLOG, ssl=tls))
        behind = copy.copy(self._server)  # counts, bounds and drains the same connections
        behind.door = admin_door(self._config)
        behind.memory = behind.door.memory
        for sock in admin:
            self._listeners.append(await loop.create_server(behind, sock=sock, backlog=BACKLOG, ssl=tls))
        self._sweeper = spawn(self._forget_heads(self._server, behind), "head-memory")
        self._tell_version()

    async def drain(self, grace_s: float) -> None:
        """Stop accepting, let what is under way finish for up to `grace_s`, cut the rest visibly, close."""
        self._draining = self.relay.draining = True
        self.reporter.flush(with_counters=True)  # readiness must know at once
        for listener in self._listeners:
            listener.close()
        if self._server is not None and self._lifecycle is not None:
            deadline = self._clock.monotonic() + grace_s
            await self._wait_idle(min(IDLE_GRACE_S, grace_s), connections=True)
            self._server.pre_shutdown()
            await self._wait_idle(deadline - self._clock.monotonic(), connections=False)
            await self._server.shutdown(0.1)
        self._memory.stop()
        for task in (self._sweeper, *self._trials):
            await cancel_and_wait(task)
        await self.reporter.close()
        await self.pool.close()

    def _compose(self, identity: Identity) -> Lifecycle:
        reader = Reader(self._config.pepper, *self._config.older_peppers)
        lifecycle = Lifecycle(
            self.settings,
            reader,
            identity,
            Chooser(self._config, self._health, Management(self._config, reader, identity)),
            self.relay,
            self.reporter,
        )
        lifecycle.clients = Clients(self._config.trusted_proxies)
        return lifecycle

    def _on_memory(self, over: bool) -> None:
        if self._lifecycle is not None:
            self._lifecycle.overloaded = over
        _log.warning("memory limit passed: new requests are refused" if over else "memory limit kept again")
        self.reporter.flush(with_counters=True)  # readiness must know at once

    def _shed(self) -> None:
        if self._server is not None:
            self._server.clients.shed()

    async def _forget_heads(self, *servers: EdgeServer) -> None:
        """Heads hold credentials: those that nobody uses are gone before the token's entry is."""
        while True:
            await asyncio.sleep(self._config.token_cache.ttl_s)
            for server in servers:
                server.memory.sweep()

    async def _wait_idle(self, limit_s: float, *, connections: bool) -> None:
        """Until no request is under way (with `connections`: no client is connected), or the time is up."""
        assert self._server is not None
        assert self._lifecycle is not None
        until = self._clock.monotonic() + limit_s
        while self._clock.monotonic() < until:
            if not self._lifecycle.in_flight and not (connections and self._server.connections):
                return
            await asyncio.sleep(0.05)

    def _on_frame(self, frame: DownFrame) -> None:
        match frame:
            case Snapshot():
                self.settings.replace(frame)
                self._settled.set()
                self._tell_version()
            case Patch():
                if self.settings.patch(frame):
                    self._tell_version()
                elif self._link is not None:
                    self._link.send(Ready(self._worker, 0))
            case Recorded(number):
                self.reporter.outgoing.confirmed(number)
            case TryKey():
                task = spawn(self._try_key(frame), "key-trial")
                self._trials.add(task)
                task.add_done_callback(self._trials.discard)
            case Revoke(digest):
                if self._identity is not None:
                    self._identity.revoke(digest)
                if self._link is not None:
                    self._link.send(Revoked(digest))
            case _:
                pass

    async def _try_key(self, frame: TryKey) -> None:
        tried = await self._key_trial.run(frame)
        if self._link is not None:
            self._link.send(tried)

    def _tell_version(self) -> None:
        if self._link is not None and self._listeners:
            self._link.send(Ready(self._worker, self.settings.version))

    def _health(self, probe: str) -> bytes:
        if probe == "livez":
            return b'{"status":"ok"}'
        if not self.ready:
            raise Refusal(DRAINING)
        connected = self._link is not None and self._link.connected
        state: dict[str, object] = (
            {"status": "ok"} if connected else {"status": "degraded", "reason": "control is not reachable"}
        )
        return orjson.dumps(state | {"settings_version": self.settings.version})


def _within_descriptors(limits: Limits) -> Limits:
    """Half of the descriptors are for connections to providers: without them no client is served."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return limits
    return replace(limits, client_connections=min(limits.client_connections, max(1, files // 2)))
