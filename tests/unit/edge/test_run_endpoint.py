"""`/ai/run`: which endpoint an input belongs to, and what is sent there."""

import json
import tracemalloc
from typing import Any

import pytest
from fakes.edge import ACCOUNT, gateway, key
from fakes.exchange import PLAIN, request
from fakes.exchange import exchange as filled

from gateway.edge.run_endpoint import RunEndpoint
from gateway.edge.settings import compile_plan
from gateway.edge.targeting import Attempt, Targeting
from gateway.model import faults
from gateway.model.faults import Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import EdgeConfig
from gateway.model.tokens import Permit
from gateway.protocol.headers import RequestHead

PLAN = compile_plan(gateway("default", keys=[key(slug, f"k-{slug}") for slug in ("openai", "anthropic", "workers-ai")]), {})


def exchange(body: bytes, model: str = "") -> Any:
    head = RequestHead(((b"Authorization", b"Bearer ours"), (b"Accept-Encoding", b"gzip")), http_10=False, limit_bytes=9999)
    return filled(
        request(body=body),
        route=Route(Surface.REST_RUN, ACCOUNT, tail=model, endpoint=Endpoint.RUN),
        head=head,
        plan=PLAN,
        permit=Permit(True, "t"),
    )


async def choose(x: Any, limit_bytes: int = 10_000) -> Attempt:
    (attempt,) = await RunEndpoint(Targeting(EdgeConfig()), limit_bytes).choose(x)
    return attempt


@pytest.mark.parametrize(
    ("model", "given", "url", "sent", "enveloped"),
    [
        ("openai/gpt-4.1", {"messages": []}, "api.openai.com/v1/chat/completions", {"model": "gpt-4.1", "messages": []}, True),
        ("openai/gpt-4.1", {"input": "x"}, "api.openai.com/v1/responses", {"model": "gpt-4.1", "input": "x"}, True),
        (
            "openai/text-embedding-3",
            {"input": "x"},
            "api.openai.com/v1/embeddings",
            {"model": "text-embedding-3", "input": "x"},
            True,
        ),
        ("anthropic/claude", {"messages": []}, "api.anthropic.com/v1/messages", {"model": "claude", "messages": []}, True),
        (
            "@cf/meta/llama",
            {"prompt": "x"},
            f"api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run/@cf/meta/llama",
            {"prompt": "x"},
            False,
        ),
        (
            "openai/m",
            {"messages": [], "model": "own"},
            "api.openai.com/v1/chat/completions",
            {"model": "m", "messages": []},
            True,
        ),
    ],
)
async def test_the_endpoint_for_an_input(
    model: str, given: dict[str, Any], url: str, sent: dict[str, Any], enveloped: bool
) -> None:
    x = exchange(json.dumps({"model": model, "input": given}).encode())
    attempt = await choose(x)
    assert attempt.target.origin.authority + attempt.target.path == url
    assert json.loads(x.body.held) == sent
    assert x.body.length == len(x.body.held)
    assert attempt.enveloped is enveloped
    assert b"Bearer ours" not in attempt.block(PLAIN)
    assert (b"accept-encoding: identity\r\n" in attempt.block(PLAIN)) is enveloped
    assert x.model == model.removeprefix(f"{x.provider.slug}/")


async def test_a_model_in_the_path_keeps_its_body() -> None:
    x = exchange(b'{"prompt": "x"}', "@cf/meta/llama")
    attempt = await choose(x)
    assert (x.body.held, attempt.enveloped) == (b'{"prompt": "x"}', False)
    assert b"authorization: Bearer k-workers-ai\r\n" in attempt.block(PLAIN)


REFUSED: list[tuple[bytes, str, Fault]] = [
    (b"{}", "openai/gpt-4.1", faults.UNKNOWN_MODEL),
    (b"", "", faults.BAD_BODY),
    (b"[]", "", faults.BAD_BODY),
    (b"\xff", "", faults.BAD_BODY),
    (b'{"model":"openai/m","input":{"messages":[]}} x', "", faults.BAD_BODY),
    (b'{"model":"openai/m","input":{"messages":[]}', "", faults.BAD_BODY),
    (b'{"model":"openai/m","input":{"messages":[]},"model":"openai/n"}', "", faults.BAD_BODY),
    (b'{"model":"openai/m","input":{"messages":[]},"input":{"messages":[]}}', "", faults.BAD_BODY),
    (b'{"model":"openai/m","input":{"messages":[],"model":"a","model":"b"}}', "", faults.BAD_BODY),
    (b'{"model":"openai/m","input":{"messages":' + b"[" * 1001 + b"]" * 1001 + b"}}", "", faults.BAD_BODY),
    (b'{"model":"' + b"m" * 2000 + b'","input":{"messages":[]}}', "", faults.BAD_BODY),
    (b'{"model":"\\ud800","input":{"messages":[]}}', "", faults.BAD_BODY),
    (b'{"model":["openai/m"],"input":{"messages":[]}}', "", faults.MISSING_MODEL),
    (b"{}", "", faults.MISSING_MODEL),
    (b'{"model":""}', "", faults.MISSING_MODEL),
    (b'{"model":5}', "", faults.MISSING_MODEL),
    (b'{"model":"openai/m"}', "", faults.UNSUPPORTED_INPUT),
    (b'{"model":"openai/m","input":"x"}', "", faults.UNSUPPORTED_INPUT),
    (b'{"model":"openai/m","input":{"x":1}}', "", faults.UNSUPPORTED_INPUT),
    (b'{"model":"openai/m","input":{},"options":{"background":true}}', "", faults.NOT_IMPLEMENTED),
    (b'{"model":"openai/m","input":{},"options":{"webhookUrl":"https://x"}}', "", faults.NOT_IMPLEMENTED),
    (b'{"model":"openai/m","input":{},"options":{"webhookFormat":"chat"}}', "", faults.NOT_IMPLEMENTED),
    (b'{"model":"@cf/m","input":{},"options":{"rejectIfBusy": true}}', "", faults.NOT_IMPLEMENTED),
    (b'{"model":"nobody/m","input":{"messages":[]}}', "", faults.UNKNOWN_PROVIDER),
    (b'{"model":"dynamic/r","input":{"messages":[]}}', "", faults.NOT_IMPLEMENTED),
    (b'{"model":"deepseek/m","input":{"input":"x"}}', "", faults.SURFACE_NOT_SERVED),
    (b'{"model":"groq/m","input":{"messages":[]}}', "", faults.MISSING_PROVIDER_KEY),
    (b'{"model":"@cf/../../tokens","input":{}}', "", faults.UNKNOWN_MODEL),
    (b'{"model":"@cf/x?y","input":{}}', "", faults.UNKNOWN_MODEL),
    (b'{"model":"@cf/x HTTP/1.1\\r\\nX: y","input":{}}', "", faults.UNKNOWN_MODEL),
    (b'{"model":"openai/m","input":{"messages":["' + b"x" * 10_000 + b'"]}}', "", faults.BODY_TOO_LARGE),
]


@pytest.mark.parametrize(
    "options",
    [b"{}", b"null", b'"x"', b'{"background": false }', b'{"background":null,"webhookUrl":null,"rejectIfBusy":false}'],
)
async def test_options_that_are_not_set(options: bytes) -> None:
    x = exchange(b'{"options":%b,"model":"openai/m","input":{"messages":[]}}' % options)
    await choose(x)
    assert x.body.held == b'{"model":"m","messages":[]}'


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (b'{ "messages" : [1.0e0, "\\u0041"] , "n":1 }', b'{"model":"m", "messages" : [1.0e0, "\\u0041"] , "n":1 }'),
        (b'{"mo\\u0064el":["x"],"messages":[]}', b'{"mo\\u0064el":"m","messages":[]}'),
        (b'{"messages":[{"model":"inner"}]}', b'{"model":"m","messages":[{"model":"inner"}]}'),
    ],
)
async def test_every_other_byte_of_an_input_stays(given: bytes, sent: bytes) -> None:
    x = exchange(b' {"model":"openai/m","input": %b } ' % given)
    await choose(x)
    assert x.body.held == sent


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"[]," * 300, b"[" * 900 + b"]" * 900 + b",", b'{"a":[[]]},'])
async def test_a_body_takes_memory_by_its_size_alone(piece: bytes) -> None:
    """Parsed, empty lists take twenty times as much."""
    text = b'{"model":"openai/m","input":{"messages":[' + piece * (8_000_000 // len(piece)) + b"0]}}"
    x = exchange(text)
    tracemalloc.start()
    try:
        await choose(x, limit_bytes=1 << 24)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(x.body.held) > 7_900_000
    assert peak < 3 * len(text) + 4_000_000


async def test_what_is_not_there_is_named() -> None:
    with pytest.raises(Refusal, match="not_implemented") as refused:
        await choose(exchange(b'{"model":"openai/m","input":{"messages":[]},"options":{"background":true}}'))
    assert refused.value.message == "Not available in this version: options.background"


@pytest.mark.parametrize(("body", "model", "fault"), REFUSED)
async def test_refusals(body: bytes, model: str, fault: Fault) -> None:
    with pytest.raises(Refusal) as refused:
        await choose(exchange(body, model))
    assert refused.value.fault is fault


async def test_a_model_of_more_bytes_than_any_has() -> None:
    body = b'{"model":"openai/%b","input":{"messages":[]}}'
    assert (await choose(exchange(body % (b"m" * 1_017)))).target.model == "m" * 1_017
    with pytest.raises(Refusal) as refused:
        await choose(exchange(body % (b"m" * 1_018)))
    assert refused.value.fault is faults.BAD_BODY
    assert refused.value.message == "The request body's model is longer than 1024 bytes"
