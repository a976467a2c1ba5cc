"""Every row of the choice of a provider's key (specification sections 2.2 and 12)."""

from dataclasses import replace
from typing import NamedTuple

import pytest
from fakes.edge import ACCOUNT, gateway, key

from gateway.edge.keys import choose_credential, own_key_sent, stored_key_lines
from gateway.edge.settings import compile_plan
from gateway.model.faults import MISSING_PROVIDER_KEY, MISSING_TOKEN, UNKNOWN_KEY_ALIAS, Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.targets import BEARER, CredentialStyle, Provider
from gateway.model.tokens import Permit, mint_token
from gateway.protocol.headers import CREDENTIAL_FIELDS, RequestHead
from gateway.protocol.options import RequestOptions
from gateway.providers import registry

OURS = mint_token()
PERMIT, OPEN = Permit(True, "t"), Permit(False, "")
STORED = (key("openai", "sk-default"), key("openai", "sk-work", "work"), key("anthropic", "sk-ant"))


def provider_of(slug: str) -> Provider:
    found = registry.find(slug)
    assert found is not None
    return found


def route_of(surface: str, provider: str, query: str = "") -> Route:
    if surface == "native":
        return Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", provider, "x" + query)
    if surface == "compat":
        return Route(Surface.COMPAT, ACCOUNT, "g", endpoint=Endpoint.CHAT)
    if surface == "messages":
        return Route(Surface.REST_V1, ACCOUNT, "g", endpoint=Endpoint.MESSAGES)
    return Route(Surface.REST_V1, ACCOUNT, "g", endpoint=Endpoint.CHAT)


def head(fields: dict[str, str]) -> RequestHead:
    return RequestHead(
        tuple((name.encode(), value.encode()) for name, value in fields.items()), http_10=False, limit_bytes=9999
    )


class Row(NamedTuple):
    surface: str
    provider: str
    fields: dict[str, str]
    outcome: Fault | tuple[bytes, set[bytes]]
    """A refusal, or the lines added and the credential fields withheld."""
    permit: Permit = PERMIT
    stored: bool = True
    alias: str | None = None
    byok_only: bool = False
    query: str = ""


OWN = {"authorization": "Bearer sk-own"}
ALL = set(CREDENTIAL_FIELDS)
DEFAULT, WORK = b"authorization: Bearer sk-default\r\n", b"authorization: Bearer sk-work\r\n"
AUTH = {b"authorization"}

ROWS = {
    "own key wins over stored": Row("native", "openai", OWN, (b"", set())),
    "own key wins on compat": Row("compat", "openai", OWN, (b"", set())),
    "own key wins over an alias": Row("native", "openai", OWN, (b"", set()), alias="none"),
    "own key on an open gateway": Row("native", "openai", OWN, (b"", set()), permit=OPEN, stored=False),
    "own key in another slot of the provider": Row("native", "anthropic", OWN, (b"", set())),
    "a slot the provider does not read": Row("native", "openai", {"x-api-key": "k"}, (DEFAULT, ALL)),
    "own key in the query": Row("native", "google-ai-studio", {}, (b"", set()), query="?alt=sse&key=AIza"),
    "query of another name": Row("native", "google-ai-studio", {}, MISSING_PROVIDER_KEY, query="?monkey=AIza"),
    "our token in the query is no key": Row("native", "google-ai-studio", {}, MISSING_PROVIDER_KEY, query=f"?key={OURS}"),
    "a query key where the provider has none": Row("native", "openai", {}, (DEFAULT, ALL), query="?key=x"),
    "stored default": Row("native", "openai", {}, (DEFAULT, ALL)),
    "stored default on compat": Row("compat", "openai", {}, (DEFAULT, ALL)),
    "stored by alias": Row("native", "openai", {}, (WORK, ALL), alias="work"),
    "unknown alias": Row("native", "openai", {}, UNKNOWN_KEY_ALIAS, alias="none"),
    "unknown alias, nothing stored": Row("native", "openai", {}, UNKNOWN_KEY_ALIAS, alias="none", stored=False),
    "stored for anthropic, native": Row("native", "anthropic", {}, (b"x-api-key: sk-ant\r\n", ALL)),
    "stored for anthropic, compat": Row("compat", "anthropic", {}, (b"authorization: Bearer sk-ant\r\n", ALL)),
    "stored for anthropic, messages": Row("messages", "anthropic", {}, (b"x-api-key: sk-ant\r\n", ALL)),
    "our token in a slot is no key": Row("native", "openai", {"authorization": f"Bearer {OURS}"}, (DEFAULT, ALL)),
    "our token beside an own key": Row("native", "openai", {**OWN, "x-api-key": OURS}, (b"", {b"x-api-key"})),
    "REST never brings a key": Row("rest", "openai", OWN, (DEFAULT, ALL)),
    "REST without a stored one": Row("rest", "openai", OWN, MISSING_PROVIDER_KEY, stored=False),
    "REST ignores the alias": Row("rest", "openai", {}, (DEFAULT, ALL), alias="work"),
    "no key anywhere": Row("native", "openai", {}, MISSING_PROVIDER_KEY, stored=False),
    "no key, byok_only": Row("native", "openai", {}, MISSING_PROVIDER_KEY, stored=False, byok_only=True),
    "stored keys are not lent to strangers": Row("native", "openai", {}, MISSING_TOKEN, permit=OPEN),
    "nor by alias": Row("native", "openai", {}, MISSING_TOKEN, permit=OPEN, alias="work"),
    "open, no key: the provider refuses": Row("native", "openai", {}, (b"", set()), permit=OPEN, stored=False),
    "open, unknown alias: nothing is told": Row("native", "openai", {}, (b"", set()), permit=OPEN, alias="none"),
    "open, byok_only": Row("native", "openai", {}, MISSING_PROVIDER_KEY, permit=OPEN, stored=False, byok_only=True),
    "open, our token never crosses": Row(
        "native", "openai", {"authorization": f"Bearer {OURS}"}, (b"", AUTH), permit=OPEN, stored=False
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_choice(row: Row) -> None:
    plan = compile_plan(gateway("g", keys=STORED if row.stored else (), byok_only=row.byok_only), {})
    given = (route_of(row.surface, row.provider, row.query), head(row.fields), plan, row.permit)
    options = RequestOptions(byok_alias=row.alias)
    if isinstance(row.outcome, Fault):
        with pytest.raises(Refusal) as refused:
            choose_credential(*given, options, provider_of(row.provider))
        assert refused.value.fault is row.outcome
        return
    credential = choose_credential(*given, options, provider_of(row.provider))
    assert (credential.lines, set(credential.withheld)) == row.outcome


@pytest.mark.parametrize("surface", ["native", "rest"])
def test_a_keyless_provider_needs_none(surface: str) -> None:
    plan = compile_plan(gateway("g"), {})
    private = replace(provider_of("openai"), keyless_ok=True)
    credential = choose_credential(
        route_of(surface, "openai"), head(OWN if surface == "rest" else {}), plan, PERMIT, RequestOptions(), private
    )
    assert credential.lines == b""
    assert credential.withheld == (CREDENTIAL_FIELDS if surface == "rest" else frozenset()), "on REST the field holds our token"


def test_the_text_of_an_unknown_alias() -> None:
    plan = compile_plan(gateway("g", keys=STORED), {})
    for slug, listed in (("openai", "'default', 'work'"), ("groq", "none")):
        with pytest.raises(Refusal) as refused:
            choose_credential(
                route_of("native", slug), head({}), plan, PERMIT, RequestOptions(byok_alias="x"), provider_of(slug)
            )
        assert refused.value.message == f"Provider '{slug}' has no BYOK credential named 'x'. Configured aliases: {listed}"


def test_lines_of_a_stored_key() -> None:
    assert stored_key_lines(BEARER, " sk\n") == b"authorization: Bearer sk\r\n"
    assert stored_key_lines(CredentialStyle("x-api-key", ""), "sk") == b"x-api-key: sk\r\n"
    with pytest.raises(Refusal) as refused:
        stored_key_lines(BEARER, "sk\r\nX: y")
    assert refused.value.fault is MISSING_PROVIDER_KEY


def test_own_key_needs_a_slot_of_the_provider() -> None:
    assert own_key_sent(route_of("native", "openai"), head(OWN), provider_of("openai"))
    assert not own_key_sent(route_of("native", "elevenlabs"), head(OWN), provider_of("elevenlabs"))
