"""Which provider key a request travels with: the request's own, a stored one, or none (specification sections 2.2 and 12)."""

from typing import Final, NamedTuple

from gateway.edge.identity import own_token_slots
from gateway.edge.settings import GatewayPlan
from gateway.model.faults import MISSING_PROVIDER_KEY, MISSING_TOKEN, UNKNOWN_KEY_ALIAS, Refusal
from gateway.model.routes import REST_SURFACES, Route
from gateway.model.targets import CredentialStyle, Provider
from gateway.model.tokens import TOKEN_PREFIX, Permit
from gateway.protocol.headers import CREDENTIAL_FIELDS, RequestHead
from gateway.protocol.options import RequestOptions
from gateway.providers.credentials import key_header

DEFAULT_ALIAS: Final = "default"


class ProviderCredential(NamedTuple):
    lines: bytes
    """Field lines to add, each with CRLF; empty when the request's own key passes, or none is needed."""
    withheld: frozenset[bytes]
    """Credential fields of the request that must not cross: our tokens always, all of them where a stored key replaces them."""


def own_key_sent(route: Route, head: RequestHead, provider: Provider) -> bool:
    """Whether the request brings a key for the provider. On REST `Authorization` is our token, so it never does."""
    if route.surface in REST_SURFACES:
        return False
    ours = own_token_slots(head)
    if any(name not in ours and name.decode() in provider.key_slots for name in head.credentials):
        return True
    query = route.tail.partition("?")[2]
    if not query or not provider.query_slots:
        return False
    parts = (part for part in query.split("&") if TOKEN_PREFIX not in part)  # one of our tokens is no key
    return any(part.partition("=")[0] in provider.query_slots for part in parts)


def choose_credential(
    route: Route, head: RequestHead, plan: GatewayPlan, permit: Permit, options: RequestOptions, provider: Provider
) -> ProviderCredential:
    """Raises Refusal where the provider could only refuse, or where a stored key would be lent to a stranger."""
    if own_key_sent(route, head, provider):
        return ProviderCredential(b"", own_token_slots(head))
    alias = options.byok_alias if route.surface not in REST_SURFACES else None
    stored = plan.keys.get((provider.slug, alias or DEFAULT_ALIAS))
    if not permit.authenticated:
        if stored is not None:
            raise Refusal(MISSING_TOKEN)  # stored keys are for authenticated requests only
    elif stored is not None:
        style = provider.credential_for(route.endpoint)
        return ProviderCredential(stored_key_lines(style, stored.secret), CREDENTIAL_FIELDS)
    elif alias is not None:
        raise Refusal(UNKNOWN_KEY_ALIAS, _unknown_alias(plan, provider, alias))
    if not provider.keyless_ok and (permit.authenticated or (plan.gateway is not None and plan.gateway.byok_only)):
        raise Refusal(MISSING_PROVIDER_KEY)
    return ProviderCredential(b"", _withheld(route, head))


def stored_key_lines(style: CredentialStyle, secret: str) -> bytes:
    """Raises MISSING_PROVIDER_KEY for a stored key that cannot stand in a header field."""
    try:
        name, value = key_header(style, secret)
    except ValueError:
        raise Refusal(MISSING_PROVIDER_KEY) from None
    return b"%b: %b\r\n" % (name, value)


def _withheld(route: Route, head: RequestHead) -> frozenset[bytes]:
    return CREDENTIAL_FIELDS if route.surface in REST_SURFACES else own_token_slots(head)


def _unknown_alias(plan: GatewayPlan, provider: Provider, alias: str) -> str:
    """The observed text of code 2040. Names configured here, and an alias that was checked for its shape, nothing else."""
    configured = ", ".join(f"'{name}'" for slug, name in plan.keys if slug == provider.slug) or "none"
    return f"Provider '{provider.slug}' has no BYOK credential named '{alias}'. Configured aliases: {configured}"
