"""Everything that changes who may do what, or how, is in the audit log: one row each, without a secret."""

import json
from typing import Any

import pytest
from fakes.control import ACCOUNT, REQUIRED, Rig, policy

from gateway.model.audit import AuditQuery
from gateway.model.tokens import Permission, mint_token
from gateway.store import pools
from gateway.store.errors import StoreDown

AUDIT = f"/accounts/{ACCOUNT}/logs/audit"
TREE = f"/accounts/{ACCOUNT}/tokens"
OWN_PAGE = [("Sec-Fetch-Site", "same-origin"), ("X-Gateway-Dashboard", "http"), ("Content-Type", "application/json")]


async def entries(rig: Rig, query: str = "", **how: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await rig.call("GET", f"{AUDIT}{query}", **how)).result
    return found


async def test_each_kind_of_change_has_its_entry(rig: Rig) -> None:
    await rig.make_gateway("g")
    await rig.ai("PUT", "/gateways/g", REQUIRED | {"authentication": False})
    key = (
        await rig.ai(
            "POST", "/gateways/g/provider_configs",
            {"provider_slug": "openai", "alias": "default", "secret": "sk-very-secret-012345zzQ7", "default_config": False},
        )
    ).result  # fmt: skip
    await rig.ai("PUT", f"/gateways/g/provider_configs/{key['id']}", {"secret": "sk-other-secret-0123456789"})
    await rig.ai("DELETE", f"/gateways/g/provider_configs/{key['id']}")
    custom = (
        await rig.ai(
            "POST", "/custom-providers",
            {"name": "Mine", "slug": "mine", "base_url": "https://x.example", "headers": '{"X-Key":"hidden-value-1"}'},
        )
    ).result  # fmt: skip
    await rig.ai("PATCH", f"/custom-providers/{custom['id']}", {"headers": '{"X-Key":"hidden-value-2"}'})
    await rig.ai("DELETE", f"/custom-providers/{custom['id']}")
    await rig.ai("DELETE", "/gateways/g")
    token = await rig.make_token(policy(Permission.RUN))
    await rig.call("PUT", f"{TREE}/{token['id']}", {"name": "renamed", "policies": [policy(Permission.RUN)]})
    rolled = (await rig.call("PUT", f"{TREE}/{token['id']}/value", {})).result
    await rig.call("DELETE", f"{TREE}/{token['id']}")

    found = await entries(rig, "?direction=asc")
    told = [(entry["resource"]["type"], entry["action"]["type"]) for entry in found]
    assert told == [
        ("account", "create"), ("token", "create"),
        ("gateway", "create"), ("gateway", "update"),
        ("provider_key", "create"), ("provider_key", "update"), ("provider_key", "delete"),
        ("custom_provider", "create"), ("custom_provider", "update"), ("custom_provider", "delete"),
        ("gateway", "delete"),
        ("token", "create"), ("token", "update"), ("token", "roll"), ("token", "delete"),
    ]  # fmt: skip
    assert [entry["actor"]["type"] for entry in found[:3]] == ["system", "system", "user"]
    by_hand = found[2:]
    assert {(entry["actor"]["token_name"], entry["actor"]["ip_address"]) for entry in by_hand} == {("bootstrap", "192.0.2.1")}
    assert (found[3]["before"], found[3]["after"]) == ({"authentication": True}, {"authentication": False})
    assert found[5]["after"] == {"replaced": True}
    assert found[8]["after"] == {"headers_replaced": True}
    assert (found[13]["before"], found[13]["after"]) == ({"rolls": 0}, {"rolls": 1})
    text = json.dumps(found)
    for secret in ("very-secret", "other-secret", "hidden-value", token["value"], rolled, rig.bootstrap, "zzQ7"):
        assert secret not in text


async def test_what_did_not_happen_has_no_entry(rig: Rig) -> None:
    before = await entries(rig)
    weak = await rig.make_token(policy(Permission.READ, Permission.AUDIT_READ))
    for method, path, body in (
        ("POST", "/gateways", {"id": "g", **REQUIRED}),
        ("DELETE", "/gateways/none", None),
    ):
        assert (await rig.ai(method, path, body, token=weak["value"])).status == 403
    await rig.make_gateway("g")
    assert (await rig.ai("POST", "/gateways", {"id": "g", **REQUIRED})).status == 409
    found = await entries(rig, token=weak["value"])
    assert len(found) == len(before) + 2, "the token and the gateway"


async def test_an_entry_that_cannot_be_written_takes_the_change_with_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise StoreDown("no room")

    monkeypatch.setattr(pools, "add_entry", fail)
    assert (await rig.ai("POST", "/gateways", {"id": "g", **REQUIRED})).status == 503
    monkeypatch.undo()
    assert (await rig.ai("GET", "/gateways/g")).status == 404


async def test_signing_in_and_out(rig: Rig) -> None:
    async def sign_in(value: str) -> Any:
        return await rig.call("POST", "/user/session", {"token": value}, headers=OWN_PAGE)

    assert (await sign_in(mint_token())).status == 401
    opened = await sign_in(rig.bootstrap)
    cookie = opened.headers["Set-Cookie"].partition(";")[0]
    made = await rig.call("POST", TREE, {"name": "t", "policies": [policy()]}, headers=[*OWN_PAGE, ("Cookie", cookie)])
    assert made.status == 200
    await rig.call("DELETE", "/user/session", headers=[*OWN_PAGE, ("Cookie", cookie)])
    found = [
        (entry["action"]["type"], entry["action"]["result"], entry["actor"]["token_name"], entry["actor"]["context"])
        for entry in await entries(rig, "?direction=asc")
    ][2:]
    assert found == [
        ("login", "failure", None, "dash"),
        ("login", "success", "bootstrap", "dash"),
        ("create", "success", "bootstrap", "dash"),
        ("logout", "success", "bootstrap", "dash"),
    ]


async def test_who_may_read_it(rig: Rig) -> None:
    writer = await rig.make_token(policy(Permission.WRITE, Permission.TOKENS_WRITE))
    assert (await rig.call("GET", AUDIT, token=writer["value"])).status == 403
    other = "e" * 32
    await rig.call("POST", "/accounts", {"name": "Other", "id": other})
    await rig.call("POST", "/user/session", {"token": mint_token()}, headers=OWN_PAGE)
    reader = await rig.make_token(policy(Permission.AUDIT_READ))
    told = {entry["account"]["id"] for entry in await entries(rig, token=reader["value"])}
    assert told == {ACCOUNT}, "neither another account's nor the service's own"
    assert {entry["account"]["id"] for entry in await entries(rig)} == {ACCOUNT, None}
    assert (await rig.call("GET", f"/accounts/{other}/logs/audit", token=reader["value"])).status == 403
    assert {e["account"]["id"] for e in (await rig.call("GET", f"/accounts/{other}/logs/audit")).result} == {other, None}


async def test_pages_and_filters(rig: Rig) -> None:
    for number in range(5):
        rig.clock.move(1)
        await rig.make_gateway(f"g{number}")
    first = await rig.call("GET", f"{AUDIT}?limit=2&resource_type=gateway")
    cursor = first.json["result_info"]["cursor"]
    second = await rig.call("GET", f"{AUDIT}?limit=3&resource_type=gateway&cursor={cursor}")
    names = [entry["resource"]["name"] for entry in (*first.result, *second.result)]
    assert names == ["g4", "g3", "g2", "g1", "g0"]
    last = await rig.call("GET", f"{AUDIT}?limit=3&cursor={second.json['result_info']['cursor']}")
    assert last.json["result_info"] == {"count": 2, "cursor": "", "cursors": {"after": ""}}


async def test_nobody_deletes_or_writes_it(rig: Rig) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await rig.call(method, AUDIT, {})).status == 405


async def test_old_entries_go(rig: Rig) -> None:
    await rig.make_gateway("old")
    rig.clock.move(399 * 86400)
    await rig.control._janitor.round(touch=False, expire=True)
    assert await rig.store.audit.find([ACCOUNT], AuditQuery(equal={"resource_type": "gateway"})) != []
    rig.clock.move(2 * 86400)
    await rig.control._janitor.round(touch=False, expire=True)
    assert await rig.store.audit.find([ACCOUNT, ""], AuditQuery()) == []
