"""The Vercel AI SDK: `createOpenAI()(model)` speaks Responses, `.chat(model)` chat completions."""

from typing import Any

import pytest
from fakes import dialects
from fakes.provider import FakeProvider, Gate, stream
from fakes.sdk import OWN_KEY, STORED_KEYS, UNKNOWN_TOKEN, assert_clean, assert_forwarded, one_by_one
from fakes.service import Service, Token

MODEL = "gpt-4.1-mini"
RESPONSES, CHAT = "/v1/responses", "/v1/chat/completions"
WANTED = {"text": dialects.TEXT, "tokensIn": dialects.TOKENS_IN, "tokensOut": dialects.TOKENS_OUT}


@pytest.fixture
def rest(service: Service, keyed_gateway_id: str, run_token: Token) -> dict[str, Any]:
    headers = {"cf-aig-gateway-id": keyed_gateway_id}
    return {"baseURL": f"{service.rest}/v1", "apiKey": run_token.value, "headers": headers, "model": f"openai/{MODEL}"}


@pytest.mark.parametrize(("chat", "path"), [(False, RESPONSES), (True, CHAT)])
def test_generate(node: Any, rest: dict[str, Any], upstream: FakeProvider, run_token: Token, chat: bool, path: str) -> None:
    assert node.run("ai_sdk", operation="generate", chat=chat, **rest) == WANTED
    assert_forwarded(upstream, run_token, path=path, model=MODEL, key=STORED_KEYS["openai"])


@pytest.mark.parametrize(("chat", "path"), [(False, RESPONSES), (True, CHAT)])
def test_streams_each_piece_as_it_comes(
    node: Any, rest: dict[str, Any], upstream: FakeProvider, run_token: Token, chat: bool, path: str
) -> None:
    events = dialects.chat_events(MODEL) if chat else dialects.response_events(MODEL)
    first = next(number for number, event in enumerate(events) if dialects.PIECES[0].encode() in event)
    gate = Gate(first)
    upstream.script(stream(events, gate=gate))
    arriving = node.pieces("ai_sdk", operation="stream", chat=chat, **rest)
    assert one_by_one(gate, arriving, len(dialects.PIECES)) == list(dialects.PIECES)
    assert list(arriving) == []
    assert_forwarded(upstream, run_token, path=path, model=MODEL, key=STORED_KEYS["openai"])


def test_native(node: Any, service: Service, gateway_id: str, run_token: Token, upstream: FakeProvider) -> None:
    headers = {"cf-aig-authorization": run_token.bearer}
    given = {"baseURL": service.native(gateway_id, "openai"), "apiKey": OWN_KEY, "headers": headers, "model": MODEL}
    assert node.run("ai_sdk", operation="generate", chat=False, **given) == WANTED
    assert_forwarded(upstream, run_token, path=RESPONSES, model=MODEL)


def test_native_anthropic(node: Any, service: Service, gateway_id: str, run_token: Token, upstream: FakeProvider) -> None:
    headers = {"cf-aig-authorization": run_token.bearer}
    base_url = f"{service.native(gateway_id, 'anthropic')}/v1"
    given = {"baseURL": base_url, "apiKey": OWN_KEY, "headers": headers, "model": "claude-sonnet-5-5"}
    assert node.run("ai_sdk", operation="generate", dialect="anthropic", **given)["text"] == dialects.TEXT
    assert_clean(upstream.only, run_token)
    assert upstream.only.path == "/v1/messages"
    assert upstream.only.header("x-api-key") == OWN_KEY


def test_a_wrong_token_is_refused(node: Any, rest: dict[str, Any], upstream: FakeProvider) -> None:
    refused = node.run("ai_sdk", operation="refused", **{**rest, "apiKey": UNKNOWN_TOKEN})
    assert refused["status"] == 401
    assert upstream.requests == []
