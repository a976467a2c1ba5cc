"""Who may do what: every route against every permission, and refusals that give nothing away (sections 1.3, 2.3)."""

import itertools
from typing import Any

import pytest
from fakes.control import ACCOUNT, REQUIRED, Rig, policy

from gateway.model.tokens import ALL_PERMISSIONS, Permission, mint_token

AI = f"/accounts/{ACCOUNT}/ai-gateway"
TOKENS = f"/accounts/{ACCOUNT}/tokens"
READ, WRITE = {Permission.READ, Permission.WRITE}, {Permission.WRITE}
SECRETS = {Permission.SECRETS_WRITE}
TOKENS_READ, TOKENS_WRITE = {Permission.TOKENS_READ, Permission.TOKENS_WRITE}, {Permission.TOKENS_WRITE}

ROUTES: list[tuple[str, str, set[str]]] = [
    ("GET", f"{AI}/gateways", READ),
    ("POST", f"{AI}/gateways", WRITE),
    ("GET", f"{AI}/gateways/g1", READ),
    ("PUT", f"{AI}/gateways/g1", WRITE),
    ("DELETE", f"{AI}/gateways/nope", WRITE),
    ("GET", f"{AI}/gateways/g1/url/openai", READ),
    ("GET", f"{AI}/gateways/g1/logs", READ),
    ("GET", f"{AI}/gateways/g1/logs/x", READ),
    ("GET", f"{AI}/gateways/g1/provider_configs", READ),
    ("POST", f"{AI}/gateways/g1/provider_configs", SECRETS),
    ("PUT", f"{AI}/gateways/g1/provider_configs/x", SECRETS),
    ("DELETE", f"{AI}/gateways/g1/provider_configs/x", SECRETS),
    ("GET", f"{AI}/custom-providers", READ),
    ("POST", f"{AI}/custom-providers", WRITE),
    ("GET", f"{AI}/custom-providers/x", READ),
    ("PATCH", f"{AI}/custom-providers/x", WRITE),
    ("DELETE", f"{AI}/custom-providers/x", WRITE),
    ("GET", TOKENS, TOKENS_READ),
    ("POST", TOKENS, TOKENS_WRITE),
    ("GET", f"{TOKENS}/permission_groups", TOKENS_READ),
    ("GET", f"{TOKENS}/x", TOKENS_READ),
    ("PUT", f"{TOKENS}/x", TOKENS_WRITE),
    ("DELETE", f"{TOKENS}/x", TOKENS_WRITE),
    ("PUT", f"{TOKENS}/x/value", TOKENS_WRITE),
    ("GET", "/user/tokens", TOKENS_READ),
    ("POST", "/user/tokens", TOKENS_WRITE),
    ("GET", "/user/tokens/permission_groups", TOKENS_READ),
    ("GET", "/user/tokens/x", TOKENS_READ),
    ("PUT", "/user/tokens/x", TOKENS_WRITE),
    ("DELETE", "/user/tokens/x", TOKENS_WRITE),
    ("PUT", "/user/tokens/x/value", TOKENS_WRITE),
    ("POST", "/accounts", set()),
]


@pytest.fixture
async def matrix(rig: Rig) -> dict[str, str]:
    await rig.make_gateway("g1")
    return {name: (await rig.make_token(policy(name)))["value"] for name in ALL_PERMISSIONS}


async def test_every_route_against_every_permission(rig: Rig, matrix: dict[str, str]) -> None:
    for (method, path, enough), (name, value) in itertools.product(ROUTES, matrix.items()):
        reply = await rig.call(method, path, [], token=value)
        admitted = reply.status not in (401, 403)
        assert admitted == (name in enough), (method, path, name, reply.status)
        if not admitted:
            assert (reply.status, reply.codes) == (403, [10000])


async def test_every_route_wants_a_token(rig: Rig) -> None:
    for method, path in [(method, path) for method, path, _ in ROUTES] + [
        ("GET", "/accounts"),
        ("GET", f"/accounts/{ACCOUNT}"),
    ]:
        reply = await rig.call(method, path, [], headers=[])
        assert (reply.status, reply.body) == (
            401,
            b'{"result":null,"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[]}',
        ), (method, path)
        assert reply.headers["x-should-retry"] == "false"


async def test_refused_callers_are_told_alike(rig: Rig) -> None:
    good = (await rig.make_token(policy(Permission.READ)))["value"]
    expired = (await rig.make_token(policy(Permission.READ), expires_on="2026-09-22"))["value"]
    rig.clock.move(86_400 * 3)
    inside = {"request_ip": {"in": ["10.0.0.0/8"]}}
    elsewhere = (await rig.make_token(policy(Permission.READ), condition=inside))["value"]
    bearer = f"Bearer {good}"
    bad: list[list[tuple[str, str]]] = [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer undefined")],
        [("Authorization", f"Basic {good}")],
        [("Authorization", good)],
        [("Authorization", bearer[:-1] + ("a" if bearer[-1] != "a" else "b"))],
        [("Authorization", f"Bearer {mint_token()}")],
        [("Authorization", f"Bearer {expired}")],
        [("Authorization", f"Bearer {elsewhere}")],
        [("Authorization", bearer), ("Authorization", bearer)],
        [("Authorization", bearer), ("Authorization", "Bearer x")],
        [("Authorization", f"{bearer}, {bearer}")],
        [("cf-aig-authorization", bearer)],
    ]
    bodies = set()
    for headers in bad:
        reply = await rig.call("GET", f"{AI}/gateways", headers=headers)
        assert (reply.status, reply.codes) == (401, [10000]), headers
        bodies.add(reply.body)
    assert len(bodies) == 1
    for fine in (bearer, f"bearer {good}", f"BEARER  {good}"):
        assert (await rig.call("GET", f"{AI}/gateways", headers=[("Authorization", fine)])).status == 200
    rig.client_address = "10.1.2.3"
    assert (await rig.ai("GET", "/gateways", token=elsewhere)).status == 200


async def test_another_account_looks_the_same_whether_or_not_it_exists(rig: Rig) -> None:
    theirs = "e" * 32
    assert (await rig.call("POST", "/accounts", {"name": "Theirs", "id": theirs})).status == 200
    await rig.make_gateway("secret", account=theirs)
    mine = (await rig.make_token(policy()))["value"]
    for method, path, _ in ROUTES[:-1]:
        if ACCOUNT not in path:
            continue
        replies = [
            await rig.call(method, path.replace(ACCOUNT, account).replace("g1", gateway), [], token=mine)
            for account, gateway in ((theirs, "secret"), (theirs, "nope"), ("d" * 32, "secret"), ("*", "secret"))
        ]
        assert {reply.status for reply in replies} == {403}, (method, path)
        assert len({reply.body for reply in replies}) == 1
    replies = [await rig.call("GET", f"/accounts/{account}", token=mine) for account in (theirs, "d" * 32)]
    assert [reply.status for reply in replies] == [403, 403]
    assert replies[0].body == replies[1].body


async def test_a_token_limited_to_gateways(rig: Rig) -> None:
    await rig.make_gateway("g1")
    await rig.make_gateway("g2")
    only = {"com.cloudflare.api.ai-gateway.g1": "*"}
    value = (await rig.make_token(policy(Permission.READ, Permission.WRITE, scope=only)))["value"]
    assert (await rig.ai("GET", "/gateways/g1", token=value)).status == 200
    assert (await rig.ai("PUT", "/gateways/g1", REQUIRED, token=value)).status == 200
    for path in ("/gateways/g2", "/gateways/nope", "/gateways", "/custom-providers"):
        assert (await rig.ai("GET", path, token=value)).status == 403
    assert (await rig.ai("POST", "/gateways", {"id": "g3", **REQUIRED}, token=value)).status == 403


async def test_denials_take_away(rig: Rig) -> None:
    value = (await rig.make_token(policy(account="*"), policy(Permission.WRITE, effect="deny")))["value"]
    assert (await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED}, token=value)).status == 403
    assert (await rig.ai("GET", "/gateways", token=value)).status == 200
    theirs = "e" * 32
    await rig.call("POST", "/accounts", {"name": "Theirs", "id": theirs}, token=value)
    made = await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED}, token=value, account=theirs)
    assert made.status == 200


async def test_garbage_tokens_never_reach_the_store(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(rig.store.tokens, "by_digest", fail)
    for value in ("x", "agw_" + "a" * 49, mint_token()[:-1], mint_token() + "a", "é" * 53):
        reply = await rig.call("GET", f"{AI}/gateways", headers=[("Authorization", f"Bearer {value}")])
        assert reply.status == 401
