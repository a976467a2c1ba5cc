"""The OpenAI client for Python on each surface it can be pointed at."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import openai
import pytest
from fakes import dialects
from fakes.provider import FakeProvider, Gate, reply_json, stream
from fakes.sdk import OWN_KEY, STORED_KEYS, UNKNOWN_TOKEN, assert_forwarded, cloudflare_codes, one_by_one
from fakes.service import Service, Token

MODEL = "gpt-4.1-mini"
ASKED = [{"role": "user", "content": "What is a gateway?"}]


@dataclass(frozen=True)
class Setup:
    """How the documents tell users to configure the client."""

    base_url: str
    api_key: str
    headers: dict[str, str]
    model: str
    provider_key: str
    """What the provider must see."""

    def client(self, **more: object) -> openai.OpenAI:
        settings = {"api_key": self.api_key, "default_headers": self.headers, "max_retries": 0, **more}
        return openai.OpenAI(base_url=self.base_url, **settings)  # type: ignore[arg-type]


def _rest(service: Service, gateway_id: str, token: str) -> Setup:
    headers = {"cf-aig-gateway-id": gateway_id}
    return Setup(f"{service.rest}/v1", token, headers, f"openai/{MODEL}", STORED_KEYS["openai"])


def _native(service: Service, gateway_id: str, token: str) -> Setup:
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    return Setup(service.native(gateway_id, "openai"), OWN_KEY, headers, MODEL, OWN_KEY)


def _compat(service: Service, gateway_id: str, token: str) -> Setup:
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    return Setup(service.native(gateway_id, "compat"), OWN_KEY, headers, f"openai/{MODEL}", OWN_KEY)


SETUPS = {"rest": _rest, "native": _native, "compat": _compat}


@pytest.fixture(params=SETUPS)
def setup(request: pytest.FixtureRequest, service: Service, keyed_gateway_id: str, run_token: Token) -> Setup:
    return SETUPS[request.param](service, keyed_gateway_id, run_token.value)


@pytest.fixture(params=["rest", "native"])
def openai_setup(request: pytest.FixtureRequest, service: Service, keyed_gateway_id: str, run_token: Token) -> Setup:
    """The surfaces that serve more than chat completions."""
    return SETUPS[request.param](service, keyed_gateway_id, run_token.value)


@pytest.fixture
def client(setup: Setup) -> Iterator[openai.OpenAI]:
    with setup.client() as made:
        yield made


@pytest.fixture
def openai_client(openai_setup: Setup) -> Iterator[openai.OpenAI]:
    with openai_setup.client() as made:
        yield made


@pytest.fixture
async def async_client(setup: Setup) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=setup.base_url, api_key=setup.api_key, default_headers=setup.headers, max_retries=0
    ) as made:
        yield made


def test_chat(client: openai.OpenAI, setup: Setup, upstream: FakeProvider, run_token: Token) -> None:
    answer = client.chat.completions.create(model=setup.model, messages=ASKED)
    assert answer.choices[0].message.content == dialects.TEXT
    assert answer.usage is not None
    assert answer.usage.total_tokens == dialects.TOKENS_IN + dialects.TOKENS_OUT
    received = assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL, key=setup.provider_key)
    assert received.json() == {"model": MODEL, "messages": ASKED}


def test_chat_streams_each_event_as_it_comes(
    client: openai.OpenAI, setup: Setup, upstream: FakeProvider, run_token: Token
) -> None:
    gate, events = Gate(), dialects.chat_events(MODEL, usage=False)
    upstream.script(stream(events, gate=gate))
    with client.chat.completions.create(model=setup.model, messages=ASKED, stream=True) as chunks:
        seen = one_by_one(gate, chunks, len(dialects.PIECES))
        rest = list(chunks)
    assert [chunk.choices[0].delta.content for chunk in seen] == list(dialects.PIECES)
    assert [chunk.choices[0].finish_reason for chunk in rest] == ["stop"]
    assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL, key=setup.provider_key)


async def test_async_chat_streams(
    async_client: openai.AsyncOpenAI, setup: Setup, upstream: FakeProvider, run_token: Token
) -> None:
    chunks = await async_client.chat.completions.create(model=setup.model, messages=ASKED, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
    assert text == dialects.TEXT
    assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL, key=setup.provider_key)


def test_responses(openai_client: openai.OpenAI, openai_setup: Setup, upstream: FakeProvider, run_token: Token) -> None:
    answer = openai_client.responses.create(model=openai_setup.model, input="What is a gateway?")
    assert answer.output_text == dialects.TEXT
    assert_forwarded(upstream, run_token, path="/v1/responses", model=MODEL, key=openai_setup.provider_key)


def test_responses_stream_each_event_as_it_comes(
    openai_client: openai.OpenAI, openai_setup: Setup, upstream: FakeProvider, run_token: Token
) -> None:
    gate, events = Gate(), dialects.response_events(MODEL)
    upstream.script(stream(events, gate=gate))
    with openai_client.responses.create(model=openai_setup.model, input="What?", stream=True) as arriving:
        seen = one_by_one(gate, arriving, len(events))
    text = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
    assert text == dialects.TEXT
    assert_forwarded(upstream, run_token, path="/v1/responses", model=MODEL, key=openai_setup.provider_key)


def test_embeddings(openai_client: openai.OpenAI, openai_setup: Setup, upstream: FakeProvider, run_token: Token) -> None:
    answer = openai_client.embeddings.create(model=openai_setup.model, input="text")
    assert answer.data[0].embedding == list(dialects.VECTOR)
    received = assert_forwarded(upstream, run_token, path="/v1/embeddings", model=MODEL, key=openai_setup.provider_key)
    assert received.json()["encoding_format"] == "base64"


def test_models(client: openai.OpenAI) -> None:
    listed = client.models.list()
    assert all(model.id and model.object == "model" for model in listed.data)


def test_native_models_are_the_providers(service: Service, gateway_id: str, run_token: Token, upstream: FakeProvider) -> None:
    with _native(service, gateway_id, run_token.value).client() as client:
        assert [model.id for model in client.models.list().data] == [MODEL]
    assert_forwarded(upstream, run_token, path="/v1/models")


def test_provider_errors_come_through(client: openai.OpenAI, setup: Setup, upstream: FakeProvider) -> None:
    body = {"error": {"message": "Slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    upstream.script(reply_json(body, 429, [("Retry-After", "7")]))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=setup.model, messages=ASKED)
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("surface", SETUPS)
@pytest.mark.parametrize("token", ["not-a-token", UNKNOWN_TOKEN])
def test_a_wrong_token_is_an_authentication_error(
    surface: str, token: str, service: Service, keyed_gateway_id: str, upstream: FakeProvider
) -> None:
    with (
        SETUPS[surface](service, keyed_gateway_id, token).client() as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(model=f"openai/{MODEL}", messages=ASKED)
    assert caught.value.status_code == 401
    assert token not in str(caught.value)
    assert upstream.requests == []


@pytest.mark.parametrize(("surface", "code"), [("rest", 10000), ("native", 2009), ("compat", 2009)])
def test_the_refusal_carries_cloudflares_code(surface: str, code: int, service: Service, keyed_gateway_id: str) -> None:
    with SETUPS[surface](service, keyed_gateway_id, UNKNOWN_TOKEN).client() as client, pytest.raises(openai.APIError) as caught:
        client.chat.completions.create(model=f"openai/{MODEL}", messages=ASKED)
    assert cloudflare_codes(caught.value.response.json()) == [code]  # type: ignore[attr-defined]


def test_no_token_on_an_open_gateway(service: Service, open_gateway_id: str, run_token: Token, upstream: FakeProvider) -> None:
    client = openai.OpenAI(base_url=service.native(open_gateway_id, "openai"), api_key=OWN_KEY, max_retries=0)
    with client:
        client.chat.completions.create(model=MODEL, messages=ASKED)
    assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL)


def test_no_token_on_an_authenticated_gateway(service: Service, gateway_id: str, upstream: FakeProvider) -> None:
    client = openai.OpenAI(base_url=service.native(gateway_id, "openai"), api_key=OWN_KEY, max_retries=0)
    with client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model=MODEL, messages=ASKED)
    assert upstream.requests == []


def test_the_token_as_api_key_uses_the_stored_key(
    service: Service, keyed_gateway_id: str, run_token: Token, upstream: FakeProvider
) -> None:
    """Specification section 2.1: compat with the gateway's token in the provider's slot."""
    client = openai.OpenAI(base_url=service.native(keyed_gateway_id, "compat"), api_key=run_token.value, max_retries=0)
    with client:
        client.chat.completions.create(model=f"openai/{MODEL}", messages=ASKED)
    assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL, key=STORED_KEYS["openai"])
