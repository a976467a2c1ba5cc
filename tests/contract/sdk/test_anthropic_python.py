"""The Anthropic client for Python: native, and REST with both base URLs users arrive at."""

from collections.abc import Iterator
from dataclasses import dataclass

import anthropic
import pytest
from fakes import dialects
from fakes.provider import FakeProvider, Gate, reply_json, stream
from fakes.sdk import OWN_KEY, STORED_KEYS, UNKNOWN_TOKEN, assert_clean, one_by_one
from fakes.service import Service, Token

MODEL = "claude-sonnet-5-5"
ASKED = [{"role": "user", "content": "What is a gateway?"}]


@dataclass(frozen=True)
class Setup:
    base_url: str
    api_key: str
    headers: dict[str, str]
    model: str
    provider_key: str

    def client(self) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=self.base_url, api_key=self.api_key, default_headers=self.headers, max_retries=0)


def _native(service: Service, gateway_id: str, token: str) -> Setup:
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    return Setup(service.native(gateway_id, "anthropic"), OWN_KEY, headers, MODEL, OWN_KEY)


def _rest(service: Service, gateway_id: str, token: str) -> Setup:
    headers = {"cf-aig-gateway-id": gateway_id}
    return Setup(service.rest, token, headers, f"anthropic/{MODEL}", STORED_KEYS["anthropic"])


def _rest_v1(service: Service, gateway_id: str, token: str) -> Setup:
    """The documented base URL: the client requests `/ai/v1/v1/messages`."""
    headers = {"cf-aig-gateway-id": gateway_id}
    return Setup(f"{service.rest}/v1", token, headers, f"anthropic/{MODEL}", STORED_KEYS["anthropic"])


SETUPS = {"native": _native, "rest": _rest, "rest-v1": _rest_v1}


@pytest.fixture(params=SETUPS)
def setup(request: pytest.FixtureRequest, service: Service, keyed_gateway_id: str, run_token: Token) -> Setup:
    return SETUPS[request.param](service, keyed_gateway_id, run_token.value)


@pytest.fixture
def client(setup: Setup) -> Iterator[anthropic.Anthropic]:
    with setup.client() as made:
        yield made


def _assert_forwarded(upstream: FakeProvider, token: Token, setup: Setup) -> None:
    received = upstream.only
    assert_clean(received, token)
    assert received.path == "/v1/messages"
    assert received.json()["model"] == MODEL
    assert received.header("anthropic-version")
    sent = {received.header("x-api-key"), (received.header("authorization") or "").removeprefix("Bearer ")}
    assert sent - {None, ""} == {setup.provider_key}


def test_message(client: anthropic.Anthropic, setup: Setup, upstream: FakeProvider, run_token: Token) -> None:
    answer = client.messages.create(model=setup.model, max_tokens=64, messages=ASKED)
    assert answer.content[0].text == dialects.TEXT
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (dialects.TOKENS_IN, dialects.TOKENS_OUT)
    _assert_forwarded(upstream, run_token, setup)


def test_message_streams_each_event_as_it_comes(
    client: anthropic.Anthropic, setup: Setup, upstream: FakeProvider, run_token: Token
) -> None:
    events = dialects.message_events(MODEL)
    gate = Gate()
    pings = sum(event.startswith(b"event: ping") for event in events)
    upstream.script(stream([event for event in events if not event.startswith(b"event: ping")], gate=gate))
    with client.messages.create(model=setup.model, max_tokens=64, messages=ASKED, stream=True) as arriving:
        seen = one_by_one(gate, arriving, len(events) - pings)
    text = "".join(event.delta.text for event in seen if event.type == "content_block_delta")
    assert text == dialects.TEXT
    assert seen[-1].type == "message_stop"
    _assert_forwarded(upstream, run_token, setup)


def test_stream_helper(client: anthropic.Anthropic, setup: Setup, upstream: FakeProvider) -> None:
    with client.messages.stream(model=setup.model, max_tokens=64, messages=ASKED) as arriving:
        assert arriving.get_final_text() == dialects.TEXT
    assert upstream.only.json()["stream"] is True


def test_provider_errors_come_through(client: anthropic.Anthropic, setup: Setup, upstream: FakeProvider) -> None:
    upstream.script(reply_json({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded") as caught:
        client.messages.create(model=setup.model, max_tokens=64, messages=ASKED)
    assert caught.value.status_code == 529


@pytest.mark.parametrize("surface", SETUPS)
def test_a_wrong_token_is_an_authentication_error(
    surface: str, service: Service, keyed_gateway_id: str, upstream: FakeProvider
) -> None:
    with (
        SETUPS[surface](service, keyed_gateway_id, UNKNOWN_TOKEN).client() as client,
        pytest.raises(anthropic.AuthenticationError),
    ):
        client.messages.create(model=f"anthropic/{MODEL}", max_tokens=64, messages=ASKED)
    assert upstream.requests == []


def test_native_count_tokens(service: Service, gateway_id: str, run_token: Token, upstream: FakeProvider) -> None:
    with _native(service, gateway_id, run_token.value).client() as client:
        counted = client.messages.count_tokens(model=MODEL, messages=ASKED)
    assert counted.input_tokens == dialects.TOKENS_IN
    assert upstream.only.path == "/v1/messages/count_tokens"
