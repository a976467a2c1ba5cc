"""Every metric there is, as data: what edges may count, what control renders, what the documentation lists.

Names get the prefix `aig_`, counters the ending `_total`; units are base units (seconds, bytes). No label holds a token, a
user or a raw path. Labels whose values customers choose are capped: what comes after the first `limit` values is `other`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.model.causes import UPSTREAM_CAUSES
from gateway.model.faults import FAULTS, Source
from gateway.providers.registry import PROVIDERS

PREFIX: Final = "aig_"
OTHER: Final = "other"
NONE: Final = "none"


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    """Of each edge; they are added up, and an edge that is gone counts no more."""
    HIGHEST = "highest"
    """A counter that somebody else keeps: the highest value that any edge has told."""
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, in its unit; one more bucket takes the rest."""

    @property
    def shown(self) -> str:
        """Its name on the page, and in dashboards and alerts."""
        ending = "_total" if self.kind in (Kind.COUNTER, Kind.HIGHEST) else ""
        return f"{PREFIX}{self.name}{ending}"


OPEN_LABELS: Final = {"gateway": 100, "provider": 100, "model": 200}
"""Label → how many values it may take. All other labels take values of closed sets."""

# Whose fault a request's end was. A closed set.
BLAMED_NOBODY: Final = NONE
BLAME: Final = (BLAMED_NOBODY, *(source.value for source in Source))

_MICRO: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0)
_EVENT: Final = (0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005, 0.05)
_NETWORK: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ANSWER: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_LAG: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_REVOKE: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

FAMILIES: Final[tuple[Family, ...]] = (
    # --- requests
    Family(
        "requests",
        Kind.COUNTER,
        "Inference requests that ended, by status class and by whose fault it was: none, client, gateway or upstream.",
        ("gateway", "provider", "status", "fault"),
    ),
    Family("other_requests", Kind.COUNTER, "Requests that are no inference.", ("surface",)),
    Family("refusals", Kind.COUNTER, "Answers of the gateway's own, by row of its error table.", ("reason", "fault")),
    Family("requests_in_flight", Kind.GAUGE, "Requests under way."),
    Family("client_connections", Kind.GAUGE, "Connections that clients hold."),
    Family(
        "client_bytes",
        Kind.GAUGE,
        "What clients' connections hold: heads and bodies that arrive, and heads that are remembered.",
        ("kind",),
    ),
    Family(
        "client_connections_ended",
        Kind.COUNTER,
        "Connections of clients without a valid token ended to make room, for their number, their bytes or memory, or refused.",
        ("reason",),
    ),
    Family("streams_open", Kind.GAUGE, "Event streams under way."),
    Family("streams_stalled", Kind.GAUGE, "Answers that wait for a client that does not read."),
    # --- authentication
    Family(
        "auth",
        Kind.COUNTER,
        "What authentication decided: permitted, anonymous, missing, invalid, forbidden or unavailable (could not be checked).",
        ("outcome",),
    ),
    Family(
        "auth_cache",
        Kind.COUNTER,
        "Where the word on a token came from, for traffic and for the management API, which ask one cache: hit, miss (asked), "
        "stale (could not be asked), negative, malformed.",
        ("state",),
    ),
    Family("revocation_seconds", Kind.HISTOGRAM, "From a revocation to the last edge's word.", (), _REVOKE),
    Family("revocations", Kind.COUNTER, "Revocations, confirmed by every edge or incomplete.", ("result",)),
    # --- time
    Family(
        "overhead_seconds",
        Kind.HISTOGRAM,
        "From a request to its first attempt at a provider, where the whole request was there at once.",
        (),
        _MICRO,
    ),
    Family(
        "event_delay_seconds",
        Kind.HISTOGRAM,
        "From an event's arrival to its write to the client, of one event in sixteen.",
        (),
        _EVENT,
    ),
    Family(
        "upstream_wait_seconds",
        Kind.HISTOGRAM,
        "Queueing and dialling, where no connection was idle.",
        (),
        _NETWORK,
    ),
    Family(
        "upstream_first_byte_seconds",
        Kind.HISTOGRAM,
        "From the first attempt to the provider's response head.",
        ("provider",),
        _ANSWER,
    ),
    Family("request_duration_seconds", Kind.HISTOGRAM, "Logged requests, first byte to last.", ("provider",), _ANSWER),
    Family(
        "event_loop_lag_seconds", Kind.HISTOGRAM, "How late a timer of one second came, by kind of process.", ("process",), _LAG
    ),
    # --- providers
    Family("upstream_connections", Kind.GAUGE, "Connections to providers: idle or busy (in use or being dialled).", ("state",)),
    Family("upstream_waiting", Kind.GAUGE, "Requests that wait for a provider connection."),
    Family(
        "upstream_failures",
        Kind.COUNTER,
        "Requests that a provider gave no answer to, or half of one, by provider (custom: any custom one) and cause.",
        ("provider", "cause"),
    ),
    Family("tokens", Kind.COUNTER, "Tokens that providers reported, of logged requests.", ("provider", "model", "kind")),
    Family("model_requests", Kind.COUNTER, "Logged requests that succeeded, by model.", ("provider", "model")),
    Family("body_bytes", Kind.COUNTER, "Bytes of logged bodies.", ("direction",)),
    # --- the request log
    Family("log_queue_records", Kind.GAUGE, "Log records that wait, in the edges or in control for the store.", ("where",)),
    Family("log_records_written", Kind.COUNTER, "Rows of the request log that the store took."),
    Family(
        "log_records_dropped",
        Kind.COUNTER,
        "Rows that were lost, in the edges or in control, or over the day's budget for callers without a token.",
        ("where",),
    ),
    # --- the service
    Family("events", Kind.COUNTER, "Things worth a look.", ("event",)),
    Family("worker_restarts", Kind.HIGHEST, "Processes that ended by themselves and were replaced, since the service started."),
    Family("edges", Kind.GAUGE, "Edge workers: expected, connected to control, ready.", ("state",)),
    Family("edges_draining", Kind.GAUGE, "Edge workers that finish their requests and take no more."),
    Family("edges_overloaded", Kind.GAUGE, "Edge workers short of memory, which refuse new requests."),
    Family("store_up", Kind.GAUGE, "Whether the store answers: 1 or 0."),
    Family("gateways", Kind.GAUGE, "Gateways by whether they ask for a token: on or off.", ("authentication",)),
    Family("build_info", Kind.GAUGE, "1, with the version.", ("version",)),
)

BY_NAME: Final = {family.name: family for family in FAMILIES}

EVENTS: Final = {
    "upstream_retries": "a request was sent again on a fresh connection",
    "upstream_truncated": "a provider's answer ended before its end",
    "token_questions": "a worker asked control about a token",
    "report_failed": "a request left no record and no counters, for a fault of ours",
    "tap_failed": "an answer's token counts could not be read",
}
"""What edges count by a bare name: the values of `aig_events_total{event}`."""

SURFACES: Final = ("control", "dashboard", "ops", NONE)
STATUSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
AUTH_OUTCOMES: Final = {
    "missing_token": "missing",
    "invalid_token": "invalid",
    "forbidden": "forbidden",
    "control_down": "unavailable",
}
"""Fault of the error table → what authentication decided."""

CLOSED: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("requests", "status"): frozenset(STATUSES),
    ("requests", "fault"): frozenset(BLAME),
    ("other_requests", "surface"): frozenset(SURFACES),
    ("refusals", "reason"): frozenset(fault.name for fault in FAULTS),
    ("refusals", "fault"): frozenset(source.value for source in Source),
    ("auth", "outcome"): frozenset({*AUTH_OUTCOMES.values(), "permitted", "anonymous"}),
    ("auth_cache", "state"): frozenset({"hit", "miss", "stale", "negative", "malformed"}),
    ("client_bytes", "kind"): frozenset({"arriving", "remembered"}),
    ("client_connections_ended", "reason"): frozenset({"connections", "bytes", "memory", "refused"}),
    ("revocations", "result"): frozenset({"confirmed", "incomplete"}),
    ("event_loop_lag_seconds", "process"): frozenset({"edge", "control"}),
    ("upstream_connections", "state"): frozenset({"idle", "busy"}),
    ("upstream_failures", "provider"): frozenset({"custom", *(provider.slug for provider in PROVIDERS)}),
    ("upstream_failures", "cause"): frozenset(UPSTREAM_CAUSES),
    ("tokens", "kind"): frozenset({"in", "out", "cached", "reasoning"}),
    ("body_bytes", "direction"): frozenset({"request", "response"}),
    ("log_queue_records", "where"): frozenset({"edge", "control"}),
    ("log_records_dropped", "where"): frozenset({"edge", "control", "budget"}),
    ("events", "event"): frozenset(EVENTS),
    ("edges", "state"): frozenset({"expected", "connected", "ready"}),
    ("gateways", "authentication"): frozenset({"on", "off"}),
}
"""(family, label) → its values, for every label that is not open."""
