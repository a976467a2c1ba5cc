"""The outcome tables of specification sections 2.2 (gateway tree) and 2.3 (REST), row by row."""

import json
from collections.abc import Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from fakes.edge import ACCOUNT, OTHER_ACCOUNT, Reply, RunningEdge, gateway, key, runner
from fakes.provider import FakeProvider

from gateway.link.frames import Patch
from gateway.model.tokens import Permission, mint_token

CHAT = b'{"model":"gpt-4.1-mini","messages":[]}'
STORED = "Bearer sk-stored"
OWN = "Bearer sk-x"


class Row(NamedTuple):
    gateway_id: str
    token: str | None
    """Name in `tokens`; None: no token."""
    own_key: bool
    outcome: tuple[int, int] | str | None
    """Status and code of a refusal, or the Authorization that the provider sees."""
    more: Mapping[str, str] = MappingProxyType({})


def tokens(edge: RunningEdge) -> dict[str, str]:
    return {
        "valid": edge.admit(),
        "unknown": mint_token(),
        "malformed": "cf-token-of-another-kind",
        "expired": edge.admit(runner(expires_on=1.0)),
        "not_yet": edge.admit(runner(not_before=9e12)),
        "no_run": edge.admit(runner(permission=Permission.WRITE)),
        "workers_ai": edge.admit(runner(permission=Permission.WORKERS_AI_READ)),
        "nothing": edge.admit(runner(account_id="0" * 32)),
        "other_account": edge.admit(runner(account_id=OTHER_ACCOUNT)),
        "other_gateway": edge.admit(runner(grants={ACCOUNT: {Permission.RUN: frozenset({"elsewhere"})}})),
        "this_gateway": edge.admit(runner(grants={ACCOUNT: {Permission.RUN: frozenset({"g1", "stored", "open", "default"})}})),
        "any_account": edge.admit(runner(account_id="*")),
        "other_address": edge.admit(runner(ip_in=(ip_network("203.0.113.0/24"),))),
        "barred_address": edge.admit(runner(ip_not_in=(ip_network("127.0.0.0/8"),))),
        "this_address": edge.admit(runner(ip_in=(ip_network("127.0.0.0/8"),))),
    }


REFUSED = (401, 2009)
BAD = ("unknown", "malformed", "expired", "not_yet", "no_run", "workers_ai", "nothing", "other_account", "other_gateway")
NOT_FROM_HERE = ("other_address", "barred_address")
GOOD = ("valid", "this_gateway", "any_account", "this_address")

GATEWAY_TREE = [
    *(Row("g1", good, True, OWN) for good in GOOD),
    Row("stored", "valid", True, OWN),
    Row("stored", "valid", False, STORED),
    Row("stored", "valid", False, "Bearer sk-work", {"cf-aig-byok-alias": "work"}),
    Row("stored", "valid", False, (400, 2040), {"cf-aig-byok-alias": "none"}),
    Row("stored", "valid", True, OWN, {"cf-aig-byok-alias": "none"}),
    Row("g1", "valid", False, (400, 2906)),
    Row("byok", "valid", False, (400, 2906)),
    Row("byok", "valid", True, OWN),
    Row("g1", "valid", False, (400, 2906), {"cf-aig-no-wholesale": "true"}),
    *(Row(name, None, own, REFUSED) for name in ("g1", "stored") for own in (True, False)),
    *(Row(name, bad, own, REFUSED) for bad in (*BAD, *NOT_FROM_HERE) for name, own in (("g1", True), ("stored", False))),
    Row("open", None, True, OWN),
    *(Row("open", token, True, OWN) for token in (*GOOD, *BAD, *NOT_FROM_HERE)),
    Row("open-stored", None, True, OWN),
    Row("open-stored", None, False, REFUSED),
    Row("open-stored", "valid", False, REFUSED),
    Row("open", None, False, None),
    Row("open-byok", None, False, (400, 2906)),
    Row("open-byok", None, True, OWN),
    *(Row("nope", token, True, (400, 2001)) for token in (None, "valid", "unknown", "malformed")),
    *(Row("G1", token, True, (400, 2001)) for token in (None, "valid")),
]


def name_of(row: Row) -> str:
    return f"{row.gateway_id}-{row.token}-{'own' if row.own_key else 'nokey'}-{'-'.join(row.more.values())}"


@pytest.mark.parametrize("row", GATEWAY_TREE, ids=name_of)
@pytest.mark.parametrize("surface", ["native", "compat"])
async def test_gateway_tree(edge: RunningEdge, provider: FakeProvider, row: Row, surface: str) -> None:
    headers = {"Content-Type": "application/json", **row.more}
    if row.own_key:
        headers["Authorization"] = OWN
    if row.token is not None:
        headers["cf-aig-authorization"] = f"Bearer {tokens(edge)[row.token]}"
    path, body = (
        ("openai/chat/completions", CHAT) if surface == "native" else ("compat/chat/completions", b'{"model":"openai/m"}')
    )
    reply = await edge.ask("POST", edge.native(row.gateway_id, path), headers, body)
    if isinstance(row.outcome, tuple):
        assert (reply.status, reply.json()["internalCode"]) == row.outcome
        assert provider.connections == []
        return
    assert reply.status == 200
    assert provider.only.header("authorization") == row.outcome
    assert [name for name in provider.only.names if name.startswith("cf-")] == []


async def test_the_three_refusals_are_the_same_bytes(edge: RunningEdge) -> None:
    """Missing, invalid and forbidden cannot be told apart, on any surface."""
    known = tokens(edge)
    for target, field in (
        (edge.native("g1", "openai/x"), "cf-aig-authorization"),
        (edge.native("g1", "compat/chat/completions"), "cf-aig-authorization"),
        (edge.native("g1"), "cf-aig-authorization"),
        (edge.rest("v1/chat/completions"), "authorization"),
        (edge.rest("run"), "authorization"),
    ):
        bodies = {(await edge.ask("POST", target, {}, b"{}")).body}
        for name in ("unknown", "malformed", "expired", "no_run", "other_account"):
            reply = await edge.ask("POST", target, {field: f"Bearer {known[name]}"}, b"{}")
            assert reply.status == 401
            bodies.add(reply.body)
        assert len(bodies) == 1


@pytest.mark.parametrize(
    ("slot", "value", "authorized"),
    [
        ("authorization", "Bearer {}", True),
        ("authorization", "{}", True),
        ("authorization", "Key {}", True),
        ("x-api-key", "{}", True),
        ("api-key", "{}", True),
        ("x-goog-api-key", "{}", True),
        ("x-other", "{}", False),
        ("cookie", "{}", False),
    ],
)
async def test_a_token_in_the_providers_own_slot(
    edge: RunningEdge, provider: FakeProvider, slot: str, value: str, authorized: bool
) -> None:
    """Section 2.1, the last resort; such a token never travels on, and the stored key takes its place."""
    reply = await edge.ask("POST", edge.native("stored", "openai/x"), {slot: value.format(edge.admit())}, CHAT)
    assert reply.status == (200 if authorized else 401)
    if authorized:
        assert provider.only.header("authorization") == STORED
        assert {"x-api-key", "api-key", "x-goog-api-key"}.isdisjoint(provider.only.names)


async def test_a_bad_gateway_token_is_not_rescued_by_another_slot(edge: RunningEdge, provider: FakeProvider) -> None:
    headers = {"cf-aig-authorization": "Bearer undefined", "Authorization": f"Bearer {edge.admit()}"}
    assert (await edge.ask("POST", edge.native("g1", "openai/x"), headers, CHAT)).status == 401
    assert provider.connections == []


# --- REST -----------------------------------------------------------------------------------------

REST: list[tuple[str | None, int]] = [
    *((good, 200) for good in (*GOOD, "workers_ai")),
    (None, 401),
    *((bad, 401) for bad in (*BAD, *NOT_FROM_HERE) if bad != "workers_ai"),
]


async def on_rest(edge: RunningEdge, path: str, token: str | None, body: Any, **more: str) -> Reply:
    headers = {"Content-Type": "application/json", **more}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await edge.ask("POST", edge.rest(path), headers, json.dumps(body).encode())


@pytest.mark.parametrize(("token", "status"), REST)
@pytest.mark.parametrize("authentication", [True, False], ids=["on", "off"])
@pytest.mark.parametrize("path", ["v1/chat/completions", "run"])
async def test_rest_always_asks(
    edge: RunningEdge, provider: FakeProvider, path: str, authentication: bool, token: str | None, status: int
) -> None:
    """The gateway's switch makes no difference here."""
    entry = gateway("default", authentication=authentication, keys=[key("openai", "sk-stored")])
    edge.link.deliver(Patch(2, gateways=(entry,)))
    given = {"messages": []}
    body = {"model": "openai/m", **given} if path != "run" else {"model": "openai/m", "input": given}
    reply = await on_rest(edge, path, tokens(edge)[token] if token else None, body)
    assert reply.status == status
    if status == 401:
        assert reply.json()["errors"] == [{"code": 10000, "message": "Authentication error"}]
        assert provider.connections == []
    else:
        assert provider.only.header("authorization") == STORED


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Token {}", "Bearer  {}x"])
async def test_rest_takes_bearer_only(edge: RunningEdge, scheme: str) -> None:
    reply = await edge.ask("POST", edge.rest("run"), {"Authorization": scheme.format(edge.admit())}, b"{}")
    assert reply.status == 401


@pytest.mark.parametrize(("path", "status"), [("v1/messages", 200), ("v1/v1/messages", 200), ("v1/chat/completions", 401)])
async def test_x_api_key_counts_on_messages_only(edge: RunningEdge, path: str, status: int) -> None:
    headers = {"x-api-key": edge.admit(), "cf-aig-gateway-id": "stored"}
    reply = await edge.ask("POST", edge.rest(path), headers, b'{"model":"anthropic/claude","messages":[]}')
    assert reply.status == status


async def test_rest_ignores_the_alias_header(edge: RunningEdge, provider: FakeProvider) -> None:
    more = {"cf-aig-gateway-id": "stored", "cf-aig-byok-alias": "work"}
    reply = await on_rest(edge, "v1/chat/completions", edge.admit(), {"model": "openai/m"}, **more)
    assert reply.status == 200
    assert provider.only.header("authorization") == STORED


async def test_rest_with_an_unknown_gateway(edge: RunningEdge) -> None:
    """The token comes first here: strangers learn nothing about gateways."""
    unknown = {"cf-aig-gateway-id": "nope"}
    assert (await on_rest(edge, "v1/chat/completions", None, {"model": "openai/m"}, **unknown)).status == 401
    reply = await on_rest(edge, "v1/chat/completions", edge.admit(), {"model": "openai/m"}, **unknown)
    assert (reply.status, reply.json()["errors"][0]["code"]) == (400, 2001)


# --- the product's promise on every surface ---------------------------------------------------------


@pytest.mark.parametrize(
    ("surface", "passed"),
    [("native", 200), ("compat", 200), ("models", 200), ("universal", 501), ("websocket", 426)],
)
@pytest.mark.parametrize(
    ("gateway_id", "token", "permitted"),
    [("g1", "valid", True), ("g1", None, False), ("open", "bad", True), ("open", None, True)],
)
async def test_on_and_off_on_every_surface(
    edge: RunningEdge, surface: str, passed: int, gateway_id: str, token: str | None, permitted: bool
) -> None:
    headers = {"Authorization": OWN}
    if token is not None:
        headers["cf-aig-authorization"] = f"Bearer {edge.admit() if token == 'valid' else 'undefined'}"
    method, path, body = {
        "native": ("POST", "openai/x", CHAT),
        "compat": ("POST", "compat/chat/completions", b'{"model":"openai/m"}'),
        "models": ("GET", "compat/models", None),
        "universal": ("POST", "", b"[]"),
        "websocket": ("GET", "openai/realtime", None),
    }[surface]
    if surface == "websocket":
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket"}
    reply = await edge.ask(method, edge.native(gateway_id, path), headers, body)
    # What is not here is refused to strangers alike, and before anything else.
    assert reply.status == (passed if permitted or surface == "websocket" else 401)
