"""Gateways over the wire (specification sections 1.3, 4; vector 21)."""

from typing import Any

import pytest
from fakes.control import ACCOUNT, REQUIRED, ObedientEdge, Rig

from gateway.link.frames import Patch, Snapshot

RESPONSE_ONLY = {"is_default", "created_at", "modified_at", "account_id", "account_tag", "internal_id"}


async def test_life_of_a_gateway(rig: Rig) -> None:
    made = await rig.make_gateway("g1", log_management=20_000)
    assert made["id"] == "g1"
    assert made["log_management"] == 20_000
    assert made.keys() >= RESPONSE_ONLY | REQUIRED.keys()
    assert made["account_id"] == made["account_tag"] == ACCOUNT
    assert made["created_at"].endswith("Z")
    assert made["is_default"] is False
    assert (await rig.ai("GET", "/gateways/g1")).result == made

    rig.clock.move(5)
    changed = (await rig.ai("PUT", "/gateways/g1", {**REQUIRED, "byok_only": True})).result
    assert changed["byok_only"] is True
    assert changed["modified_at"] > made["modified_at"] == made["created_at"]

    assert (await rig.ai("DELETE", "/gateways/g1")).result == changed
    missing = await rig.ai("GET", "/gateways/g1")
    assert (missing.status, missing.json["errors"][0]["message"]) == (404, "Not Found")


async def test_envelope_and_fields_of_a_success(rig: Rig) -> None:
    reply = await rig.ai("GET", "/gateways")
    assert list(reply.json) == ["result", "success", "errors", "messages", "result_info"]
    assert reply.json["result_info"] == {"page": 1, "per_page": 20, "count": 0, "total_count": 0}
    assert reply.headers["Content-Type"].startswith("application/json")
    assert "Server" not in reply.headers


async def test_authentication_is_on_unless_switched_off(rig: Rig) -> None:
    assert (await rig.make_gateway("absent"))["authentication"] is True
    assert (await rig.make_gateway("off", authentication=False))["authentication"] is False


async def test_put_leaves_omitted_optional_fields_alone(rig: Rig) -> None:
    await rig.make_gateway("g1", authentication=False, log_management=20_000, collect_log_payloads=True)
    changed = (await rig.ai("PUT", "/gateways/g1", {**REQUIRED, "collect_logs": False})).result
    assert (changed["authentication"], changed["log_management"], changed["collect_logs"]) == (False, 20_000, False)
    assert changed["collect_log_payloads"] is True
    assert (await rig.ai("PUT", "/gateways/g1", {**REQUIRED, "log_management": None})).result["log_management"] is None


async def test_what_get_shows_can_be_put_back(rig: Rig) -> None:
    made = await rig.make_gateway("g1", rate_limiting_technique="sliding")
    assert (await rig.ai("PUT", "/gateways/g1", made)).result == made


async def test_duplicate_id_is_a_conflict(rig: Rig) -> None:
    await rig.make_gateway("g1")
    again = await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED})
    assert (again.status, again.json["success"]) == (409, False)
    assert (await rig.ai("POST", "/gateways", {"id": "G1", **REQUIRED})).status == 200, "ids are case-sensitive"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"cache_ttl": -1}, "cache_ttl"),
        ({"cache_ttl": "60"}, "cache_ttl"),
        ({"cache_ttl": True}, "cache_ttl"),
        ({"cache_ttl": 2**40}, "cache_ttl"),
        ({"cache_ttl": 1.5}, "cache_ttl"),
        ({"collect_logs": "yes"}, "collect_logs"),
        ({"collect_logs": None}, "collect_logs"),
        ({"rate_limiting_technique": "leaky"}, "rate_limiting_technique"),
        ({"log_management": 9_999}, "log_management"),
        ({"log_management": 10_000_001}, "log_management"),
        ({"log_management_strategy": "KEEP"}, "log_management_strategy"),
        ({"logpush_public_key": "short"}, "logpush_public_key"),
        ({"retry_max_attempts": 0}, "retry_max_attempts"),
        ({"retry_max_attempts": 6}, "retry_max_attempts"),
        ({"retry_delay": 60_001}, "retry_delay"),
        ({"retry_backoff": "random"}, "retry_backoff"),
        ({"workers_ai_billing_mode": "free"}, "workers_ai_billing_mode"),
        ({"authentication": None}, "authentication"),
        ({"otel": {}}, "otel"),
        ({"id": ""}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": "%C3%A4"}, "id"),
    ],
)
async def test_broken_rules_are_told_with_their_path(rig: Rig, change: dict[str, object], path: str) -> None:
    reply = await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED, **change})
    assert (reply.status, set(reply.codes), reply.paths) == (400, {7001}, {("body", path)})
    assert reply.json["success"] is False
    assert (await rig.ai("GET", "/gateways")).result == []


async def test_all_broken_rules_are_told_at_once(rig: Rig) -> None:
    reply = await rig.ai("POST", "/gateways", {"id": "g1", "cache_ttl": -1})
    assert reply.paths == {("body", name) for name in REQUIRED}


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"x"', b'{"cache_ttl": NaN}', b"\xff\xfe", b"[" * 5000])
async def test_a_body_that_is_no_json_object(rig: Rig, raw: bytes) -> None:
    reply = await rig.call("POST", f"/accounts/{ACCOUNT}/ai-gateway/gateways", raw=raw)
    assert (reply.status, reply.codes, reply.paths) == (400, [7001], {("body",)})


async def test_a_compressed_body_is_not_inflated(rig: Rig) -> None:
    fields = [("Authorization", f"Bearer {rig.bootstrap}"), ("Content-Encoding", "gzip")]
    reply = await rig.call("POST", f"/accounts/{ACCOUNT}/ai-gateway/gateways", raw=b"\x1f\x8b", headers=fields)
    assert reply.status == 400


NOT_HERE: list[tuple[str, Any]] = [
    ("cache_ttl", 600),
    ("rate_limiting_limit", 1),
    ("retry_max_attempts", 3),
    ("retry_max_attempts", 1),
    ("retry_delay", 1),
    ("retry_backoff", "constant"),
    ("spend_limits", {"enabled": True, "rules": []}),
    ("spend_limits", {"rules": [{"limit": 1}]}),
    ("guardrails", {"prompt": {"S1": "FLAG"}, "response": {}}),
    ("dlp", {"enabled": True, "action": "BLOCK", "profiles": []}),
    ("otel", [{"url": "https://otel.example", "headers": {}, "authorization": "Bearer secret"}]),
    ("otel", [{}]),
    ("stripe", {"authorization": "secret", "usage_events": []}),
    ("logpush", True),
    ("logpush_public_key", "k" * 16),
    ("log_classification", True),
    ("zdr", True),
    ("store_id", "s"),
    ("workers_ai_billing_mode", "unified"),
]


@pytest.mark.parametrize(("field", "value"), NOT_HERE)
async def test_a_setting_that_would_do_nothing_is_refused_by_name(rig: Rig, field: str, value: object) -> None:
    await rig.make_gateway("there")
    created = await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED, field: value})
    updated = await rig.ai("PUT", "/gateways/there", {**REQUIRED, field: value})
    for reply in (created, updated):
        assert (reply.status, reply.paths) == (501, {("body", field)})
        assert field in reply.json["errors"][0]["message"]
    assert [gateway["id"] for gateway in (await rig.ai("GET", "/gateways")).result] == ["there"]


async def test_every_such_setting_of_a_request_is_named(rig: Rig) -> None:
    reply = await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED, "cache_ttl": 60, "zdr": True, "logpush": False})
    assert (reply.status, reply.paths) == (501, {("body", "cache_ttl"), ("body", "zdr")})


OFF: list[tuple[str, Any]] = [
    ("cache_ttl", None),
    ("cache_ttl", 0),
    ("cache_invalidate_on_update", True),  # nothing is cached, so nothing outlives an update
    ("rate_limiting_limit", None),
    ("rate_limiting_interval", 60),  # says how a limit counts, and there is none
    ("rate_limiting_technique", "sliding"),
    ("retry_max_attempts", None),
    ("retry_delay", 0),
    ("retry_backoff", None),
    ("spend_limits", None),
    ("spend_limits", {"enabled": False, "rules": [{"limit": 1}]}),
    ("guardrails", {"prompt": {}, "response": {}}),
    ("dlp", {"enabled": False, "action": "BLOCK", "profiles": ["p"]}),
    ("otel", []),
    ("stripe", None),
    ("logpush", False),
    ("workers_ai_billing_mode", "postpaid"),
]


@pytest.mark.parametrize(("field", "value"), OFF)
async def test_a_setting_that_asks_for_nothing_is_taken(rig: Rig, field: str, value: object) -> None:
    stored = None if isinstance(value, dict) else value
    assert (await rig.make_gateway("g1", **{field: value}))[field] == stored
    assert (await rig.ai("PUT", "/gateways/g1", {**REQUIRED, field: value})).result[field] == stored


@pytest.mark.parametrize("field", ["authenticatoin", "cacheTtl", "cache-ttl", "spend_limit", "name", "secret"])
async def test_a_field_nobody_would_act_on_is_refused_by_name(rig: Rig, field: str) -> None:
    reply = await rig.ai("POST", "/gateways", {"id": "g1", **REQUIRED, field: False})
    named = (field,) if field != "cache-ttl" else ()
    assert (reply.status, reply.codes, reply.paths) == (400, [7001], {("body", *named)})


async def test_paging(rig: Rig) -> None:
    for number in range(5):
        rig.clock.move(1)
        await rig.make_gateway(f"g{number}")
    first = await rig.ai("GET", "/gateways?per_page=2")
    assert [gateway["id"] for gateway in first.result] == ["g4", "g3"]
    assert first.json["result_info"] == {"page": 1, "per_page": 2, "count": 2, "total_count": 5}
    assert [gateway["id"] for gateway in (await rig.ai("GET", "/gateways?per_page=2&page=3")).result] == ["g0"]
    past = await rig.ai("GET", "/gateways?page=4&per_page=2")
    assert past.result == []
    assert past.json["result_info"] == {"page": 4, "per_page": 2, "count": 0, "total_count": 5}
    assert [gateway["id"] for gateway in (await rig.ai("GET", "/gateways?search=g3")).result] == ["g3"]
    assert (await rig.ai("GET", "/gateways?search=%25")).result == []


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=", "page=1e3", "per_page=0", "per_page=101"])
async def test_page_bounds(rig: Rig, query: str) -> None:
    reply = await rig.ai("GET", f"/gateways?{query}")
    assert (reply.status, reply.codes) == (400, [7001])
    assert reply.paths == {("query", query.partition("=")[0])}


async def test_url_of_a_provider(rig: Rig) -> None:
    await rig.make_gateway("g1")
    assert (await rig.ai("GET", "/gateways/g1/url/openai")).result == f"https://gw.example/v1/{ACCOUNT}/g1/openai"
    assert (await rig.ai("GET", "/gateways/nope/url/openai")).status == 404
    assert (await rig.ai("GET", "/gateways/g1/url/a%20b")).status == 400


async def test_changes_reach_every_edge_before_the_answer(rig: Rig) -> None:
    edges = [ObedientEdge(rig.control, "e1"), ObedientEdge(rig.control, "e2")]
    (snapshot,) = edges[0].of(Snapshot)
    await rig.make_gateway("g1", authentication=False)
    await rig.ai("PUT", "/gateways/g1", {**REQUIRED, "authentication": True})
    await rig.ai("DELETE", "/gateways/g1")
    for edge in edges:
        made, changed, removed = edge.of(Patch)
        assert [made.version, changed.version, removed.version] == [snapshot.version + step for step in (1, 2, 3)]
        assert [patch.gateways[0].gateway.authentication for patch in (made, changed)] == [False, True]
        assert removed.removed == ((ACCOUNT, "g1"),)
