"""Browsers on pages of other origins: their preflights, and the answers they may read (Fetch standard section 3.2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.edge import ACCOUNT, Reply, RunningEdge, gateway, key
from fakes.provider import FakeProvider, hang_up, reply_json, stream

PAGE = "https://page.example"
REST = f"/client/v4/accounts/{ACCOUNT}/ai"
ASKING = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
}
INFERENCE = [
    f"/v1/{ACCOUNT}/g1",
    f"/v1/{ACCOUNT}/g1/",
    f"/v1/{ACCOUNT}/g1/openai/chat/completions",
    f"/v1/{ACCOUNT}/open/openai/chat/completions",
    f"/v1/{ACCOUNT}/stored/openai/v1/models?limit=1",
    f"/v1/{ACCOUNT}/nosuch/openai/x",
    f"/v1/{ACCOUNT}/g1/nosuch/x",
    f"/v1/{ACCOUNT}/g1/compat/chat/completions",
    f"/v1/{ACCOUNT}/g1/compat/nothing",
    f"{REST}/run",
    f"{REST}/run/@cf/meta/llama",
    f"{REST}/v1/chat/completions",
    f"{REST}/v1/messages",
    f"{REST}/v1/models",
    f"{REST}/v1/nothing",
]
OTHERS = [
    "/dashboard/",
    "/livez",
    "/",
    f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways",
    "/client/v4/user/session",
    "/client/v4/user/tokens/verify",
]


def cross_origin(answer: Reply) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", INFERENCE)
async def test_a_preflight_is_answered_here(edge: RunningEdge, provider: FakeProvider, path: str) -> None:
    async with edge.client() as wire:
        for _ in range(2):
            answer = await wire.ask("OPTIONS", path, ASKING)
            assert (answer.status, answer.body, answer.header("content-type")) == (204, b"", None)
            assert answer.header("content-length") is None
            told = cross_origin(answer)
            assert told["access-control-allow-origin"] == "*"
            assert "POST" in told["access-control-allow-methods"]
            assert "authorization" in told["access-control-allow-headers"]
            assert "access-control-allow-credentials" not in told
            assert not [name for name, _ in answer.headers if name.lower().startswith("cf-aig-log")]
    await edge.quiet()
    assert provider.requests == []
    assert edge.records == []
    counted = edge.counters
    assert counted["other_requests|preflight"] == 2
    assert not [name for name in counted if name.startswith(("requests|", "refused|", "unauthenticated"))]


@pytest.mark.parametrize("path", OTHERS)
async def test_no_page_of_another_origin_is_let_in_where_a_session_counts(edge: RunningEdge, path: str) -> None:
    answer = await edge.ask("OPTIONS", path, ASKING)
    assert answer.status >= 400
    assert cross_origin(answer) == {}
    assert cross_origin(await edge.ask("GET", path, {"Origin": PAGE})) == {}


@pytest.mark.parametrize(
    "missing", [("Origin",), ("Access-Control-Request-Method",), ("Origin", "Access-Control-Request-Method")]
)
async def test_options_that_is_no_preflight_is_a_request_like_any(edge: RunningEdge, missing: tuple[str, ...]) -> None:
    fields = {name: value for name, value in ASKING.items() if name not in missing}
    assert (await edge.ask("OPTIONS", edge.native("g1", "openai/x"), fields)).status == 401


async def ask(edge: RunningEdge, kind: str, **more: str) -> Reply:
    body = b'{"model":"openai/m","messages":[]}'
    fields = {"Origin": PAGE, "Content-Type": "application/json", **more}
    token = f"Bearer {edge.admit()}"
    match kind:
        case "native":
            own = {"cf-aig-authorization": token, "Authorization": "Bearer sk-x"}
            return await edge.ask("POST", edge.native("g1", "openai/x"), own | fields, body)
        case "compat":
            return await edge.ask(
                "POST", edge.native("stored", "compat/chat/completions"), {"cf-aig-authorization": token} | fields, body
            )
        case "run":
            body = b'{"model":"openai/m","input":{"messages":[]}}'
            own = {"Authorization": token, "cf-aig-gateway-id": "stored"}
            return await edge.ask("POST", f"{REST}/run", own | fields, body)
        case _:
            own = {"Authorization": token, "cf-aig-gateway-id": "stored"}
            return await edge.ask("POST", f"{REST}/v1/chat/completions", own | fields, body)


@pytest.mark.parametrize("kind", ["native", "compat", "run", "rest"])
async def test_answers_and_streams_may_be_read(edge: RunningEdge, provider: FakeProvider, kind: str) -> None:
    theirs = [("Access-Control-Allow-Origin", "https://api"), ("Access-Control-Allow-Credentials", "true"), ("Vary", "X")]
    provider.script(reply_json({}, headers=theirs), stream([b"data: {}\n\n"]), reply_json({}, 500), hang_up(), hang_up())
    for status in (200, 200, 500, 502):
        answer = await ask(edge, kind)
        assert answer.status == status
        told = cross_origin(answer)
        assert told.pop("access-control-allow-origin") == "*"
        assert {"cf-aig-log-id", "cf-aig-request-id", "retry-after", "x-request-id"} <= {
            *told.pop("access-control-expose-headers").split(", ")
        }
        assert told == {}
    assert "origin" not in provider.requests[0].names
    assert not [name for name in provider.requests[0].names if name.startswith("access-control")]


REFUSED = [
    ("POST", f"/v1/{ACCOUNT}/g1/openai/x", 401),
    ("POST", f"/v1/{ACCOUNT}/g1/compat/chat/completions", 401),
    ("POST", f"{REST}/v1/chat/completions", 401),
    ("POST", f"{REST}/run", 401),
    ("POST", f"{REST}/v1/nothing", 404),
    ("GET", f"{REST}/v1/chat/completions", 405),
    ("POST", f"/v1/{ACCOUNT}/g1/compat/nothing", 404),
    ("POST", f"/v1/{ACCOUNT}/nosuch/openai/x", 400),
    ("POST", f"/v1/{ACCOUNT}/g1/openai//x", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), REFUSED)
async def test_refusals_may_be_read_too(edge: RunningEdge, method: str, path: str, status: int) -> None:
    answer = await edge.ask(method, path, {"Origin": PAGE}, b"{}")
    assert answer.status == status
    assert cross_origin(answer)["access-control-allow-origin"] == "*"


async def test_the_list_of_models_may_be_read(edge: RunningEdge) -> None:
    own = {"Authorization": f"Bearer {edge.admit()}", "cf-aig-gateway-id": "g1"}
    answer = await edge.ask("GET", f"{REST}/v1/models", {"Origin": PAGE, **own})
    assert (answer.status, cross_origin(answer)["access-control-allow-origin"]) == (200, "*")


async def test_without_an_origin_there_is_nothing(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        for origin in ({}, {"Origin": PAGE}, {}, {"Origin": "https://other"}):
            own = {"cf-aig-authorization": f"Bearer {edge.admit()}", "Authorization": "Bearer sk-x", **origin}
            answer = await wire.ask("POST", edge.native("g1", "openai/x"), own, b"{}")
            assert answer.status == 200
            assert bool(cross_origin(answer)) is bool(origin)


@pytest.fixture
async def choosy(provider: FakeProvider) -> AsyncIterator[Any]:
    async with RunningEdge(
        gateways=[gateway("g1"), gateway("stored", keys=[key("openai", "sk-stored")])],
        providers={"openai": provider.origin + "/v1"},
        cors_origins=(PAGE, "http://localhost:3000"),
    ) as running:
        yield running


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(PAGE, PAGE), ("http://localhost:3000", "http://localhost:3000"), ("https://evil.example", None), ("null", None)],
)
async def test_origins_may_be_named(choosy: RunningEdge, provider: FakeProvider, origin: str, allowed: str | None) -> None:
    for answer in (
        await choosy.ask("OPTIONS", choosy.native("g1", "openai/x"), {**ASKING, "Origin": origin}),
        await ask(choosy, "native", Origin=origin),
        await ask(choosy, "rest", Origin=origin),
        await choosy.ask("POST", choosy.native("g1", "openai/x"), {"Origin": origin}, b"{}"),
    ):
        assert cross_origin(answer).get("access-control-allow-origin") == allowed
        assert answer.all("vary") == ["Origin"]
