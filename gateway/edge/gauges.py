"""What of an edge comes and goes: read once a second, so that no request pays for it."""

from collections.abc import Callable
from typing import Final

from gateway.edge.downstream import EdgeServer
from gateway.edge.identity import Identity
from gateway.edge.relay import Relay
from gateway.telemetry.metrics import Metrics
from gateway.upstream.pool import Pool

_ENDED: Final = ("connections", "bytes", "memory", "refused")


def watch_clients(metrics: Metrics, server: EdgeServer) -> None:
    metrics.gauge("client_bytes|arriving", lambda: server.clients.all.held_bytes)
    metrics.gauge("client_bytes|remembered", lambda: server.memory.held_bytes)
    for reason in _ENDED:
        metrics.total(f"client_connections_ended|{reason}", lambda reason=reason: server.clients.ended[reason])  # type: ignore[misc]


def watch_requests(metrics: Metrics, in_flight: Callable[[], int], relay: Relay, server: EdgeServer) -> None:
    metrics.gauge("requests_in_flight", in_flight)
    metrics.gauge("client_connections", lambda: len(server.connections))
    metrics.gauge("streams_open", lambda: relay.streams)
    metrics.gauge("streams_stalled", lambda: sum(client.writing_paused for client in server.connections))


def watch_pool(metrics: Metrics, pool: Pool) -> None:
    metrics.gauge("upstream_connections|idle", lambda: pool.idle_connections)
    metrics.gauge("upstream_connections|busy", lambda: pool.open_connections - pool.idle_connections)
    metrics.gauge("upstream_waiting", lambda: pool.waiting_requests)


def watch_identity(metrics: Metrics, identity: Identity) -> None:
    metrics.total("auth_cache|hit", lambda: identity.hits)
    metrics.total("auth_cache|negative", lambda: identity.negatives)
    metrics.total("auth_cache|malformed", lambda: identity.malformed)
