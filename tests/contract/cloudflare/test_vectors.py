"""The conformance vectors of specification section 22 that the data plane answers, one test each."""

import json
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from fakes.edge import ACCOUNT, Reply, RunningEdge, gateway, key, request_bytes, runner, until
from fakes.provider import FakeProvider, Gate, reply_json, stream

from gateway.link.frames import Patch, Revoke, Revoked
from gateway.model.tokens import mint_token

UNAUTHORIZED = (
    b'{"success":false,"result":[],"messages":[],"error":[{"code":2009,"message":"Unauthorized"}],"name":"AiGatewayError",'
    b'"httpCode":401,"internalCode":2009,"message":"Unauthorized","description":"Unauthorized"}'
)
CHAT = b'{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"hi"}]}'
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


def code_of(reply: Reply) -> int:
    """The code of shape B, which must agree with itself."""
    body = reply.json()
    (error,) = body["error"]
    assert body["internalCode"] == error["code"]
    assert body["httpCode"] == reply.status
    assert list(body) == [
        "success",
        "result",
        "messages",
        "error",
        "name",
        "httpCode",
        "internalCode",
        "message",
        "description",
    ]
    return int(error["code"])


async def chat(edge: RunningEdge, gateway_id: str, *, token: str | None = None, key: str | None = "sk-x", **more: str) -> Reply:
    headers = {"Content-Type": "application/json", **more}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if token is not None:
        headers["cf-aig-authorization"] = f"Bearer {token}"
    return await edge.ask("POST", edge.native(gateway_id, "openai/chat/completions"), headers, CHAT)


async def rest(edge: RunningEdge, path: str, body: dict[str, Any], token: str | None, **more: str) -> Reply:
    headers = {"Content-Type": "application/json", **more}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await edge.ask("POST", edge.rest(path), headers, json.dumps(body).encode())


async def test_1_without_a_token_nothing_reaches_the_provider(edge: RunningEdge, provider: FakeProvider) -> None:
    reply = await chat(edge, "g1")
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)
    assert reply.header("cf-aig-log-id") is None
    assert provider.connections == []
    await edge.quiet()
    assert edge.records == []
    assert edge.counters["refusals|missing_token|client"] == 1


async def test_2_a_valid_token_is_relayed_and_stripped(edge: RunningEdge, provider: FakeProvider) -> None:
    reply = await chat(edge, "g1", token=edge.admit())
    assert reply.status == 200
    assert reply.json()["object"] == "chat.completion"
    seen = provider.only
    assert seen.header("authorization") == "Bearer sk-x"
    assert [name for name in seen.names if name.startswith("cf-")] == []
    assert seen.body == CHAT
    ids = {reply.header(f"cf-aig-{name}-id") for name in ("log", "event", "request")}
    assert len(ids) == 1
    assert UUID7.match(ids.pop() or "")
    assert (await edge.record()).id == reply.header("cf-aig-log-id")


@pytest.mark.parametrize("kind", ["unknown", "expired", "not_yet", "random", "garbage", "undefined", "empty"])
async def test_3_a_bad_token_is_the_same_401(edge: RunningEdge, provider: FakeProvider, kind: str) -> None:
    token = {
        "unknown": mint_token(),
        "expired": edge.admit(runner(expires_on=1.0)),
        "not_yet": edge.admit(runner(not_before=9e9)),
        "random": "0123456789abcdef" * 3,
        "garbage": "agw_" + "x" * 49,
        "undefined": "undefined",
        "empty": "",
    }[kind]
    reply = await chat(edge, "g1", token=token)
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)
    assert provider.connections == []
    await edge.quiet()
    assert edge.records == []


@pytest.mark.parametrize("token", [None, "good", "bad"])
async def test_4_an_open_gateway_asks_for_nothing(edge: RunningEdge, provider: FakeProvider, token: str | None) -> None:
    value = {None: None, "good": edge.admit(), "bad": "undefined"}[token]
    reply = await chat(edge, "open", token=value)
    assert reply.status == 200
    assert provider.only.header("authorization") == "Bearer sk-x"
    assert "cf-aig-authorization" not in provider.only.names
    assert edge.link.asked == [], "nobody looks a token up that nobody wants"


async def test_5_an_unknown_gateway(edge: RunningEdge, provider: FakeProvider) -> None:
    reply = await chat(edge, "nope", token=edge.admit())
    assert (reply.status, code_of(reply)) == (400, 2001)
    assert (
        reply.json()["message"]
        == "No gateway of this id in this account: create it in the dashboard, or check account and gateway in the base URL"
    )
    assert provider.connections == []


async def test_6_the_default_gateway_comes_with_its_first_authenticated_request(
    edge: RunningEdge, provider: FakeProvider
) -> None:
    edge.link.accounts.add(ACCOUNT)
    edge.link.on_open_default = lambda _: edge.link.deliver(Patch(2, gateways=(gateway("default"),)))
    for token in (None, mint_token(), "bad"):
        refused = await chat(edge, "default", token=token)
        assert (refused.status, refused.body) == (401, UNAUTHORIZED)
    assert ACCOUNT not in edge.link.asked, "strangers create nothing"
    reply = await chat(edge, "default", token=edge.admit())
    assert reply.status == 200
    assert edge.link.asked.count(ACCOUNT) == 1
    assert (await edge.record()).gateway_id == "default"


async def test_7_an_unknown_provider(edge: RunningEdge, provider: FakeProvider) -> None:
    headers = {"cf-aig-authorization": f"Bearer {edge.admit()}", "Authorization": "Bearer sk-x"}
    reply = await edge.ask("POST", edge.native("g1", "unknown/x"), headers, b"{}")
    assert (reply.status, code_of(reply)) == (400, 2008)
    assert reply.json()["message"].startswith("Invalid provider")
    assert provider.connections == []


async def test_8_the_stored_key_is_used(edge: RunningEdge, provider: FakeProvider) -> None:
    reply = await chat(edge, "stored", token=edge.admit(), key=None)
    assert reply.status == 200
    assert provider.only.header("authorization") == "Bearer sk-stored"


async def test_9_an_unknown_alias_is_never_replaced_by_the_default(edge: RunningEdge, provider: FakeProvider) -> None:
    reply = await chat(edge, "stored", token=edge.admit(), key=None, **{"cf-aig-byok-alias": "other"})
    assert (reply.status, code_of(reply)) == (400, 2040)
    assert reply.json()["message"] == (
        "Provider 'openai' has no BYOK credential named 'other'. Configured aliases: 'default', 'work'"
    )
    assert provider.connections == []


@pytest.mark.parametrize("gateway_id", ["byok", "g1"])
async def test_10_no_key_anywhere(edge: RunningEdge, provider: FakeProvider, gateway_id: str) -> None:
    reply = await chat(edge, gateway_id, token=edge.admit(), key=None)
    assert reply.status == 400
    assert reply.json()["message"] == "Provider credentials required"
    assert provider.connections == []


async def test_11_rest_without_authorization(edge: RunningEdge, provider: FakeProvider) -> None:
    reply = await rest(edge, "v1/chat/completions", {"model": "openai/gpt-4.1-mini"}, None)
    assert reply.status == 401
    body = reply.json()
    assert body["errors"] == [{"code": 10000, "message": "Authentication error"}]
    assert (body["success"], body["result"], body["messages"]) == (False, None, [])
    assert provider.connections == []


async def test_12_rest_chat_is_a_bare_openai_object(edge: RunningEdge, provider: FakeProvider) -> None:
    stored = gateway("default", keys=[key("openai", "sk-stored")])
    edge.link.deliver(Patch(2, gateways=(stored,)))
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4.1-mini", "choices": []}
    provider.script(reply_json(answer))
    reply = await rest(edge, "v1/chat/completions", {"model": "openai/gpt-4.1-mini", "messages": []}, edge.admit())
    assert (reply.status, reply.json()) == (200, answer)
    assert provider.only.target == "/v1/chat/completions"
    assert provider.only.json() == {"model": "gpt-4.1-mini", "messages": []}
    assert provider.only.header("authorization") == "Bearer sk-stored"
    assert (await edge.record()).gateway_id == "default"


@pytest.mark.parametrize(
    ("path", "model", "sent_to", "sent_model"),
    [
        ("v1/responses", "openai/gpt-4.1-mini", "/v1/responses", "gpt-4.1-mini"),
        ("v1/messages", "anthropic/claude-haiku-4-5", "/v1/messages", "claude-haiku-4-5"),
        ("v1/v1/messages", "anthropic/claude-haiku-4-5", "/v1/messages", "claude-haiku-4-5"),
    ],
)
async def test_13_the_other_rest_endpoints(
    edge: RunningEdge, provider: FakeProvider, path: str, model: str, sent_to: str, sent_model: str
) -> None:
    more = {"cf-aig-gateway-id": "stored"}
    reply = await rest(edge, path, {"model": model, "max_tokens": 5, "messages": []}, edge.admit(), **more)
    assert reply.status == 200
    assert provider.only.target == sent_to
    assert provider.only.json()["model"] == sent_model
    assert (await edge.record()).gateway_id == "stored"


async def test_18_a_stream_begins_before_the_provider_has_finished(edge: RunningEdge, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(stream([b"data: 1\n\n", b"data: 2\n\n"], gate=gate))
    headers = {"cf-aig-authorization": f"Bearer {edge.admit()}", "Authorization": "Bearer sk-x"}
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", edge.native("g1", "openai/chat/completions"), headers, CHAT))
        gate.open()
        head = await wire.head("POST")
        assert head.status == 200
        assert await wire.piece() == b"data: 1\n\n"
        gate.open()
        assert (await wire.rest(head)).body == b"data: 2\n\n"


async def test_19_five_metadata_entries_are_kept(edge: RunningEdge) -> None:
    given = {f"k{number}": number for number in range(7)}
    await chat(edge, "g1", token=edge.admit(), **{"cf-aig-metadata": json.dumps(given)})
    assert orjson.loads((await edge.record()).metadata or "") == {f"k{number}": number for number in range(5)}


async def test_20_no_entry_when_the_request_wants_none(edge: RunningEdge) -> None:
    token = edge.admit()
    reply = await chat(edge, "g1", token=token, **{"cf-aig-collect-log": "false"})
    assert reply.status == 200
    assert reply.header("cf-aig-log-id") is None
    assert reply.header("cf-aig-request-id") == reply.header("cf-aig-event-id")
    # The request's word beats the gateway's in the other direction too.
    wanted = await chat(edge, "silent", token=token, **{"cf-aig-collect-log": "true"})
    unwanted = await chat(edge, "silent", token=token)
    assert unwanted.header("cf-aig-log-id") is None
    assert (await edge.record()).id == wanted.header("cf-aig-log-id")


@pytest.mark.parametrize("spelt", ["@cf%2Fmeta%2Fllama-3.1-8b-instruct", "@cf/meta/llama-3.1-8b-instruct"])
async def test_23_a_model_in_the_path(edge: RunningEdge, provider: FakeProvider, spelt: str) -> None:
    edge.link.deliver(Patch(2, gateways=(gateway("default", keys=[key("workers-ai", "cf-key")]),)))
    provider.script(reply_json({"result": {"response": "hi"}, "success": True, "errors": [], "messages": []}))
    reply = await rest(edge, f"run/{spelt}", {"prompt": "hi"}, edge.admit())
    assert reply.status == 200
    assert reply.json()["result"] == {"response": "hi"}
    assert provider.only.target == "/ai/run/@cf/meta/llama-3.1-8b-instruct"
    assert provider.only.json() == {"prompt": "hi"}
    assert (await edge.record()).model == "@cf/meta/llama-3.1-8b-instruct"


async def test_a_revoked_token_is_refused_at_once(edge: RunningEdge, provider: FakeProvider) -> None:
    """Vector 3, the revoked row: the edge knew the token as good a moment ago."""
    token = edge.admit()
    assert (await chat(edge, "g1", token=token)).status == 200
    del edge.link.principals[edge.digest(token)]
    edge.link.deliver(Revoke(edge.digest(token)))
    assert Revoked(edge.digest(token)) in edge.link.sent
    reply = await chat(edge, "g1", token=token)
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)
    assert len(provider.requests) == 1


async def test_a_toggle_is_in_force_for_the_next_request(edge: RunningEdge) -> None:
    on = gateway("g1")
    off = replace(on, gateway=replace(on.gateway, authentication=False))
    async with edge.client() as wire:
        target, headers = edge.native("g1", "openai/chat/completions"), {"Authorization": "Bearer sk-x"}
        for version, entry, status in ((2, off, 200), (3, on, 401), (4, off, 200)):
            edge.link.deliver(Patch(version, gateways=(entry,)))
            assert (await wire.ask("POST", target, headers, CHAT)).status == status
    await until(lambda: len(edge.records) == 2)
