"""Rows that only control and the store speak of. Times are seconds since the epoch; secrets are ciphertext or digests."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str
    name: str
    created_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A dashboard session: it names a token and holds none of its rights."""

    key: bytes = field(repr=False)
    """Digest of the cookie's value."""
    token_id: str
    rolls: int
    """Of the token at sign-in: a rolled token ends its sessions as a revoked one does."""
    secure: bool
    """Made over TLS: its cookie has the `__Host-` name, which no other site of the domain can set."""
    opened_at: float
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A provider key of a gateway (section 12), encrypted."""

    id: str
    account_id: str
    gateway_id: str
    provider: str
    alias: str
    default_config: bool
    sealed: bytes = field(repr=False)
    """Ciphertext of `control.vault`."""
    preview: str
    rate_limit: int | None
    rate_limit_period: int | None
    created_at: float
    modified_at: float
    custom_id: str | None = None
    """The custom provider that the key was stored for; its deletion deletes the key. None for the registry's providers."""
    origin: str = ""
    """Of that provider's base URL when the key was stored or moved: it is sent nowhere else."""
    hosts: list[str] = field(default_factory=list)
    """Where the key may go besides the provider's own hosts, if requests name the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCustomProvider:
    """A custom provider as the API shows it; `headers` (JSON text) may hold credentials, so it is sealed too."""

    id: str
    account_id: str
    name: str
    slug: str
    base_url: str
    description: str | None
    link: str | None
    enable: bool
    beta: bool
    sealed_headers: bytes | None = field(repr=False)
    curl_example: str | None
    js_example: str | None
    position: int
    logo: str | None
    created_at: float
    modified_at: float
