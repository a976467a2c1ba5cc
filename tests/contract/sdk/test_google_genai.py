"""The Google Gen AI client for Python on the native route."""

from collections.abc import Iterator

import pytest
from fakes import dialects
from fakes.provider import FakeProvider, Gate, stream
from fakes.sdk import OWN_KEY, STORED_KEYS, UNKNOWN_TOKEN, assert_clean, one_by_one
from fakes.service import Service, Token
from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash"


def _client(service: Service, gateway_id: str, key: str, token: str | None) -> genai.Client:
    headers = {} if token is None else {"cf-aig-authorization": f"Bearer {token}"}
    options = types.HttpOptions(base_url=service.native(gateway_id, "google-ai-studio"), headers=headers)
    return genai.Client(api_key=key, vertexai=False, http_options=options)


@pytest.fixture
def client(service: Service, gateway_id: str, run_token: Token) -> Iterator[genai.Client]:
    with _client(service, gateway_id, OWN_KEY, run_token.value) as made:
        yield made


def _assert_forwarded(upstream: FakeProvider, token: Token, path: str, key: str = OWN_KEY) -> None:
    """`path` behind the version."""
    received = upstream.only
    assert_clean(received, token)
    # The client's releases differ in the API version they ask for.
    assert received.path in (f"/v1/{path}", f"/v1beta/{path}")
    assert received.header("x-goog-api-key") == key
    assert received.header("authorization") is None


def test_generate(client: genai.Client, upstream: FakeProvider, run_token: Token) -> None:
    answer = client.models.generate_content(model=MODEL, contents="What is a gateway?")
    assert answer.text == dialects.TEXT
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == dialects.TOKENS_IN
    _assert_forwarded(upstream, run_token, f"models/{MODEL}:generateContent")


def test_generate_streams_each_event_as_it_comes(client: genai.Client, upstream: FakeProvider, run_token: Token) -> None:
    gate = Gate()
    upstream.script(stream(dialects.gemini_events(), gate=gate))
    arriving = client.models.generate_content_stream(model=MODEL, contents="What is a gateway?")
    seen = one_by_one(gate, iter(arriving), len(dialects.PIECES))
    assert [chunk.text for chunk in seen] == list(dialects.PIECES)
    assert list(arriving) == []
    _assert_forwarded(upstream, run_token, f"models/{MODEL}:streamGenerateContent")
    assert upstream.only.query == "alt=sse"


def test_the_token_as_api_key_uses_the_stored_key(
    service: Service, keyed_gateway_id: str, upstream: FakeProvider, run_token: Token
) -> None:
    """Specification section 2.1: the gateway's token in the provider's own slot."""
    with _client(service, keyed_gateway_id, run_token.value, None) as client:
        assert client.models.generate_content(model=MODEL, contents="What?").text == dialects.TEXT
    _assert_forwarded(upstream, run_token, f"models/{MODEL}:generateContent", STORED_KEYS["google-ai-studio"])


@pytest.mark.parametrize("token", [None, UNKNOWN_TOKEN])
def test_a_wrong_token_is_a_client_error(token: str | None, service: Service, gateway_id: str, upstream: FakeProvider) -> None:
    with _client(service, gateway_id, OWN_KEY, token) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="What?")
    assert caught.value.code == 401
    assert upstream.requests == []
