import json
from typing import Any

import pytest
from fakes import dialects

from gateway.model.targets import Dialect
from gateway.protocol.cut_events import BOUNDARY_BYTES, cut_event

CASES = [
    (Dialect.OPENAI, "chat/completions", dialects.chat_events("m")),
    (Dialect.OPENAI, "v1/responses", dialects.response_events("m")),
    (Dialect.ANTHROPIC, "v1/messages", dialects.message_events("m")),
    (Dialect.GEMINI, "v1beta/models/m:streamGenerateContent", dialects.gemini_events()),
]
ENDS = (b"[DONE]", b"message_stop", b"response.completed", b"finish", b"stop_reason")


def data(event: bytes) -> Any:
    (line,) = [line for line in event.splitlines() if line.startswith(b"data: ")]
    return json.loads(line.removeprefix(b"data: "))


@pytest.mark.parametrize(("dialect", "path", "events"), CASES)
def test_one_event_that_is_no_end(dialect: Dialect, path: str, events: tuple[bytes, ...]) -> None:
    told = cut_event(dialect, path, tail=events[0][-BOUNDARY_BYTES:], events=1)
    assert told.endswith((b"\n\n", b"\r\n\r\n"))
    assert told.replace(b"\r\n", b"\n").count(b"\n\n") == 1
    assert data(told)
    assert not [end for end in ENDS if end in told]


@pytest.mark.parametrize(("dialect", "path", "_events"), CASES)
@pytest.mark.parametrize("tail", [b"data", b"x\n", b"x\r\n", b'"}\r\n', b"\n\nd", b"}\n\nx"])
def test_within_an_event_nothing_is_said(dialect: Dialect, path: str, _events: object, tail: bytes) -> None:
    assert cut_event(dialect, path, tail=tail, events=1) == b""


@pytest.mark.parametrize("tail", [b"", b"\n\n", b"}\n\n", b"}\r\n\r\n", b"}\r\r", b"}\n\r\n"])
def test_between_events_it_is_said(tail: bytes) -> None:
    assert cut_event(Dialect.ANTHROPIC, "v1/messages", tail=tail, events=0)


@pytest.mark.parametrize("dialect", [Dialect.COHERE, Dialect.NONE])
def test_where_no_shape_is_known_nothing_is_said(dialect: Dialect) -> None:
    assert cut_event(dialect, "v2/chat", tail=b"\n\n", events=3) == b""


def test_responses_goes_on_counting() -> None:
    assert data(cut_event(Dialect.OPENAI, "responses", tail=b"\n\n", events=7))["sequence_number"] == 7
