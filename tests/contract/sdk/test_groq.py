"""The Groq client for Python on the native route; it brings its own `/openai/v1` prefix."""

from collections.abc import Iterator

import groq
import pytest
from fakes import dialects
from fakes.provider import FakeProvider, Gate, stream
from fakes.sdk import OWN_KEY, UNKNOWN_TOKEN, assert_forwarded, one_by_one
from fakes.service import Service, Token

MODEL = "llama-3.3-70b-versatile"
PATH = "/openai/v1/chat/completions"
ASKED = [{"role": "user", "content": "What is a gateway?"}]


def _client(service: Service, gateway_id: str, token: str) -> groq.Groq:
    headers = {"cf-aig-authorization": f"Bearer {token}"}
    return groq.Groq(base_url=service.native(gateway_id, "groq"), api_key=OWN_KEY, default_headers=headers, max_retries=0)


@pytest.fixture
def client(service: Service, gateway_id: str, run_token: Token) -> Iterator[groq.Groq]:
    with _client(service, gateway_id, run_token.value) as made:
        yield made


def test_chat(client: groq.Groq, upstream: FakeProvider, run_token: Token) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASKED)
    assert answer.choices[0].message.content == dialects.TEXT
    assert_forwarded(upstream, run_token, path=PATH, model=MODEL)


def test_chat_streams_each_event_as_it_comes(client: groq.Groq, upstream: FakeProvider, run_token: Token) -> None:
    gate = Gate()
    upstream.script(stream(dialects.chat_events(MODEL, usage=False), gate=gate))
    with client.chat.completions.create(model=MODEL, messages=ASKED, stream=True) as chunks:
        seen = one_by_one(gate, chunks, len(dialects.PIECES))
    assert [chunk.choices[0].delta.content for chunk in seen] == list(dialects.PIECES)
    assert_forwarded(upstream, run_token, path=PATH, model=MODEL)


def test_a_wrong_token_is_an_authentication_error(service: Service, gateway_id: str, upstream: FakeProvider) -> None:
    with _client(service, gateway_id, UNKNOWN_TOKEN) as client, pytest.raises(groq.AuthenticationError):
        client.chat.completions.create(model=MODEL, messages=ASKED)
    assert upstream.requests == []
