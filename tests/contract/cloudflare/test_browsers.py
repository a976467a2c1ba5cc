"""Answers of providers come under our origin, where the dashboard lives: in a browser they are data, whatever they say."""

import pytest
from fakes.edge import ACCOUNT, Reply, RunningEdge
from fakes.provider import FakeProvider, reply, reply_json, stream

from gateway.protocol.inert import INERT_FIELDS

PAGE = b"<script>alert(1)</script>"
HTML = (("Content-Type", "text/html"),)
STEERING = (
    ("Service-Worker-Allowed", "/"),
    ("Refresh", "0"),
    ("Content-Security-Policy", "script-src *"),
    ("X-Content-Type-Options", "none"),
    ("Set-Cookie", "gateway-session=theirs"),
)
CHAT = b'{"model":"openai/gpt-4.1-mini","messages":[]}'
REST = f"/client/v4/accounts/{ACCOUNT}/ai"


def inert(answer: Reply) -> bool:
    return all(answer.all(name) == [value] for name, value in INERT_FIELDS.items())


async def ask(edge: RunningEdge, surface: str, fields: dict[str, str] | None = None) -> Reply:
    fields = {"Content-Type": "application/json", **(fields or {})}
    own = {"cf-aig-authorization": f"Bearer {edge.admit()}", "Authorization": "Bearer sk-x"}
    rest = {"cf-aig-gateway-id": "stored", "Authorization": own["cf-aig-authorization"]}
    match surface:
        case "native":
            return await edge.ask("POST", edge.native("g1", "openai/x"), {**own, **fields}, CHAT)
        case "open":
            return await edge.ask("GET", edge.native("open", "custom-mine/page"), {"Authorization": "Bearer sk-x", **fields})
        case "compat":
            return await edge.ask("POST", edge.native("stored", "compat/chat/completions"), {**own, **fields}, CHAT)
        case "chat":
            return await edge.ask("POST", f"{REST}/v1/chat/completions", {**rest, **fields}, CHAT)
        case _:
            return await edge.ask(
                "POST", f"{REST}/run", {**rest, **fields}, b'{"model":"openai/gpt-4.1-mini","input":{"messages":[]}}'
            )


SURFACES = ["native", "open", "compat", "chat", "run"]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("status", [200, 401, 404, 500])
async def test_no_answer_can_act_as_our_page(edge: RunningEdge, provider: FakeProvider, surface: str, status: int) -> None:
    provider.script(reply(PAGE, status, [*HTML, *STEERING]))
    answer = await ask(edge, surface)
    assert len(provider.requests) == 1
    assert inert(answer)
    assert not [name for name, _ in answer.headers if name.lower() in ("service-worker-allowed", "refresh", "set-cookie")]


async def test_streams_and_empty_answers_too(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(stream([b"data: <script>\n\n"]), reply(b"", 204, STEERING), reply_json({}))
    for method in ("POST", "POST", "HEAD"):
        assert inert(await edge.ask(method, edge.native("open", "openai/x"), {"Authorization": "Bearer sk-x"}))


@pytest.mark.parametrize(
    "target", ["/", "/x", "/v1/x", f"/v1/{ACCOUNT}/g1/openai/x", f"/v1/{ACCOUNT}/none/openai/x", f"{REST}/v1/models", "/livez"]
)
async def test_our_own_answers_too(edge: RunningEdge, target: str) -> None:
    assert inert(await edge.ask("GET", target))


LOADS = [
    {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1"},
    {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Dest": "script", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Dest": "serviceworker", "Sec-Fetch-Mode": "same-origin", "Service-Worker": "script"},
    {"Sec-Fetch-Dest": "worker", "Sec-Fetch-Mode": "same-origin"},
    {"Sec-Fetch-Dest": "style", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Dest": "object", "Sec-Fetch-Mode": "navigate"},
    {"Service-Worker": "script"},
    {"Upgrade-Insecure-Requests": "1"},
]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("fields", LOADS, ids=str)
async def test_pages_and_scripts_are_not_asked_of_a_provider(
    edge: RunningEdge, provider: FakeProvider, surface: str, fields: dict[str, str]
) -> None:
    for _ in range(2):
        answer = await ask(edge, surface, fields)
        assert answer.status == 403
        assert answer.header("content-type") == "application/json"
        assert inert(answer)
    assert provider.requests == []


async def test_a_repeated_head_is_refused_again(edge: RunningEdge, provider: FakeProvider) -> None:
    """On one connection, where a known head is not read a second time; and with another value in it."""
    async with edge.client() as wire:
        for number in range(4):
            fields = {"Authorization": "Bearer sk-x", "Sec-Fetch-Dest": "document", "X-Request-Id": str(number // 2)}
            assert (await wire.ask("GET", edge.native("open", "openai/x"), fields)).status == 403
    assert provider.requests == []


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    "fields",
    [
        {"Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=str,
)
async def test_data_is_served(edge: RunningEdge, provider: FakeProvider, surface: str, fields: dict[str, str]) -> None:
    assert (await ask(edge, surface, fields)).status == 200
    assert len(provider.requests) == 1
