"""The link's vocabulary (architecture section 6): one frozen dataclass per frame, one JSON text message each.

Down: Hello, Snapshot, Patch, Revoke, Recorded, TryKey. Up: Ready, Revoked, Records, Counters,
Unauthenticated, Tried.
Questions go up with a number and come back answered: AskToken → TokenAnswer, OpenDefault → Opened, Lease → Leased.
A question that control cannot answer now comes back as Unavailable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import orjson

from gateway.model.gateways import AccountEntry, CustomProvider, Gateway, GatewayEntry, ProviderKey
from gateway.model.records import LogBodies, LogRecord, Row
from gateway.model.tokens import Principal

PROTOCOL_VERSION: Final = 1


# --- down -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame on each connection."""

    protocol: int
    edge_id: str
    """The name control gave this connection."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All settings; replaces everything the edge had."""

    version: int
    accounts: tuple[AccountEntry, ...]
    gateways: tuple[GatewayEntry, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """What changed from version - 1 to version. An edge at another version asks for a Snapshot with Ready(…, 0)."""

    version: int
    accounts: tuple[AccountEntry, ...] = ()
    """Replace the entries of these accounts."""
    gateways: tuple[GatewayEntry, ...] = ()
    """Replace or add these gateways."""
    removed: tuple[tuple[str, str], ...] = ()
    """(account id, gateway id) of deleted gateways."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """Forget what is cached about this token digest; answer Revoked."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """The Records with this number are in the store, or given up for good."""

    number: int


@dataclass(frozen=True, slots=True)
class TryKey:
    """Ask the provider of this stored key whether it accepts it; answer Tried. The edge has the key already."""

    ask: int
    account_id: str
    gateway_id: str
    provider: str
    alias: str


# --- up -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """The edge is at this settings version; 0 asks for a snapshot."""

    worker: str
    version: int


@dataclass(frozen=True, slots=True)
class Revoked:
    digest: bytes


@dataclass(frozen=True, slots=True)
class Records:
    """The edge keeps them, and sends them again on a new connection, until Recorded names their number."""

    number: int
    """Counts up from 1 for each edge."""
    rows: Sequence[Row]
    """Log records, each as a plain tuple: an edge makes one for every request, and orjson writes no subclass of tuple."""
    bodies: Sequence[Row] = ()
    """LogBodies of some of them, likewise; bytes travel as the text of the same code points (Latin-1)."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Differences since the last frame; name → increment."""

    deltas: dict[str, int]


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """Requests without a valid token, since the last frame (decision 0013)."""

    refused: Sequence[Row]
    """(account id, gateway id, requests): gateways that asked for one."""
    passed: Sequence[Row]
    """The values of a `model.unauthenticated.Caller` and requests: gateways that asked for none."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of TryKey."""

    ask: int
    verdict: str
    """`accepted`, `refused`, `unclear`, `unreachable`, `untestable`, or `absent` for a key that this edge does not have."""
    status: int = 0
    """Of the provider's answer; 0 without one."""
    cause: str = ""
    """Why there was none: one of `model.causes.UPSTREAM_CAUSES`."""


# --- questions and answers --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskToken:
    ask: int
    digests: Mapping[str, bytes]
    """Pepper's id → the token's digest by it, the newest pepper first; the id is empty where the edge knows one pepper."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    ask: int
    principal: Principal | None
    """None: there is no such token, or it is disabled."""


@dataclass(frozen=True, slots=True)
class OpenDefault:
    """Create the account's `default` gateway unless it exists (specification section 4.3)."""

    ask: int
    account_id: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The patch or snapshot that shows the gateway was sent on this link before this answer."""

    ask: int
    opened: bool
    """False: there is no such account."""


@dataclass(frozen=True, slots=True)
class Lease:
    ask: int
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Leased:
    ask: int
    granted: int


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Control is there, the store is not."""

    ask: int


Question = AskToken | OpenDefault | Lease
Answer = TokenAnswer | Opened | Leased | Unavailable
DownFrame = Hello | Snapshot | Patch | Revoke | Recorded | TryKey | Answer
UpFrame = Ready | Revoked | Records | Counters | Unauthenticated | Tried | Question
Frame = DownFrame | UpFrame

_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        Hello,
        Snapshot,
        Patch,
        Revoke,
        Recorded,
        TryKey,
        Ready,
        Revoked,
        Records,
        Counters,
        Unauthenticated,
        Tried,
        AskToken,
        TokenAnswer,
        OpenDefault,
        Opened,
        Lease,
        Leased,
        Unavailable,
    )
}


UP_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Longest message that control reads of an edge. Down, a snapshot may be larger."""


class Unsendable(ValueError):
    """No connection will ever carry this frame: it is longer than control reads, or has no spelling in JSON."""


class BadFrame(ValueError):
    """The peer speaks another dialect; the connection is dropped."""


def encode(frame: Frame) -> bytes:
    """One JSON array, `[kind, field, field, …]`, in the order of the dataclass."""
    kind = type(frame)
    values = [getattr(frame, field.name) for field in fields(kind)]
    return orjson.dumps([kind.__name__, *values], default=_to_json)


def encode_up(frame: UpFrame) -> bytes:
    """The same for frames whose values strangers write. Raises Unsendable."""
    try:
        message = encode(frame)
    except TypeError as error:
        raise Unsendable("a value has no spelling in JSON") from error
    if len(message) >= UP_MESSAGE_BYTES:
        raise Unsendable("longer than a message may be")
    return message


def decode(message: bytes | str) -> Frame:
    """The frame in a message; BadFrame for anything else."""
    try:
        name, *values = orjson.loads(message)
        kind = _KINDS[name]
        read = _READERS.get(name)
        return kind(*(read(values) if read else values))  # type: ignore[no-any-return]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadFrame("not a frame of this link") from error


def _to_json(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value)


def _gateway_entry(value: dict[str, Any]) -> GatewayEntry:
    keys = tuple(ProviderKey(**{**key, "hosts": tuple(key["hosts"])}) for key in value["keys"])
    return GatewayEntry(gateway=Gateway(**value["gateway"]), keys=keys)


def _account_entry(value: dict[str, Any]) -> AccountEntry:
    customs = tuple(CustomProvider(**custom) for custom in value["custom_providers"])
    return AccountEntry(account_id=value["account_id"], custom_providers=customs)


def _networks(texts: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(str(text)) for text in texts)  # ip_network itself would take a number or a bool for an address


def _principal(value: dict[str, Any] | None) -> Principal | None:
    if value is None:
        return None
    grants = {
        account: {name: None if only is None else frozenset(only) for name, only in permissions.items()}
        for account, permissions in value["grants"].items()
    }
    return Principal(
        token_id=value["token_id"],
        grants=grants,
        not_before=value["not_before"],
        expires_on=value["expires_on"],
        ip_in=_networks(value["ip_in"]),
        ip_not_in=_networks(value["ip_not_in"]),
    )


def _bodies(*row: Any) -> LogBodies:
    bodies = LogBodies(*row)
    return bodies._replace(request=row[3].encode("latin-1"), response=row[4].encode("latin-1"))


def _snapshot(values: list[Any]) -> list[Any]:
    version, accounts, gateways = values
    return [version, tuple(map(_account_entry, accounts)), tuple(map(_gateway_entry, gateways))]


def _patch(values: list[Any]) -> list[Any]:
    version, accounts, gateways, removed = values
    return [*_snapshot([version, accounts, gateways]), tuple((account, name) for account, name in removed)]


_READERS: Final[dict[str, Any]] = {
    "Snapshot": _snapshot,
    "Patch": _patch,
    "Revoke": lambda values: [bytes.fromhex(values[0])],
    "Revoked": lambda values: [bytes.fromhex(values[0])],
    "Records": lambda values: [values[0], [LogRecord(*row) for row in values[1]], [_bodies(*row) for row in values[2]]],
    "AskToken": lambda values: [values[0], {pepper: bytes.fromhex(digest) for pepper, digest in values[1].items()}],
    "TokenAnswer": lambda values: [values[0], _principal(values[1])],
}
