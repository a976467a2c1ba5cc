"""The OpenAI client for JavaScript."""

from typing import Any

import pytest
from fakes import dialects
from fakes.provider import FakeProvider, Gate, stream
from fakes.sdk import OWN_KEY, STORED_KEYS, UNKNOWN_TOKEN, assert_forwarded, one_by_one
from fakes.service import Service, Token

MODEL = "gpt-4.1-mini"


def _rest(service: Service, gateway_id: str, token: str) -> dict[str, Any]:
    headers = {"cf-aig-gateway-id": gateway_id}
    return {"baseURL": f"{service.rest}/v1", "apiKey": token, "headers": headers, "model": f"openai/{MODEL}"}


def _native(service: Service, gateway_id: str, token: str) -> dict[str, Any]:
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    return {"baseURL": service.native(gateway_id, "openai"), "apiKey": OWN_KEY, "headers": headers, "model": MODEL}


SETUPS = {"rest": (_rest, STORED_KEYS["openai"]), "native": (_native, OWN_KEY)}


@pytest.fixture(params=SETUPS)
def setup(
    request: pytest.FixtureRequest, service: Service, keyed_gateway_id: str, run_token: Token
) -> tuple[dict[str, Any], str]:
    make, key = SETUPS[request.param]
    return make(service, keyed_gateway_id, run_token.value), key


@pytest.mark.parametrize(
    ("operation", "path", "wanted"),
    [
        ("chat", "/v1/chat/completions", {"text": dialects.TEXT, "tokens": dialects.TOKENS_IN + dialects.TOKENS_OUT}),
        ("responses", "/v1/responses", {"text": dialects.TEXT}),
        ("embeddings", "/v1/embeddings", {"vector": list(dialects.VECTOR)}),
    ],
)
def test_whole_answers(
    node: Any,
    setup: tuple[dict[str, Any], str],
    upstream: FakeProvider,
    run_token: Token,
    operation: str,
    path: str,
    wanted: Any,
) -> None:
    given, key = setup
    assert node.run("openai_client", operation=operation, **given) == wanted
    assert_forwarded(upstream, run_token, path=path, model=MODEL, key=key)


def test_chat_streams_each_event_as_it_comes(
    node: Any, setup: tuple[dict[str, Any], str], upstream: FakeProvider, run_token: Token
) -> None:
    given, key = setup
    gate = Gate()
    upstream.script(stream(dialects.chat_events(MODEL, usage=False), gate=gate))
    arriving = node.pieces("openai_client", operation="stream", **given)
    assert one_by_one(gate, arriving, len(dialects.PIECES)) == list(dialects.PIECES)
    assert list(arriving) == []
    assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL, key=key)


def test_responses_stream(node: Any, setup: tuple[dict[str, Any], str], upstream: FakeProvider) -> None:
    given, _ = setup
    assert list(node.pieces("openai_client", operation="responsesStream", **given)) == list(dialects.PIECES)
    assert upstream.only.path == "/v1/responses"


@pytest.mark.parametrize("surface", SETUPS)
def test_a_wrong_token_is_an_authentication_error(
    node: Any, surface: str, service: Service, keyed_gateway_id: str, upstream: FakeProvider
) -> None:
    make, _ = SETUPS[surface]
    refused = node.run("openai_client", operation="refused", **make(service, keyed_gateway_id, UNKNOWN_TOKEN))
    assert refused["typed"]
    assert refused["status"] == 401
    assert "no body" not in refused["message"]
    assert upstream.requests == []
