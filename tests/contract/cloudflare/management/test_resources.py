"""Provider keys, custom providers, logs, accounts over the wire (specification sections 6, 11, 12)."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from fakes.control import ACCOUNT, REQUIRED, ObedientEdge, Rig, policy

from gateway.kit.ids import uuid7
from gateway.link.frames import Patch, Records, Snapshot
from gateway.model.records import LogRecord
from gateway.model.tokens import Permission

SECRET = "sk-proj-THE-SECRET-OF-THE-PROVIDER-abcd"
KEY = {"provider_slug": "openai", "alias": "default", "default_config": True, "secret": SECRET, "secret_id": "x"}


async def test_provider_keys_are_never_returned(rig: Rig, database: Path) -> None:
    await rig.make_gateway("g1")
    edge = ObedientEdge(rig.control, "e1")
    path = "/gateways/g1/provider_configs"
    created = await rig.ai("POST", path, KEY)
    assert created.result["secret_preview"] == "sk-…abcd"
    assert created.result.keys() >= {"id", "gateway_id", "provider_slug", "alias", "default_config", "secret_id", "modified_at"}
    assert created.result["rate_limit_period"] == 60
    one = f"{path}/{created.result['id']}"
    replies = [created, await rig.ai("GET", path), await rig.ai("POST", path, KEY)]
    assert replies[-1].status == 409
    fresh = SECRET.replace("SECRET", "NEWER")
    replies += [await rig.ai("PUT", one, {"secret": fresh}), await rig.ai("GET", "/gateways/g1")]
    assert [[key.secret for key in patch.gateways[0].keys] for patch in edge.of(Patch)] == [[SECRET], [fresh]]
    replies.append(await rig.ai("DELETE", one))
    assert replies[-1].result["id"] == created.result["id"]
    assert edge.of(Patch)[-1].gateways[0].keys == ()
    assert (await rig.ai("DELETE", one)).status == 404
    assert all(b"PROVIDER" not in reply.body for reply in replies)
    for file in database.parent.glob("gateway.db*"):
        assert b"PROVIDER" not in file.read_bytes()


async def test_a_limit_on_a_key_that_nothing_would_keep_is_refused(rig: Rig) -> None:
    await rig.make_gateway("g1")
    path = "/gateways/g1/provider_configs"
    reply = await rig.ai("POST", path, {**KEY, "rate_limit": 1})
    assert (reply.status, reply.paths) == (501, {("body", "rate_limit")})
    for off in (0, None):
        made = await rig.ai("POST", path, {**KEY, "alias": f"a{off}", "rate_limit": off, "rate_limit_period": 10})
        assert made.result["rate_limit"] == off


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"secret": ""}, "secret"),
        ({"secret": "a b"}, "secret"),
        ({"secret": "a\r\nx: y"}, "secret"),
        ({"secret": "k" * 65_537}, "secret"),
        ({"provider_slug": "Open AI"}, "provider_slug"),
        ({"alias": ""}, "alias"),
        ({"rate_limit": 0.5}, "rate_limit"),
    ],
)
async def test_provider_key_rules(rig: Rig, change: dict[str, Any], path: str) -> None:
    await rig.make_gateway("g1")
    reply = await rig.ai("POST", "/gateways/g1/provider_configs", {**KEY, **change})
    assert (reply.status, reply.paths) == (400, {("body", path)})
    assert change.get("secret", "a b") == "" or str(change.get("secret", "sk-")).encode() not in reply.body


async def test_keys_of_another_gateway_are_out_of_reach(rig: Rig) -> None:
    await rig.make_gateway("g1")
    await rig.make_gateway("g2")
    key_id = (await rig.ai("POST", "/gateways/g1/provider_configs", KEY)).result["id"]
    assert (await rig.ai("DELETE", f"/gateways/g2/provider_configs/{key_id}")).status == 404
    assert (await rig.ai("GET", "/gateways/nope/provider_configs")).status == 404


CUSTOM = {"name": "Mine", "slug": "my-llm", "base_url": "https://llm.example.com"}
HEADERS = orjson.dumps({"x-team": "blue", "x-key": "HEADER-CREDENTIAL"}).decode()


async def test_life_of_a_custom_provider(rig: Rig, database: Path) -> None:
    edge = ObedientEdge(rig.control, "e1")
    made = await rig.ai("POST", "/custom-providers", {**CUSTOM, "headers": HEADERS, "enable": True})
    assert orjson.loads(made.result["headers"]) == {"x-team": "***", "x-key": "***"}
    assert (made.result["enable"], made.result["beta"], made.result["slug"]) == (True, False, "my-llm")
    one = f"/custom-providers/{made.result['id']}"
    assert (await rig.ai("GET", one)).result == made.result
    listed = await rig.ai("GET", "/custom-providers")
    assert listed.json["result_info"] == {"page": 1, "per_page": 20, "count": 1, "total_count": 1, "total_pages": 1}
    assert (await rig.ai("POST", "/custom-providers", CUSTOM)).status == 409

    masked = orjson.dumps({"x-team": "***", "x-more": "1"}).decode()
    changed = await rig.ai("PATCH", one, {"description": "d", "headers": masked})
    assert (changed.result["description"], changed.result["name"]) == ("d", "Mine")
    first, second = (patch.accounts[0].custom_providers[0] for patch in edge.of(Patch))
    assert first.headers == {"x-team": "blue", "x-key": "HEADER-CREDENTIAL"}
    assert second.headers == {"x-team": "blue", "x-more": "1"}
    assert (await rig.ai("PATCH", one, {"enable": False})).result["headers"] == changed.result["headers"]
    assert (await rig.ai("PATCH", one, {"headers": None})).result["headers"] is None

    assert (await rig.ai("DELETE", one)).result["id"] == made.result["id"]
    assert edge.of(Patch)[-1].accounts[0].custom_providers == ()
    assert (await rig.ai("GET", one)).status == 404
    for file in database.parent.glob("gateway.db*"):
        assert b"HEADER-CREDENTIAL" not in file.read_bytes()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"base_url": "http://llm.example.com"}, "base_url"),
        ({"base_url": "ftp://llm.example.com"}, "base_url"),
        ({"base_url": "https://u:p@llm.example.com"}, "base_url"),
        ({"base_url": "https://127.0.0.1"}, "base_url"),
        ({"base_url": "https://169.254.169.254/latest"}, "base_url"),
        ({"base_url": "https://[::1]:8080"}, "base_url"),
        ({"base_url": "https://[::ffff:10.0.0.1]"}, "base_url"),
        ({"base_url": "https://localhost"}, "base_url"),
        ({"base_url": "https://2130706433"}, "base_url"),
        ({"base_url": "https://0x7f.1"}, "base_url"),
        ({"base_url": "https://x.example?q=1"}, "base_url"),
        ({"base_url": "https://x.example:99999"}, "base_url"),
        ({"base_url": "https://"}, "base_url"),
        ({"slug": "a_b"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"name": ""}, "name"),
        ({"headers": "x: y"}, "headers"),
        ({"headers": '{"host": "x"}'}, "headers"),
        ({"headers": '{"x": "a\\r\\nb: c"}'}, "headers"),
        ({"headers": '{"a b": "c"}'}, "headers"),
        ({"headers": '{"x": 1}'}, "headers"),
    ],
)
async def test_custom_provider_rules(rig: Rig, change: dict[str, Any], path: str) -> None:
    reply = await rig.ai("POST", "/custom-providers", {**CUSTOM, **change})
    assert (reply.status, reply.codes[0], reply.paths) == (400, 7001, {("body", path)})
    made = (await rig.ai("POST", "/custom-providers", CUSTOM)).result["id"]
    assert (await rig.ai("PATCH", f"/custom-providers/{made}", change)).paths == {("body", path)}


def _record(number: int, gateway_id: str = "g1") -> LogRecord:
    return LogRecord(
        id=uuid7(1_790_000_000 + number), account_id=ACCOUNT, gateway_id=gateway_id, created_at=1_790_000_000.0 + number,
        provider="openai", model="m", model_type="chat", method="POST", path="chat/completions", status_code=200, success=True,
        outcome="completed", cached=False, duration_ms=12, first_byte_ms=3, tokens_in=None, tokens_out=7, tokens_cached=None,
        tokens_reasoning=None, usage_exactness="exact", metadata='{"a":1}', step=0, request_type="", request_content_type="",
        response_content_type="text/event-stream", request_size=10, response_size=20, event_id="e", user_agent="ua",
        authentication=True, token_id="t", streamed=True,
    )  # fmt: skip


async def test_logs(rig: Rig) -> None:
    await rig.make_gateway("g1")
    edge = ObedientEdge(rig.control, "e1")
    records = tuple(_record(number) for number in range(3))
    rig.control.hub.received(edge, Records(1, records))
    await rig.control._facts.recorder.close(5)
    query = "order_by=created_at&direction=desc&filters.key=provider&filters.operator=eq&filters.value=openai&meta_info=true"
    listed = await rig.ai("GET", f"/gateways/g1/logs?per_page=2&{query}")
    assert [entry["id"] for entry in listed.result] == [records[2].id, records[1].id]
    assert listed.json["result_info"] == {"page": 1, "per_page": 2, "count": 2, "total_count": 3}
    entry = listed.result[0]
    assert (entry["duration"], entry["tokens_in"], entry["tokens_out"], entry["metadata"]) == (12, None, 7, '{"a":1}')
    assert "request_size" not in entry
    one = (await rig.ai("GET", f"/gateways/g1/logs/{records[0].id}")).result
    assert (one["request_size"], one["response_size"], one["created_at"]) == (10, 20, "2026-09-21T14:13:20.000Z")
    assert (await rig.ai("GET", "/gateways/g1/logs?page=9")).result == []
    assert (await rig.ai("GET", "/gateways/g1/logs?per_page=51")).paths == {("query", "per_page")}
    assert (await rig.ai("GET", f"/gateways/g1/logs/{uuid7()}")).status == 404
    assert (await rig.ai("GET", "/gateways/nope/logs")).status == 404


async def test_accounts(rig: Rig) -> None:
    edge = ObedientEdge(rig.control, "e1")
    assert [account["id"] for account in (await rig.call("GET", "/accounts")).result] == [ACCOUNT]
    made = (await rig.call("POST", "/accounts", {"name": "Second"})).result
    assert edge.of(Patch)[-1].accounts[0].account_id == made["id"]
    assert (await rig.call("POST", "/accounts", {"name": "Again", "id": made["id"]})).status == 409
    assert (await rig.call("GET", f"/accounts/{made['id']}")).result == made
    assert (await rig.call("GET", "/accounts?per_page=1&page=3")).result == []
    assert (await rig.call("GET", f"/accounts/{'d' * 32}")).status == 404
    narrow = (await rig.make_token(policy(Permission.RUN)))["value"]
    listed = await rig.call("GET", "/accounts", token=narrow)
    assert [account["id"] for account in listed.result] == [ACCOUNT]
    assert (await rig.call("POST", "/accounts", {"name": "Third"}, token=narrow)).status == 403
    assert (await rig.ai("POST", "/gateways", {"id": "g", **REQUIRED}, account="d" * 32)).status == 404


async def test_a_new_edge_gets_everything(rig: Rig) -> None:
    await rig.make_gateway("g1")
    await rig.ai("POST", "/gateways/g1/provider_configs", KEY)
    await rig.ai("POST", "/custom-providers", CUSTOM)
    (snapshot,) = ObedientEdge(rig.control, "e1").of(Snapshot)
    assert [(entry.gateway.id, [key.secret for key in entry.keys]) for entry in snapshot.gateways] == [("g1", [SECRET])]
    assert [custom.slug for custom in snapshot.accounts[0].custom_providers] == ["my-llm"]
