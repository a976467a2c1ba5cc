"""API tokens over the wire, in both trees (specification section 5; vector 22)."""

import re
from typing import Any

import pytest
from fakes.control import ACCOUNT, ObedientEdge, Rig, policy

from gateway.kit.secret import keyed_digest
from gateway.link.frames import Revoke
from gateway.model.tokens import ALL_PERMISSIONS, Permission, mint_token

TREES = ("/user/tokens", f"/accounts/{ACCOUNT}/tokens")


def _body(**fields: Any) -> dict[str, Any]:
    return {"name": "t", "policies": [policy(Permission.RUN)], **fields}


@pytest.mark.parametrize("tree", TREES)
async def test_a_value_is_shown_when_made_and_never_again(rig: Rig, tree: str) -> None:
    created = await rig.call("POST", tree, _body())
    value = created.result["value"]
    assert re.fullmatch(r"agw_[0-9A-Za-z]{49}", value)
    assert created.headers["Cache-Control"] == "no-store"
    token_id = created.result["id"]
    assert re.fullmatch(r"[0-9a-f]{32}", token_id)

    listed = await rig.call("GET", tree)
    got = await rig.call("GET", f"{tree}/{token_id}")
    updated = await rig.call("PUT", f"{tree}/{token_id}", _body(name="other"))
    rolled = await rig.call("PUT", f"{tree}/{token_id}/value", {})
    assert rolled.headers["Cache-Control"] == "no-store"
    after = await rig.call("GET", f"{tree}/{token_id}")
    deleted = await rig.call("DELETE", f"{tree}/{token_id}")

    assert [token["id"] for token in listed.result if token["name"] == "t"] == [token_id]
    assert updated.result["name"] == "other"
    assert re.fullmatch(r"agw_[0-9A-Za-z]{49}", rolled.result)
    assert rolled.result != value
    assert deleted.result == {"id": token_id}
    for reply in (listed, got, updated, after, deleted):
        assert b"agw_" not in reply.body
        assert b'"value"' not in reply.body
    assert value.encode() not in rolled.body
    assert (await rig.call("GET", f"{tree}/{token_id}")).status == 404


async def test_the_trees_are_apart(rig: Rig) -> None:
    user, account = [(await rig.call("POST", tree, _body())).result["id"] for tree in TREES]
    assert (await rig.call("GET", f"{TREES[0]}/{account}")).status == 404
    assert (await rig.call("GET", f"{TREES[1]}/{user}")).status == 404
    assert [token["id"] for token in (await rig.call("GET", TREES[0])).result] == [user]


@pytest.mark.parametrize("change", ["delete", "roll", "disable", "rename"])
async def test_every_change_is_confirmed_by_the_edges_before_the_answer(rig: Rig, change: str) -> None:
    made = await rig.make_token(policy(Permission.RUN))
    edges = [ObedientEdge(rig.control, "e1"), ObedientEdge(rig.control, "e2")]
    path = f"{TREES[1]}/{made['id']}"
    match change:
        case "delete":
            reply = await rig.call("DELETE", path)
        case "roll":
            reply = await rig.call("PUT", path + "/value")
        case "disable":
            reply = await rig.call("PUT", path, _body(status="disabled"))
        case _:
            reply = await rig.call("PUT", path, _body(name="n"))
    assert reply.status == 200
    assert re.fullmatch(r"confirmed=2; missing=0; seconds=\d+\.\d{3}", reply.headers["x-gateway-revocation"])
    digest = keyed_digest(rig.config.pepper, made["value"].encode())
    assert [edge.of(Revoke) for edge in edges] == [[Revoke(digest)]] * 2


async def test_verify_in_both_trees(rig: Rig) -> None:
    made = await rig.make_token(policy(Permission.RUN), expires_on="2027-01-01T00:00:00Z")
    for tree in TREES:
        reply = await rig.call("GET", tree + "/verify", token=made["value"])
        assert reply.result == {"id": made["id"], "status": "active", "expires_on": "2027-01-01T00:00:00.000Z"}
        assert reply.json["messages"][0]["message"] == "This API Token is valid and active"


async def test_verify_refuses_what_is_no_token_in_force(rig: Rig) -> None:
    token = await rig.make_token(policy(Permission.RUN))
    disabled = await rig.make_token(policy(Permission.RUN))
    await rig.call("PUT", f"{TREES[1]}/{disabled['id']}", _body(status="disabled"))
    expiring = await rig.make_token(policy(Permission.RUN), expires_on="2026-10-01T00:00:00Z")
    future = await rig.make_token(policy(Permission.RUN), not_before="2030-01-01T00:00:00Z")
    elsewhere = await rig.make_token(policy(Permission.RUN), condition={"request_ip": {"in": ["10.0.0.0/8"]}})
    rig.clock.move(30 * 86400)
    bad = [None, "x", mint_token(), disabled["value"], expiring["value"], future["value"], elsewhere["value"]]
    answers = set()
    for tree in TREES:
        for value in bad:
            headers = [] if value is None else [("Authorization", f"Bearer {value}")]
            reply = await rig.call("GET", tree + "/verify", headers=headers)
            assert (reply.status, reply.codes) == (401, [1000])
            answers.add(reply.body)
        assert (await rig.call("GET", tree + "/verify", token=token["value"])).status == 200
    assert len(answers) == 1
    assert b"Invalid API Token" in answers.pop()
    other = await rig.call("GET", f"/accounts/{'f' * 32}/tokens/verify", token=token["value"])
    assert (other.status, other.codes) == (401, [1000])


async def test_roll_ends_the_old_value(rig: Rig) -> None:
    made = await rig.make_token(policy(Permission.READ))
    fresh = (await rig.call("PUT", f"{TREES[1]}/{made['id']}/value", {})).result
    assert (await rig.ai("GET", "/gateways", token=made["value"])).status == 401
    assert (await rig.ai("GET", "/gateways", token=fresh)).status == 200


async def test_disabled_and_active_again(rig: Rig) -> None:
    made = await rig.make_token(policy(Permission.READ))
    path = f"{TREES[1]}/{made['id']}"
    body = {"name": "t", "policies": [policy(Permission.READ)]}
    assert (await rig.call("PUT", path, {**body, "status": "disabled"})).result["status"] == "disabled"
    assert (await rig.ai("GET", "/gateways", token=made["value"])).status == 401
    assert (await rig.call("PUT", path, body)).result["status"] == "disabled", "omitted: unchanged"
    assert (await rig.call("PUT", path, {**body, "status": "active"})).result["status"] == "active"
    assert (await rig.ai("GET", "/gateways", token=made["value"])).status == 200


async def test_update_keeps_what_is_left_out_and_null_takes_away(rig: Rig) -> None:
    condition = {"request_ip": {"in": ["192.0.2.0/24"], "not_in": ["192.0.2.9/32"]}}
    made = await rig.make_token(policy(Permission.READ), condition=condition, expires_on="2030-01-01T01:00:00+01:00")
    assert made["condition"] == condition
    assert made["expires_on"] == "2030-01-01T00:00:00.000Z"
    path = f"{TREES[1]}/{made['id']}"
    kept = (await rig.call("PUT", path, _body())).result
    assert (kept["condition"], kept["expires_on"]) == (condition, made["expires_on"])
    bare = (await rig.call("PUT", path, _body(condition=None, expires_on=None))).result
    assert bare.keys().isdisjoint({"condition", "expires_on"})


async def test_expired_tokens_are_listed_when_asked_for(rig: Rig) -> None:
    made = await rig.make_token(policy(Permission.RUN), expires_on="2026-10-01T00:00:00Z")
    rig.clock.move(30 * 86400)
    tree = TREES[1]
    assert made["id"] not in [token["id"] for token in (await rig.call("GET", tree)).result]
    listed = (await rig.call("GET", tree + "?include_expired=true")).result
    assert {token["id"]: token["status"] for token in listed}[made["id"]] == "expired"


async def test_listing_by_date_and_by_page(rig: Rig) -> None:
    for _ in range(3):
        rig.clock.move(1)
        await rig.make_token(policy(Permission.RUN))
    down = [token["issued_on"] for token in (await rig.call("GET", TREES[1])).result]
    up = [token["issued_on"] for token in (await rig.call("GET", TREES[1] + "?direction=asc")).result]
    assert down == sorted(up, reverse=True)
    assert len(down) == 4
    past = await rig.call("GET", TREES[1] + "?page=3&per_page=2")
    assert (past.result, past.json["result_info"]["total_count"]) == ([], 4)


@pytest.mark.parametrize("tree", TREES)
async def test_permission_groups(rig: Rig, tree: str) -> None:
    groups = (await rig.call("GET", tree + "/permission_groups")).result
    assert {group["name"] for group in groups} == set(ALL_PERMISSIONS)
    assert all(re.fullmatch(r"[0-9a-f]{32}", group["id"]) for group in groups)
    (run,) = (await rig.call("GET", tree + "/permission_groups?name=AI%20Gateway%20Run")).result
    assert run["scopes"] == ["com.cloudflare.api.account"]
    assert run["category"] == "ai_and_machine_learning"
    assert (await rig.call("GET", tree + "/permission_groups?scope=com.cloudflare.api.account.zone")).result == []
    by_id = {"effect": "allow", "permission_groups": [{"id": run["id"]}], "resources": policy()["resources"]}
    made = (await rig.call("POST", tree, {"name": "t", "policies": [by_id]})).result
    assert made["policies"][0]["permission_groups"] == [{"id": run["id"], "name": "AI Gateway Run"}]


GROUPS = [{"name": Permission.RUN}]
ANY = "com.cloudflare.api.account.*"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"policies": [policy()]}, ("name",)),
        ({"name": "", "policies": [policy()]}, ("name",)),
        ({"name": "a\nb", "policies": [policy()]}, ("name",)),
        ({"name": "t"}, ("policies",)),
        ({"name": "t", "policies": []}, ("policies",)),
        ({"name": "t", "policies": [policy("AI Gateway Fly")]}, ("policies", "0", "permission_groups", "0")),
        ({"name": "t", "policies": [policy(effect="maybe")]}, ("policies", "0", "effect")),
        ({"name": "t", "policies": [policy(scope="all")]}, ("policies", "0", "resources")),
        ({"name": "t", "policies": [policy(scope={})]}, ("policies", "0", "resources")),
        ({"name": "t", "policies": [policy(scope={"com.cloudflare.api.account.zone.*": "*"})]}, ("policies", "0", "resources")),
        ({"name": "t", "policies": [policy(account="*", scope={"com.cloudflare.api.ai-gateway.g": "*"})]},
         ("policies", "0", "resources")),
        ({"name": "t", "policies": [{"effect": "allow", "permission_groups": GROUPS, "resources": {"zone": "*"}}]},
         ("policies", "0", "resources")),
        ({"name": "t", "policies": [{"effect": "allow", "permission_groups": GROUPS, "resources": {}}]},
         ("policies", "0", "resources")),
        ({"name": "t", "policies": [policy()], "expires_on": "soon"}, ("expires_on",)),
        ({"name": "t", "policies": [policy()], "expires_on": 5}, ("expires_on",)),
        ({"name": "t", "policies": [policy()], "expires_on": "2026-09-01T00:00:00Z"}, ("expires_on",)),
        ({"name": "t", "policies": [policy()], "expires_on": "2026-09-01"}, ("expires_on",)),
        ({"name": "t", "policies": [policy()], "not_before": "2027-01-01", "expires_on": "2026-12-31"}, ("not_before",)),
        ({"name": "t", "policies": [policy()], "status": "gone"}, ("status",)),
        ({"name": "t", "policies": [policy()], "condition": {"request_ip": {"in": ["10.0.0.0/33"]}}},
         ("condition", "request_ip", "in", "0")),
    ],
)  # fmt: skip
async def test_broken_rules(rig: Rig, body: dict[str, Any], path: tuple[Any, ...]) -> None:
    reply = await rig.call("POST", TREES[1], body)
    assert (reply.status, set(reply.codes)) == (400, {7001})
    assert {found[: len(path) + 1] for found in reply.paths} == {("body", *path)}


LIMITED = {"com.cloudflare.api.ai-gateway.g1": "*"}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ([policy(Permission.RUN)], 200),
        ([policy(Permission.RUN, scope=LIMITED)], 200),
        ([policy(Permission.RUN), policy(Permission.RUN, effect="deny")], 200),
        ([policy(Permission.WRITE), policy(Permission.WRITE, effect="deny")], 200),
        ([policy(Permission.WRITE)], 403),
        ([policy(Permission.RUN, Permission.WRITE)], 403),
        ([policy(Permission.READ)], 403),
        ([policy(Permission.READ, scope={**LIMITED, "com.cloudflare.api.ai-gateway.g2": "*"})], 403),
        ([policy(Permission.READ, scope=LIMITED)], 200),
        ([policy(Permission.RUN, account="e" * 32)], 403),
        ([policy(Permission.RUN, account="*")], 403),
    ],
)
async def test_a_token_hands_on_only_what_it_holds(rig: Rig, wanted: list[dict[str, Any]], status: int) -> None:
    holder = await rig.make_token(policy(Permission.RUN, Permission.TOKENS_WRITE), policy(Permission.READ, scope=LIMITED))
    for tree in TREES:
        reply = await rig.call("POST", tree, {"name": "t", "policies": wanted}, token=holder["value"])
        assert reply.status == status
    mine = (await rig.call("POST", TREES[1], _body(), token=holder["value"])).result["id"]
    reply = await rig.call("PUT", f"{TREES[1]}/{mine}", {"name": "t", "policies": wanted}, token=holder["value"])
    assert reply.status == status


async def test_a_stronger_token_cannot_be_rolled_by_a_weaker(rig: Rig) -> None:
    holder = await rig.make_token(policy(Permission.RUN, Permission.TOKENS_WRITE))
    strong = await rig.make_token(policy(Permission.WRITE))
    listed = (await rig.call("GET", TREES[1])).result
    for token_id in [strong["id"], *(token["id"] for token in listed if token["name"] == "bootstrap")]:
        assert (await rig.call("PUT", f"{TREES[1]}/{token_id}/value", {}, token=holder["value"])).status == 403
    assert (await rig.call("GET", "/user/tokens/verify", token=strong["value"])).status == 200


async def test_last_use_is_written_down(rig: Rig) -> None:
    made = await rig.make_token(policy(Permission.READ))
    assert made["last_used_on"] is None
    await rig.ai("GET", "/gateways", token=made["value"])
    await rig.control._janitor.round(touch=True)
    assert (await rig.call("GET", f"{TREES[1]}/{made['id']}")).result["last_used_on"] is not None
