from collections import Counter
from types import SimpleNamespace
from typing import Any

from gateway.edge.gauges import watch_clients, watch_identity, watch_pool, watch_requests
from gateway.telemetry.catalogue import BY_NAME
from gateway.telemetry.metrics import Metrics


def test_everything_watched_is_told_under_a_name_of_the_catalogue() -> None:
    metrics = Metrics()
    clients = [SimpleNamespace(writing_paused=paused) for paused in (True, False, False)]
    anything: Any = SimpleNamespace(
        streams=2, connections=clients, idle_connections=1, open_connections=5, waiting_requests=7, hits=9, negatives=10,
        malformed=11,
    )  # fmt: skip
    server: Any = SimpleNamespace(
        clients=SimpleNamespace(all=SimpleNamespace(held_bytes=12), ended=Counter(bytes=13)),
        memory=SimpleNamespace(held_bytes=14),
    )
    watch_clients(metrics, server)
    watch_requests(metrics, lambda: 6, anything, anything)
    watch_pool(metrics, anything)
    watch_identity(metrics, anything)
    told = metrics.take(1)
    assert told == {
        "client_bytes|arriving": 12,
        "client_bytes|remembered": 14,
        "client_connections_ended|bytes": 13,
        "requests_in_flight": 6,
        "client_connections": 3,
        "streams_open": 2,
        "streams_stalled": 1,
        "upstream_connections|idle": 1,
        "upstream_connections|busy": 4,
        "upstream_waiting": 7,
        "auth_cache|hit": 9,
        "auth_cache|negative": 10,
        "auth_cache|malformed": 11,
    }
    assert {name.partition("|")[0] for name in told} <= set(BY_NAME)
