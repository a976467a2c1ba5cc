"""API tokens: their format, what they permit, and the Principal a valid one stands for (specification section 5)."""

import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gateway.kit.addresses import Network, parse_address, within

TOKEN_PREFIX: Final = "agw_"  # noqa: S105 - a prefix, not a secret
_RANDOM_LENGTH: Final = 43
"""32 random bytes in base 62."""
_CHECK_LENGTH: Final = 6
"""A CRC32 in base 62."""
TOKEN_LENGTH: Final = len(TOKEN_PREFIX) + _RANDOM_LENGTH + _CHECK_LENGTH
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECK_LENGTH)


def mint_token() -> str:
    """A new token value: prefix, 32 random bytes, CRC32; regex `agw_[0-9A-Za-z]{49}`."""
    body = TOKEN_PREFIX + _base62(int.from_bytes(secrets.token_bytes(32), "big"), _RANDOM_LENGTH)
    return body + _check(body)


def well_formed(token: str) -> bool:
    """Whether this may be one of our tokens. Garbage dies here, before hash, cache or store."""
    return (
        len(token) == TOKEN_LENGTH
        and token.startswith(TOKEN_PREFIX)
        and token.isascii()
        and _check(token[:-_CHECK_LENGTH]) == token[-_CHECK_LENGTH:]
    )


_LIKE_A_TOKEN: Final = re.compile(TOKEN_PREFIX.encode() + rb"[0-9A-Za-z_]{8,}")
"""With `_`, so that of two in a row none is left without its prefix."""
_LIKE_A_TOKEN_IN_TEXT: Final = re.compile(_LIKE_A_TOKEN.pattern.decode())
HIDDEN_TOKEN: Final = TOKEN_PREFIX.encode() + b"***"


def hide_tokens(raw: bytes) -> bytes:
    """`raw` without anything that looks like one of our tokens, or the beginning of one."""
    return _LIKE_A_TOKEN.sub(HIDDEN_TOKEN, raw) if TOKEN_PREFIX.encode() in raw else raw


def hide_tokens_in(text: str) -> str:
    """The same for text."""
    return _LIKE_A_TOKEN_IN_TEXT.sub(HIDDEN_TOKEN.decode(), text) if TOKEN_PREFIX in text else text


class Permission:
    """Names of the permission groups (section 5.3), as the API spells them."""

    RUN: Final = "AI Gateway Run"
    READ: Final = "AI Gateway Read"
    WRITE: Final = "AI Gateway Write"
    METADATA_READ: Final = "AI Gateway Metadata Read"
    WORKERS_AI_READ: Final = "Workers AI Read"
    WORKERS_AI_WRITE: Final = "Workers AI Write"
    SECRETS_WRITE: Final = "Secrets Store Write"
    TOKENS_READ: Final = "Account API Tokens Read"
    TOKENS_WRITE: Final = "Account API Tokens Write"
    LASTING_TOKENS_WRITE: Final = "Account Lasting API Tokens Write"
    """Whether tokens it makes may outlive it."""
    ACCOUNTS_WRITE: Final = "Account Settings Write"
    AUDIT_READ: Final = "Account Audit Logs Read"


ALL_PERMISSIONS: Final = (
    Permission.RUN,
    Permission.READ,
    Permission.WRITE,
    Permission.METADATA_READ,
    Permission.WORKERS_AI_READ,
    Permission.WORKERS_AI_WRITE,
    Permission.SECRETS_WRITE,
    Permission.TOKENS_READ,
    Permission.TOKENS_WRITE,
    Permission.LASTING_TOKENS_WRITE,
    Permission.ACCOUNTS_WRITE,
    Permission.AUDIT_READ,
)

ANY_ACCOUNT: Final = "*"
"""Key of the grants that hold on every account (the bootstrap token's)."""

Grants = Mapping[str, Mapping[str, frozenset[str] | None]]
"""account id (or ANY_ACCOUNT) → permission → the gateways it is limited to, None meaning all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling. Built by control from a stored token; cached by the edges; never holds the token itself."""

    token_id: str
    grants: Grants = field(default_factory=dict)
    """Already merged: an account's own entry includes what holds on any account, denials taken off."""
    not_before: float | None = None
    expires_on: float | None = None
    ip_in: tuple[Network, ...] = ()
    """Empty: any address."""
    ip_not_in: tuple[Network, ...] = ()

    def may(self, account_id: str, permission: str, gateway_id: str | None = None) -> bool:
        """Whether the token permits this; a permission limited to gateways needs one of them named."""
        granted = self.grants.get(account_id)
        if granted is None:
            granted = self.grants.get(ANY_ACCOUNT, {})
        if permission not in granted:
            return False
        gateways = granted[permission]
        return gateways is None or gateway_id in gateways

    def in_force(self, wall_s: float) -> bool:
        """Whether the moment lies within `not_before` and `expires_on`."""
        return (self.not_before is None or wall_s >= self.not_before) and (self.expires_on is None or wall_s < self.expires_on)

    def accepts_address(self, address: str) -> bool:
        """Whether the token may be used from this address (`condition.request_ip`); an unreadable address fits no rule."""
        if not self.ip_in and not self.ip_not_in:
            return True
        ip = parse_address(address)
        if ip is None:
            return False
        return (not self.ip_in or within(ip, self.ip_in)) and not within(ip, self.ip_not_in)


ANONYMOUS: Final = Principal(token_id="")
"""No credential was wanted, or none was given."""

INVALID: Final = Principal(token_id="")
"""A credential was given and is none of ours, or no longer. Compare by identity."""


class Permit(NamedTuple):
    """Proof that policy let the request through. Only `edge.policy.authorize` makes one; the relay demands it."""

    authenticated: bool
    token_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token without its value (specification section 5.2)."""

    id: str
    account_id: str
    """The account it was made in; what it permits is in `policies`."""
    kind: str
    """`user` or `account`: the tree it was created under."""
    name: str
    digest: bytes = field(repr=False)
    status: str
    """`active` or `disabled`; `expired` is derived from `expires_on` when shown."""
    policies: list[dict[str, Any]]
    condition: dict[str, Any] | None
    issued_on: float
    modified_on: float
    last_used_on: float | None = None
    not_before: float | None = None
    expires_on: float | None = None
    rolls: int = 0
    """How often it got a new value."""
    maker_id: str = ""
    """The token it was made with; empty for one that the service made."""
    maker_rolls: int = 0
    """The maker's count at that moment: with a maker that was rolled since it ends."""
    outlives_maker: bool = False
    pepper: str = ""
    """Id of the pepper that made `digest`."""
    older_digest: bytes | None = field(default=None, repr=False)
    """By the oldest pepper that was in use when `digest` was made, unless there was one only."""

    @property
    def known_by(self) -> tuple[bytes, ...]:
        """What edges may know it by."""
        return (self.digest,) if self.older_digest is None else (self.digest, self.older_digest)


class NewDigest(NamedTuple):
    """What a token is known by from now on."""

    was: bytes
    """Its digest until now."""
    digest: bytes
    pepper: str
    older_digest: bytes | None
