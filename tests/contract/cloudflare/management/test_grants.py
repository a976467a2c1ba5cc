"""What a token may make of itself and do to others, and what becomes of the tokens it made (decision 0022)."""

from typing import Any

import pytest
from fakes.control import ACCOUNT, ObedientEdge, Reply, Rig, policy

from gateway.link.frames import AskToken, Revoke, TokenAnswer
from gateway.model.tokens import ALL_PERMISSIONS, Permission

TREE = f"/accounts/{ACCOUNT}/tokens"
ADMIN = policy(Permission.RUN, Permission.TOKENS_WRITE)
LASTING = policy(Permission.RUN, Permission.TOKENS_WRITE, Permission.LASTING_TOKENS_WRITE)
LIMITED: dict[str, Any] = {
    "not_before": "2026-09-01T00:00:00Z",
    "expires_on": "2027-01-01T00:00:00Z",
    "condition": {"request_ip": {"in": ["192.0.2.0/24"], "not_in": ["192.0.2.128/25"]}},
}


def within(**fields: Any) -> dict[str, Any]:
    return {"name": "t", "policies": [policy(Permission.RUN)], **LIMITED, **fields}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"not_before": "2026-11-01T00:00:00Z"}, 200),
        ({"not_before": None}, 200),
        ({"expires_on": "2026-12-31T23:59:59Z"}, 200),
        ({"expires_on": "2027-01-01T00:00:00.001Z"}, 403),
        ({"expires_on": None}, 403),
        ({"condition": None}, 403),
        ({"condition": {"request_ip": {"in": ["192.0.2.0/25"]}}}, 200),
        ({"condition": {"request.ip": {"in": ["::ffff:192.0.2.1"]}}}, 200),
        ({"condition": {"request_ip": {"in": ["192.0.2.0/24"]}}}, 403),
        ({"condition": {"request_ip": {"in": ["192.0.2.0/23"], "not_in": ["192.0.2.128/25"]}}}, 403),
        ({"condition": {"request_ip": {"not_in": ["192.0.2.128/25"]}}}, 403),
        ({"condition": {"request_ip": {"in": ["192.0.2.1", "2001:db8::1"]}}}, 403),
        ({"condition": {"request_ip": {"in": ["::/0"]}}}, 403),
        ({"policies": [policy(Permission.WRITE)]}, 403),
    ],
)
async def test_no_limit_is_lost_on_the_way(rig: Rig, fields: dict[str, Any], status: int) -> None:
    holder = await rig.make_token(ADMIN, **LIMITED)
    value = holder["value"]
    made = await rig.call("POST", TREE, within(**fields), token=value)
    child = (await rig.call("POST", TREE, within(), token=value)).result
    changed = await rig.call("PUT", f"{TREE}/{child['id']}", within(**fields), token=value)
    itself = await rig.call("PUT", f"{TREE}/{holder['id']}", within(**{"policies": [ADMIN], **fields}), token=value)
    assert (made.status, changed.status, itself.status) == (status, status, status)
    if status == 403:
        assert made.json["errors"][0]["message"] != "Authentication error", "it says which limit"


TOUCHES = {
    "change": ("PUT", "", {"name": "n", "policies": [policy(Permission.RUN)]}),
    "disable": ("PUT", "", {"name": "n", "policies": [policy(Permission.RUN)], "status": "disabled"}),
    "roll": ("PUT", "/value", {}),
    "delete": ("DELETE", "", None),
}


async def touch(rig: Rig, how: str, token_id: str, value: str) -> Reply:
    method, tail, body = TOUCHES[how]
    return await rig.call(method, f"{TREE}/{token_id}{tail}", body, token=value)


@pytest.mark.parametrize("how", TOUCHES)
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ({}, 200),
        ({"expires_on": "2026-12-01T00:00:00Z"}, 200),
        ({"expires_on": None}, 403),
        ({"condition": None}, 403),
        ({"policies": [policy(Permission.WRITE)]}, 403),
        ({"policies": [policy(Permission.RUN, account="*")]}, 403),
        ({"policies": [policy(Permission.RUN, account="e" * 32)]}, 403),
        ({"policies": [policy(Permission.READ, scope={"com.cloudflare.api.ai-gateway.h": "*"})]}, 403),
    ],
)
async def test_who_may_not_make_a_token_may_not_touch_it(rig: Rig, how: str, target: dict[str, Any], status: int) -> None:
    holder = await rig.make_token(ADMIN, policy(Permission.READ, scope={"com.cloudflare.api.ai-gateway.g": "*"}), **LIMITED)
    made = (await rig.call("POST", TREE, within(outlives_maker=False, **target))).result
    before = (await rig.call("GET", f"{TREE}/{made['id']}")).result
    assert (await touch(rig, how, made["id"], holder["value"])).status == status
    if status == 403:
        assert (await rig.call("GET", f"{TREE}/{made['id']}")).result == before


@pytest.mark.parametrize("how", TOUCHES)
async def test_an_accounts_administrator_cannot_touch_the_operators_token(rig: Rig, how: str) -> None:
    holder = await rig.make_token(policy(*ALL_PERMISSIONS))
    (first,) = [token for token in (await rig.call("GET", TREE)).result if token["name"] == "bootstrap"]
    assert (await touch(rig, how, first["id"], holder["value"])).status == 403
    assert (await rig.call("GET", "/user/tokens/verify")).status == 200


async def test_a_lasting_token_is_not_rolled_by_who_makes_none(rig: Rig) -> None:
    """Its new value would outlive the one who rolled it."""
    lasting = await rig.make_token(policy(Permission.RUN))
    assert lasting["outlives_maker"] is True, "what the first token makes goes on without it"
    weak, strong = await rig.make_token(ADMIN), await rig.make_token(LASTING)
    assert (await touch(rig, "roll", lasting["id"], weak["value"])).status == 403
    assert (await touch(rig, "change", lasting["id"], weak["value"])).status == 403
    assert (await touch(rig, "roll", lasting["id"], strong["value"])).status == 200
    assert (await touch(rig, "delete", lasting["id"], weak["value"])).status == 200, "ending it gains nothing"


async def alive(rig: Rig, value: str) -> bool:
    return (await rig.call("GET", "/user/tokens/verify", token=value)).status == 200


ENDS = ("disable", "roll", "delete", "expire")


@pytest.mark.parametrize("how", ENDS)
async def test_what_a_token_made_ends_with_it(rig: Rig, how: str) -> None:
    maker = await rig.make_token(LASTING, expires_on="2026-12-31T00:00:00Z")
    child = await rig.make_token(ADMIN, token=maker["value"], expires_on="2026-12-31T00:00:00Z")
    grandchild = await rig.make_token(policy(Permission.RUN), token=child["value"], expires_on="2026-12-31T00:00:00Z")
    lasting = await rig.make_token(
        policy(Permission.RUN), token=maker["value"], expires_on="2026-12-31T00:00:00Z", outlives_maker=True
    )
    assert [one["outlives_maker"] for one in (child, grandchild, lasting)] == [False, False, True]
    assert [one["maker_id"] for one in (child, grandchild)] == [maker["id"], child["id"]]
    edge = ObedientEdge(rig.control, "e1")
    if how == "expire":
        await rig.call(
            "PUT", f"{TREE}/{maker['id']}", {"name": "n", "policies": [LASTING], "expires_on": "2026-10-01T00:00:00Z"}
        )
        rig.clock.move(30 * 86400)
    else:
        reply = await touch(rig, how, maker["id"], rig.bootstrap)
        assert reply.headers["x-gateway-revocation"].startswith("confirmed=1; missing=0;")
        assert len({frame.digest for frame in edge.of(Revoke)}) == 3, "the maker, its child and the child's child"
    values = [one["value"] for one in (maker, child, grandchild, lasting)]
    assert [await alive(rig, value) for value in values] == [False, False, False, True]
    shown = [(await rig.call("GET", f"{TREE}/{one['id']}")).result["status"] for one in (child, grandchild, lasting)]
    ended = "expired" if how == "expire" else "disabled"
    assert shown == [ended, ended, "active"]
    for one in (child, grandchild):
        answer = await rig.control.hub.answer(edge, AskToken(1, rig.control._access.peppers.digests(one["value"])))
        assert isinstance(answer, TokenAnswer)
        assert answer.principal is None or not answer.principal.in_force(rig.clock.wall())


async def test_a_maker_that_is_enabled_again_brings_its_tokens_back(rig: Rig) -> None:
    maker = await rig.make_token(ADMIN)
    child = await rig.make_token(policy(Permission.RUN), token=maker["value"])
    await touch(rig, "disable", maker["id"], rig.bootstrap)
    assert not await alive(rig, child["value"])
    await rig.call("PUT", f"{TREE}/{maker['id']}", {"name": "n", "policies": [ADMIN], "status": "active"})
    assert await alive(rig, child["value"])


async def test_a_maker_that_loses_a_right_takes_it_along(rig: Rig) -> None:
    maker = await rig.make_token(policy(Permission.READ, Permission.TOKENS_WRITE))
    child = await rig.make_token(policy(Permission.READ), token=maker["value"])
    assert (await rig.ai("GET", "/gateways", token=child["value"])).status == 200
    await rig.call("PUT", f"{TREE}/{maker['id']}", {"name": "n", "policies": [policy(Permission.TOKENS_WRITE)]})
    assert (await rig.ai("GET", "/gateways", token=child["value"])).status == 403


async def test_a_token_whose_maker_has_gone_goes_on_when_somebody_who_may_says_so(rig: Rig) -> None:
    maker = await rig.make_token(ADMIN)
    child = await rig.make_token(policy(Permission.RUN), token=maker["value"])
    await touch(rig, "delete", maker["id"], rig.bootstrap)
    path, body = f"{TREE}/{child['id']}", {"name": "n", "policies": [policy(Permission.RUN)]}
    refused = await rig.call("PUT", path, {**body, "status": "active"})
    assert (refused.status, "outlives_maker" in refused.json["errors"][0]["message"]) == (409, True)
    assert (await rig.call("PUT", path, {**body, "outlives_maker": True})).result["status"] == "active"
    assert await alive(rig, child["value"])


async def test_nobody_frees_a_token_or_widens_it_beyond_its_maker_without_the_right_to(rig: Rig) -> None:
    maker = await rig.make_token(ADMIN)
    child = await rig.make_token(ADMIN, token=maker["value"])
    free = {"name": "n", "policies": [ADMIN], "outlives_maker": True}
    for value in (maker["value"], child["value"]):
        assert (await rig.call("PUT", f"{TREE}/{child['id']}", free, token=value)).status == 403
        assert (await rig.call("POST", TREE, free, token=value)).status == 403
    wider = {"name": "n", "policies": [policy(Permission.WRITE)]}
    assert (await rig.call("PUT", f"{TREE}/{child['id']}", wider)).status == 409


async def test_a_row_of_makers_has_an_end(rig: Rig) -> None:
    value = (await rig.make_token(ADMIN))["value"]
    for _ in range(8):
        value = (await rig.make_token(ADMIN, token=value))["value"]
    reply = await rig.call("POST", TREE, {"name": "n", "policies": [ADMIN]}, token=value)
    assert (reply.status, reply.paths) == (400, {("body", "outlives_maker")})
