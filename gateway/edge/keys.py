"""Which secrets a request travels with (specification sections 2.2 and 12, decision 0016).

There is one credential, from the first of these that has one: the request itself, the stored key, the credential fields among
the header fields of a custom provider. What the gateway keeps is lent to authenticated requests only, on every surface.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from gateway.edge.settings import NO_ALIAS, GatewayPlan
from gateway.model.faults import KEY_NOT_FOR_HOST, MISSING_PROVIDER_KEY, MISSING_TOKEN, UNKNOWN_KEY_ALIAS, Refusal
from gateway.model.gateways import CustomProvider, ProviderKey
from gateway.model.routes import REST_SURFACES, Route
from gateway.model.targets import CredentialStyle, Provider, Target
from gateway.model.tokens import Permit
from gateway.protocol.headers import CREDENTIAL_FIELDS, RequestHead
from gateway.protocol.options import RequestOptions
from gateway.protocol.token_search import holds_token
from gateway.providers.credentials import key_header

_EMPTY: Final = frozenset({b"", b"bearer", b"key", b"token", b"api-key", b"basic", b"basic og=="})
"""Credentials that are none: a scheme at most, or Basic with neither name nor password (RFC 7617)."""
_NO_FIELDS: Final[Mapping[str, str]] = {}


class Lent(NamedTuple):
    """What the gateway adds to a request, and what of the request gives way to it."""

    lines: bytes
    """Field lines to add, each with CRLF."""
    withheld: frozenset[bytes]
    """Fields of the request that must not cross, by lowercase name: our tokens always, all credentials where another is used,
    and what a custom provider's own fields stand for."""
    key: bool = False
    """A stored key is among the lines."""


def custom_of(plan: GatewayPlan, provider: Provider) -> CustomProvider | None:
    """The account's own row of this provider, if it is a custom one."""
    return plan.custom.get(provider.slug.removeprefix("custom-")) if provider.slug.startswith("custom-") else None


def no_keys(head: RequestHead) -> frozenset[bytes]:
    """The credential fields that hold none for a provider: empty ones, and tokens of ours in whatever clothes."""
    names = head.memo.get("no keys")
    if names is None:
        names = head.memo["no keys"] = frozenset(
            name for name, value in head.credentials.items() if _empty(value) or holds_token(value)
        )
    return names  # type: ignore[return-value]


def _empty(value: bytes) -> bool:
    return b" ".join(value.replace(b'"', b"").split()).lower() in _EMPTY


def own_key_sent(route: Route, head: RequestHead, provider: Provider) -> bool:
    """Whether the request brings a key for the provider. On REST `Authorization` is our token, so it never does."""
    if route.surface in REST_SURFACES:
        return False
    none = no_keys(head)
    if any(name not in none and name.decode() in provider.key_slots for name in head.credentials):
        return True
    query = clean_query(route.tail.partition("?")[2], provider)
    return any(_parameter(part)[0] in provider.query_slots for part in query.split("&"))


def clean_query(query: str, provider: Provider) -> str:
    """The query as the provider gets it: without what holds a token of ours, and without empty keys."""
    if not provider.query_slots and not holds_token(query.encode()):
        return query
    return "&".join(part for part in query.split("&") if not holds_token(part.encode()) and not _empty_key(part, provider))


def _empty_key(part: str, provider: Provider) -> bool:
    name, value = _parameter(part)
    return name in provider.query_slots and not value.strip()


def _parameter(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote_plus(name), unquote_plus(value)


def choose_secrets(
    route: Route, head: RequestHead, plan: GatewayPlan, permit: Permit, options: RequestOptions, target: Target
) -> Lent:
    """Raises Refusal where the provider could only refuse, or where a secret would be lent to a stranger."""
    provider = target.provider
    custom = custom_of(plan, provider)
    fields = custom.headers if custom is not None else _NO_FIELDS
    if own_key_sent(route, head, provider):
        return _with_fields(b"", no_keys(head), plain_fields(fields) if permit.authenticated else _NO_FIELDS)
    alias = options.byok_alias if route.surface not in REST_SURFACES else None
    stored = plan.keys.get((provider.slug, alias or NO_ALIAS))
    if not permit.authenticated:
        if stored is not None or fields:
            raise Refusal(MISSING_TOKEN)
    elif stored is not None:
        lines = stored_key_lines(provider.credential_for(route.endpoint), _for_host(stored, target))
        return _with_fields(lines, CREDENTIAL_FIELDS, plain_fields(fields), key=True)
    elif alias is not None:
        raise Refusal(UNKNOWN_KEY_ALIAS, _unknown_alias(plan, provider, alias))
    if not provider.keyless_ok and (permit.authenticated or (plan.gateway is not None and plan.gateway.byok_only)):
        raise Refusal(MISSING_PROVIDER_KEY)
    return _with_fields(b"", _withheld(route, head), fields)


def _with_fields(lines: bytes, withheld: frozenset[bytes], fields: Mapping[str, str], *, key: bool = False) -> Lent:
    """With the fields of a custom provider; they stand in the place of the request's of the same names."""
    if not fields:
        return Lent(lines, withheld, key)
    lines += b"".join(b"%b: %b\r\n" % (name.encode(), value.strip().encode()) for name, value in fields.items())
    return Lent(lines, withheld | {name.lower().encode() for name in fields}, key)


def plain_fields(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Without credentials."""
    return {name: value for name, value in fields.items() if name.lower().encode() not in CREDENTIAL_FIELDS}


def _for_host(stored: ProviderKey, target: Target) -> str:
    """The key's value. Raises KEY_NOT_FOR_HOST where the request names a host that nobody said the key is for."""
    hosts = target.provider.key_hosts
    if hosts is not None and target.origin.host not in hosts and target.origin.host not in stored.hosts:
        raise Refusal(KEY_NOT_FOR_HOST)
    return stored.secret


def stored_key_lines(style: CredentialStyle, secret: str) -> bytes:
    """Raises MISSING_PROVIDER_KEY for a stored key that cannot stand in a header field."""
    try:
        name, value = key_header(style, secret)
    except ValueError:
        raise Refusal(MISSING_PROVIDER_KEY) from None
    return b"%b: %b\r\n" % (name, value)


def _withheld(route: Route, head: RequestHead) -> frozenset[bytes]:
    return CREDENTIAL_FIELDS if route.surface in REST_SURFACES else no_keys(head)


def _unknown_alias(plan: GatewayPlan, provider: Provider, alias: str) -> str:
    """The observed text of code 2040. Names configured here, and an alias that was checked for its shape, nothing else."""
    names = [name for slug, name in plan.keys if slug == provider.slug and name != NO_ALIAS]
    configured = ", ".join(f"'{name}'" for name in names) or "none"
    return f"Provider '{provider.slug}' has no BYOK credential named '{alias}'. Configured aliases: {configured}"
