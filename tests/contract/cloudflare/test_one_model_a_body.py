"""What was checked is what a provider acts on: a body that names its model more than once is refused, however long it is."""

import json

import pytest
from fakes.edge import RunningEdge
from fakes.provider import FakeProvider

LONG = json.dumps(['say "hi" ' * 20_000])
OWN = {"authorization": "Bearer sk-own"}

TWICE = [
    '{"model":"openai/a","model":"openai/b"}',
    '{"model":"openai/a","messages":[],"model":null}',
    '{"model":"openai/a","MODEL":"openai/b"}',
    '{"model":"openai/a","mod\\u0065l":"openai/b"}',
    '{"model":"openai/a","messages":' + LONG + ',"model":"openai/b"}',
    '{"messages":' + LONG + ',"model":"openai/a","model":"openai/b"}',
]
ONCE = [
    '{"model":"openai/a","tools":[{"model":"b"}],"metadata":{"model":"c"},"user":"\\"model\\""}',
    '{"model":"openai/a","messages":' + LONG + ',"tools":[{"model":"b"}]}',
    '{"messages":' + LONG + ',"model":"openai/a"}',
]


async def asked(edge: RunningEdge, surface: str, body: str, chunked: bool) -> int:
    raw = body.encode()
    how = {"chunks": [raw[:40], raw[40:5000], raw[5000:]] if len(raw) > 5000 else [raw]} if chunked else {"body": raw}
    if surface == "compat":
        answer = await edge.ask("POST", edge.native("open", "compat/chat/completions"), OWN, **how)  # type: ignore[arg-type]
    else:
        fields = {"authorization": f"Bearer {edge.admit()}", "cf-aig-gateway-id": "stored"}
        answer = await edge.ask("POST", edge.rest("v1/chat/completions"), fields, **how)  # type: ignore[arg-type]
    return answer.status


@pytest.mark.parametrize("surface", ["compat", "rest"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("body", TWICE, ids=range(len(TWICE)))
async def test_twice(edge: RunningEdge, provider: FakeProvider, surface: str, chunked: bool, body: str) -> None:
    assert await asked(edge, surface, body, chunked) == 400
    await edge.quiet()
    assert all(not request.body.endswith(b"}") for request in provider.requests), "no whole body reached the provider"


@pytest.mark.parametrize("surface", ["compat", "rest"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("body", ONCE, ids=range(len(ONCE)))
async def test_once(edge: RunningEdge, provider: FakeProvider, surface: str, chunked: bool, body: str) -> None:
    assert await asked(edge, surface, body, chunked) == 200
    assert json.loads(provider.only.body)["model"] == "a"
