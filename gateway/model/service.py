"""How the service runs: configuration as plain values. `run.config` reads it from file, environment and flags."""

from dataclasses import dataclass, field
from typing import Final

BOOTSTRAP_NAME: Final = "bootstrap-token"
"""File in the data folder: the first token. Empty once that has ended."""
NEW_STORE_NAME: Final = "new-store"
"""File in the data folder: a store that is new and empty is expected. Gone once there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    header_bytes: int = 65_536
    """Request line and fields together; more is 431, or 414 for a line that is longer all by itself."""
    body_bytes: int = 512 * 1024 * 1024
    """Largest request body; more is 413."""
    peek_bytes: int = 32 * 1024 * 1024
    """How far into a REST or compat body the model's name is looked for."""
    replay_bytes: int = 65_536
    """A body declared no longer than this is held whole: it leaves in one write with its head, and may be sent a second time
    when a reused connection turns out dead. Longer and chunked ones stream."""
    replay_stream_bytes: int = 1024 * 1024
    """One that streams and was declared no longer than this is kept until its answer begins, for the same purpose; others leave
    on a fresh connection."""
    replay_memory_bytes: int = 32 * 1024 * 1024
    """For all that a worker keeps so; beyond it they leave on a fresh connection too."""
    connections_per_origin: int = 2048
    idle_per_origin: int = 256
    waiting_per_origin: int = 1024
    """Requests that may wait for a connection; more is 503."""
    log_body_bytes: int = 262_144
    """Of each logged body; the rest of it is not kept. At most `bounds.LOG_BODY_BYTES`."""
    log_queue_bytes: int = 16 * 1024 * 1024
    unauthenticated_log_bytes: int = 10 * 1024 * 1024 * 1024
    """What the log takes in a day of rows and bodies of callers without a token; more are dropped and counted."""
    memory_bytes: int = 1024 * 1024 * 1024
    """A worker that holds more of its own takes no new inference requests until some is free; 0: no limit."""
    client_connections: int = 32_768
    """Clients' connections of a worker, never more than half of its descriptors. Where there is no room, strangers (no valid
    token was seen on the connection) that wait make some, then others that wait; else the new one is refused."""
    connections_per_source: int = 16_384
    """Of them from one address (IPv6: one /64); `trusted_proxies` are exempt."""
    client_bytes: int = 64 * 1024 * 1024
    """What heads and bodies that arrive may take in a worker, half of it from one address; beyond it connections of strangers
    are ended."""
    remembered_bytes: int = 32 * 1024 * 1024
    """What a worker may remember of heads, which saves reading them again."""
    body_rate_bytes: int = 256
    """Bytes a second that a request body must bring on average, once `client_body_slow_s` was spent waiting for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. There is no total limit: streams may last."""

    connect_s: float = 10.0
    first_byte_s: float = 300.0
    """From the request's end to the response head; `cf-aig-request-timeout` overrides it."""
    idle_s: float = 300.0
    """Silence within a response body."""
    client_head_s: float = 10.0
    """From a request's first byte to the end of its head."""
    client_body_s: float = 30.0
    """Silence within a request body."""
    client_body_slow_s: float = 60.0
    """Waiting for a request body, all pauses added up, until its average rate counts."""
    client_write_s: float = 60.0
    """A client that takes nothing while bytes wait for it."""
    keepalive_s: float = 75.0
    upstream_keepalive_s: float = 10.0
    queue_s: float = 5.0
    """Waiting for a free upstream connection."""
    drain_s: float = 600.0
    """Streams under way at SIGTERM may take this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCaching:
    ttl_s: float = 60.0
    refresh_ahead: float = 0.75
    """Share of the lifetime after which a hit renews the entry in the background."""
    grace_s: float = 600.0
    """How long a known token goes on while control or the store cannot be asked."""
    negative_ttl_s: float = 5.0
    positive_entries: int = 100_000
    negative_entries: int = 50_000
    ask_timeout_s: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOverride:
    """Operator's word on a provider; may be plain http and private."""

    base_url: str = ""
    keyless: bool = False
    """The upstream needs no key (a private vLLM): requests without one are forwarded instead of refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """All an edge worker is told at its start."""

    listen: tuple[str, ...] = ("127.0.0.1:8787",)
    admin_listen: tuple[str, ...] = ()
    """Of the management API and the dashboard; empty: the public addresses serve them too."""
    hosts: tuple[str, ...] = ()
    """Host names that the public addresses answer to; empty for any."""
    admin_hosts: tuple[str, ...] = ()
    """Besides addresses and this machine's own names."""
    control_socket: str = ""
    """Path of control's unix socket: link and management API."""
    pepper: bytes = field(default=b"", repr=False)
    """Key of the token digests."""
    older_peppers: tuple[bytes, ...] = field(default=(), repr=False)
    """Of tokens that were not used since the rotation, newest first."""
    tls_certificate: str = ""
    tls_key: str = ""
    """PEM files; empty for plain HTTP."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For is believed."""
    cors_origins: tuple[str, ...] = ("*",)
    """Origins whose pages may use inference; `*` for all, empty for none."""
    server_timing: bool = False
    """Whether answers say where their time went."""
    ca_bundle: str = ""
    """PEM file that replaces the system's certificate authorities for providers; empty for the system's."""
    allow_private_custom: bool = False
    """Whether custom providers may be plain http or live on private addresses (SSRF guard off)."""
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    token_cache: TokenCaching = field(default_factory=TokenCaching)
    providers: dict[str, ProviderOverride] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConfig:
    """All the control process is told at its start."""

    control_socket: str
    """Path of the unix socket it serves the API, the dashboard and the link on; its folder is private (0700)."""
    ops_listen: str = "127.0.0.1:8788"
    """host:port of the ops listener; empty for none."""
    ops_hosts: tuple[str, ...] = ()
    """Host names that the ops listener answers to, besides addresses and this machine's own names."""
    store_url: str = ""
    """`sqlite:////absolute/path` or `postgresql://…`."""
    data_dir: str = ""
    pepper: bytes = field(default=b"", repr=False)
    """Key of the token digests."""
    older_peppers: tuple[bytes, ...] = field(default=(), repr=False)
    """Of tokens that were not used since the rotation, newest first."""
    master_key: bytes = field(default=b"", repr=False)
    """32 bytes: seals provider keys (AES-256-GCM)."""
    older_master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """They only open, until everything is sealed anew."""
    account_id: str = ""
    """Of the first account; generated when empty."""
    bootstrap_token: str = field(default="", repr=False)
    """Preset value of the first token; minted when empty."""
    bootstrap_hours: int = 24
    """How long the first token is good for."""
    bootstrap_stays: bool = False
    """Whether it goes on when another token that may do everything is made."""
    public_url: str = "http://127.0.0.1:8787"
    """Origin that clients reach the gateway by; shown in `url/{provider}`."""
    audit_keep_days: int = 400
    """How long entries of the audit log are kept."""
    header_bytes: int = 65_536
    log_body_bytes: int = 262_144
    """As much of each logged body is kept, also when it came packed."""
    unauthenticated_log_bytes: int = 10 * 1024 * 1024 * 1024
    dashboard_url: str = ""
    """Origin that browsers reach the dashboard by, where it has an address of its own."""
    access_log_share: float = 0.0
    """Share of the logged requests that get a line in the service's own log."""
    workers: int = 1
    """Edges expected: readiness waits for them."""
    revoke_timeout_s: float = 2.0
    """How long a revocation waits for every edge's word."""
    shutdown_s: float = 8.0
    allow_private_custom: bool = False
