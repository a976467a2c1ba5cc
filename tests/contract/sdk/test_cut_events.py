"""What the official clients make of the event that comes before a cut: an error of theirs, never an end."""

import anthropic
import openai
import pytest
from fakes import dialects
from fakes.provider import FakeProvider, stream
from google import genai
from google.genai import errors, types

from gateway.model.targets import Dialect
from gateway.protocol.cut_events import cut_event

WORDS = "ended before it was complete"


def told(dialect: Dialect, path: str = "x") -> bytes:
    return cut_event(dialect, path, tail=b"}\n\n", events=1)


def test_openai_raises_it(upstream: FakeProvider) -> None:
    upstream.script(stream([dialects.chat_events("m")[0], told(Dialect.OPENAI)]))
    with openai.OpenAI(api_key="k", base_url=upstream.origin, max_retries=0) as client:
        chunks = client.chat.completions.create(model="m", messages=[], stream=True)
        assert next(chunks).choices
        with pytest.raises(openai.APIError, match=WORDS):
            next(chunks)


def test_openai_responses_shows_it(upstream: FakeProvider) -> None:
    upstream.script(stream([dialects.response_events("m")[0], told(Dialect.OPENAI, "v1/responses")]))
    with openai.OpenAI(api_key="k", base_url=upstream.origin, max_retries=0) as client:
        *_, last = client.responses.create(model="m", input="x", stream=True)
    assert last.type == "error"
    assert (last.code, last.sequence_number) == ("upstream_truncated", 1)


def test_anthropic_raises_it(upstream: FakeProvider) -> None:
    upstream.script(stream([dialects.message_events("m")[0], told(Dialect.ANTHROPIC)]))
    with anthropic.Anthropic(api_key="k", base_url=upstream.origin, max_retries=0) as client:
        events = client.messages.create(model="m", messages=[], max_tokens=9, stream=True)
        next(events)
        with pytest.raises(anthropic.APIStatusError, match=WORDS):
            next(events)


def test_gemini_raises_it(upstream: FakeProvider) -> None:
    upstream.script(stream([dialects.gemini_events()[0], told(Dialect.GEMINI)]))
    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=upstream.origin))
    chunks = client.models.generate_content_stream(model="m", contents="hi")
    assert next(chunks).text
    with pytest.raises(errors.APIError, match=WORDS):
        next(chunks)
    client.close()
