"""Every row of the choice of a provider's key (specification sections 2.2 and 12)."""

from base64 import b64encode
from dataclasses import replace
from typing import NamedTuple

import pytest
from fakes.edge import ACCOUNT, custom, gateway, key

from gateway.edge.keys import choose_secrets, own_key_sent, stored_key_lines
from gateway.edge.settings import compile_plan
from gateway.model.faults import KEY_NOT_FOR_HOST, MISSING_PROVIDER_KEY, MISSING_TOKEN, UNKNOWN_KEY_ALIAS, Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.targets import BEARER, CredentialStyle, Origin, Provider, Target
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


def target_of(provider: Provider, host: str = "provider.example") -> Target:
    return Target(provider=provider, origin=Origin("https", host, 443), path="/", credential=BEARER)


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

ESCAPED = OURS.replace("_", "%5F")
NO_KEYS = {
    "empty": "",
    "blank": " ",
    "bare scheme": "Bearer",
    "in lower case": "bearer",
    "with blanks": "Bearer   ",
    "with a tab": "Bearer\t",
    "empty quotes": 'Bearer ""',
    "another scheme": "Key ",
    "token": "Token",
    "api-key": "Api-Key ",
    "basic": "Basic",
    "basic of nothing": "Basic Og==",
    "our token": OURS,
    "our token in quotes": f'Bearer "{OURS}"',
    "our token behind a tab": f"Bearer\t{OURS}",
    "our token as password": "Basic " + b64encode(f"user:{OURS}".encode()).decode(),
    "our token as user": "Basic " + b64encode(f"{OURS}:".encode()).decode(),
    "our token escaped": "Bearer " + ESCAPED,
}

ROWS = {
    **{f"no key, {name}": Row("native", "openai", {"authorization": value}, (DEFAULT, ALL)) for name, value in NO_KEYS.items()},
    **{
        f"nothing stored, {name}": Row("native", "openai", {"authorization": value}, MISSING_PROVIDER_KEY, stored=False)
        for name, value in NO_KEYS.items()
    },
    **{
        f"open, {name}": Row("native", "openai", {"authorization": value}, (b"", AUTH), permit=OPEN, stored=False)
        for name, value in NO_KEYS.items()
    },
    **{
        f"other slot, {name}": Row("native", "anthropic", {"x-api-key": value, **OWN}, (b"", {b"x-api-key"}))
        for name, value in NO_KEYS.items()
    },
    "empty key in the query": Row("native", "google-ai-studio", {}, MISSING_PROVIDER_KEY, query="?key=&alt=sse"),
    "blank key in the query": Row("native", "google-ai-studio", {}, MISSING_PROVIDER_KEY, query="?key=%20"),
    "our token in the query, escaped": Row("native", "google-ai-studio", {}, MISSING_PROVIDER_KEY, query="?key=" + ESCAPED),
    "own key under an escaped name": Row("native", "google-ai-studio", {}, (b"", set()), query="?k%65y=AIza"),
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
            choose_secrets(*given, options, target_of(provider_of(row.provider)))
        assert refused.value.fault is row.outcome
        return
    credential = choose_secrets(*given, options, target_of(provider_of(row.provider)))
    assert (credential.lines, set(credential.withheld)) == row.outcome


@pytest.mark.parametrize("surface", ["native", "rest"])
def test_a_keyless_provider_needs_none(surface: str) -> None:
    plan = compile_plan(gateway("g"), {})
    private = replace(provider_of("openai"), keyless_ok=True)
    credential = choose_secrets(
        route_of(surface, "openai"), head(OWN if surface == "rest" else {}), plan, PERMIT, RequestOptions(), target_of(private)
    )
    assert credential.lines == b""
    assert credential.withheld == (CREDENTIAL_FIELDS if surface == "rest" else frozenset()), "on REST the field holds our token"


def test_the_text_of_an_unknown_alias() -> None:
    plan = compile_plan(gateway("g", keys=STORED), {})
    for slug, listed in (("openai", "'default', 'work'"), ("groq", "none")):
        with pytest.raises(Refusal) as refused:
            choose_secrets(
                route_of("native", slug), head({}), plan, PERMIT, RequestOptions(byok_alias="x"), target_of(provider_of(slug))
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


CREDENTIALS = {"Authorization": "Bearer sk-header", "X-Team": " blue "}
TEAM = b"X-Team: blue\r\n"
FROM_HEADER = b"Authorization: Bearer sk-header\r\n" + TEAM
TEAM_NAME = {b"x-team"}
OF_CUSTOM = {
    # what the request brings, stored, permit: lines and withheld, or the refusal
    "own key before a header's": ({**OWN, "x-team": "red"}, False, PERMIT, (TEAM, TEAM_NAME)),
    "own key before both": (OWN, True, PERMIT, (TEAM, TEAM_NAME)),
    "own key in another slot": ({"x-api-key": "k"}, True, PERMIT, (TEAM, TEAM_NAME)),
    "stored before a header's": ({}, True, PERMIT, (b"authorization: Bearer sk-custom\r\n" + TEAM, ALL | TEAM_NAME)),
    "a header's alone": ({"X-TEAM": "red"}, False, PERMIT, (FROM_HEADER, TEAM_NAME | AUTH)),
    "a header's, our token in the slot": ({"authorization": OURS}, False, PERMIT, (FROM_HEADER, TEAM_NAME | AUTH)),
    "a stranger": ({}, False, OPEN, MISSING_TOKEN),
    "a stranger, a stored key too": ({}, True, OPEN, MISSING_TOKEN),
    "a stranger with a key": ({**OWN, "x-team": "red"}, True, OPEN, (b"", set())),
}


@pytest.mark.parametrize(("fields", "stored", "permit", "outcome"), OF_CUSTOM.values(), ids=OF_CUSTOM)
def test_fields_of_a_custom_provider(fields: dict[str, str], stored: bool, permit: Permit, outcome: object) -> None:
    keys = [key("custom-mine", "sk-custom")] if stored else []
    plan = compile_plan(gateway("g", keys=keys), {"mine": custom("mine", "https://mine.example", headers=CREDENTIALS)})
    target = target_of(registry.custom("mine", "https://mine.example"))
    given = (route_of("native", "custom-mine"), head(fields), plan, permit, RequestOptions(), target)
    if isinstance(outcome, Fault):
        with pytest.raises(Refusal) as refused:
            choose_secrets(*given)
        assert refused.value.fault is outcome
        return
    lent = choose_secrets(*given)
    assert (lent.lines, set(lent.withheld), lent.key) == (*outcome, b"sk-custom" in lent.lines)  # type: ignore[misc]


@pytest.mark.parametrize("surface", ["rest", "compat"])
@pytest.mark.parametrize(("stored", "line"), [(False, FROM_HEADER), (True, b"authorization: Bearer sk-custom\r\n" + TEAM)])
def test_fields_of_a_custom_provider_elsewhere(surface: str, stored: bool, line: bytes) -> None:
    keys = [key("custom-mine", "sk-custom")] if stored else []
    plan = compile_plan(gateway("g", keys=keys), {"mine": custom("mine", "https://mine.example", headers=CREDENTIALS)})
    target = target_of(registry.custom("mine", "https://mine.example"))
    given = head({"authorization": f"Bearer {OURS}", "x-team": "red"})
    lent = choose_secrets(route_of(surface, "custom-mine"), given, plan, PERMIT, RequestOptions(), target)
    assert lent.lines == line
    assert lent.withheld >= AUTH | TEAM_NAME


@pytest.mark.parametrize(
    ("slug", "host", "named", "sent"),
    [
        ("fal", "fal.run", (), True),
        ("fal", "queue.fal.run", (), True),
        ("fal", "mallory.fal.run", (), False),
        ("fal", "mallory.fal.ai", (), False),
        ("fal", "mine.fal.run", ("mine.fal.run",), True),
        ("azure-openai", "mallory.openai.azure.com", (), False),
        ("azure-openai", "mallory.openai.azure.com", ("mine.openai.azure.com",), False),
        ("azure-openai", "mine.openai.azure.com", ("other.example", "mine.openai.azure.com"), True),
        ("baseten", "inference.baseten.co", (), True),
        ("baseten", "model-mallory.api.baseten.co", (), False),
        ("baseten", "model-mine.api.baseten.co", ("model-mine.api.baseten.co",), True),
        ("openai", "anywhere.example", (), True),
    ],
)
def test_a_stored_key_goes_where_it_is_for(slug: str, host: str, named: tuple[str, ...], sent: bool) -> None:
    plan = compile_plan(gateway("g", keys=[replace(key(slug, "sk-stored"), hosts=named)]), {})
    given = (route_of("native", slug), head({}), plan, PERMIT, RequestOptions(), target_of(provider_of(slug), host))
    if sent:
        assert b"sk-stored" in choose_secrets(*given).lines
        return
    with pytest.raises(Refusal) as refused:
        choose_secrets(*given)
    assert refused.value.fault is KEY_NOT_FOR_HOST
    own = head({provider_of(slug).key_slots[0]: "sk-own"})
    assert choose_secrets(given[0], own, *given[2:]).lines == b"", "the request's own key goes wherever it says"
