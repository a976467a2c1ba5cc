"""Where a request goes upstream: the provider's row, the origin to dial, and the target made of both (section 11)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gateway.model.routes import Endpoint


class Dialect(Enum):
    """Whose shapes the answers have: tells the usage tap what to look for."""

    OPENAI = auto()
    """Chat completions, embeddings and Responses."""
    ANTHROPIC = auto()
    GEMINI = auto()
    COHERE = auto()
    NONE = auto()
    """Nothing to read: images, audio, vendors without token counts."""


@dataclass(frozen=True, slots=True)
class CredentialStyle:
    """The header field a provider reads its key from."""

    header: str
    """In lowercase."""
    scheme: str
    """Word before the key (`Bearer`); empty when the value is the key alone."""


BEARER: Final = CredentialStyle("authorization", "Bearer")

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """What a connection is made to, and what pools are keyed by."""

    scheme: str
    """`http`, `https` or `unix`."""
    host: str
    """Name or address without brackets; for `unix` the socket's path."""
    port: int
    """0 for `unix`."""

    @property
    def authority(self) -> str:
        """Value of the Host field (RFC 9110 section 7.2): default port left out, IPv6 in brackets."""
        if self.scheme == "unix":
            return "control"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


_PRINTABLE: Final = re.compile(r"[!-~]+")
_LABEL: Final = r"[0-9a-z_](?:[0-9a-z_-]{0,61}[0-9a-z_])?"
_NAME: Final = re.compile(rf"(?=.{{1,254}}\Z)(?:{_LABEL}\.)*{_LABEL}\.?")
"""Labels of 1 to 63 characters, 253 in all besides a dot at the end (RFC 1035 section 2.3.4); `_` is in use."""
_ADDRESS_6: Final = re.compile(r"[0-9a-f:.]+")
_DOTS: Final = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)


def has_dot_segment(path: str) -> bool:
    """Whether a path holds `.` or `..` as a segment, encoded or not: it could climb out of its prefix."""
    return any(_DOTS.fullmatch(segment) for segment in path.split("/"))


def parse_base(url: str) -> tuple[Origin, str]:
    """Origin and path prefix (no trailing slash) of a base URL.

    ValueError for anything but http or https with a host, and for userinfo, query, fragment, backslash, or dot segments.
    """
    if not _PRINTABLE.fullmatch(url) or any(char in url for char in "\\?#@"):
        raise ValueError("not a plain http or https URL")
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("neither http nor https")
    host = parts.hostname or ""
    if not (_ADDRESS_6 if ":" in host else _NAME).fullmatch(host):
        raise ValueError("no acceptable host")
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0 or has_dot_segment(parts.path):
        raise ValueError("no acceptable port or path")
    return Origin(parts.scheme, host, port), parts.path.rstrip("/")


def is_host(name: str) -> bool:
    """Whether this can be the name of a host in a URL."""
    return _NAME.fullmatch(name.lower()) is not None


def origin_of(base_url: str) -> str:
    """Scheme, host and port of a base URL as one text, the same however it is spelt. ValueError as `parse_base`."""
    origin, _ = parse_base(base_url)
    return f"{origin.scheme}://{origin.authority}"


def stays_within(old: str, new: str) -> bool:
    """Whether whatever can be reached below the base URL `new` could be reached below `old` too."""
    (old_origin, old_path), (new_origin, new_path) = parse_base(old), parse_base(new)
    return old_origin == new_origin and f"{new_path}/".startswith(f"{old_path}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One row of the provider table."""

    slug: str
    aliases: tuple[str, ...] = ()
    base_url: str = ""
    """Without trailing slash; empty where account or path decide the host."""
    credential: CredentialStyle = BEARER
    """Where a key travels on native paths."""
    endpoint_credential: CredentialStyle = BEARER
    """Where it travels on the OpenAI-shaped endpoints."""
    dialect: Dialect = Dialect.OPENAI
    """Shape of the answers on native paths."""
    endpoints: Mapping[Endpoint, str] = field(default_factory=dict)
    """Path on the base for each OpenAI- or Anthropic-shaped endpoint the provider serves."""
    adds: str = ""
    """Start of every native tail; added when the client left it out."""
    key_slots: tuple[str, ...] = ("authorization",)
    """Lowercase names of the fields in which a client may send this provider's key."""
    query_slots: tuple[str, ...] = ()
    """Query parameters that may hold the key instead."""
    signed: bool = False
    """Requests need a signature or a minted access token."""
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    """Fields the provider demands; for those the client did not send."""
    keyless_ok: bool = False
    """Requests without any key are forwarded."""
    key_hosts: tuple[str, ...] | None = None
    """None where no request has a say in the host. Else stored keys go to these hosts, and to those named with the key."""

    def credential_for(self, endpoint: Endpoint | None) -> CredentialStyle:
        """Style for an endpoint; None for a native path. Messages is Anthropic's own, so it takes the native one."""
        native = (None, Endpoint.MESSAGES, Endpoint.COUNT_TOKENS, Endpoint.RUN)
        return self.credential if endpoint in native else self.endpoint_credential

    def dialect_for(self, endpoint: Endpoint | None) -> Dialect:
        """Dialect of an endpoint's answers; None for a native path."""
        if endpoint is Endpoint.MESSAGES:
            return Dialect.ANTHROPIC
        if endpoint in (Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.EMBEDDINGS):
            return Dialect.OPENAI
        return Dialect.NONE if endpoint is Endpoint.COUNT_TOKENS else self.dialect  # counting is no usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One upstream to try."""

    provider: Provider
    origin: Origin
    path: str
    """Origin-form with query, raw."""
    credential: CredentialStyle
    model: str = ""
    """As the provider calls it; empty when unknown."""
    base: str = ""
    """The base URL that a native tail was appended to; empty where the URL was made otherwise."""
