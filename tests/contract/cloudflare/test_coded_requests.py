"""Request bodies in a content coding: read and sent as what was coded where the model is in them, else passed as they come."""

import gzip
import json
import zlib
from collections.abc import Callable

import brotli
import pytest
from fakes.edge import Reply, RunningEdge, gateway, key
from fakes.provider import FakeProvider

from gateway.link.frames import Records
from gateway.model.service import Limits
from gateway.protocol.inflate import zstd


def squeezed(body: bytes) -> bytes:
    return brotli.compress(body, quality=4)  # the default takes seconds for megabytes


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "br": squeezed,
    "zstd": zstd.compress,
    "identity": bytes,
    "identity, gzip": gzip.compress,
    "gzip, br": lambda body: squeezed(gzip.compress(body)),
    "zstd,,deflate , gzip": lambda body: gzip.compress(zlib.compress(zstd.compress(body))),
}
ASKED = b'{"messages":[{"role":"user","content":"h\xc3\xa4"}],"model":"openai/gpt-4.1","n":1}'
SENT = ASKED.replace(b"openai/", b"")
LONG = (
    b'{"messages":%b,"model":"openai/gpt-4.1","n":1}'
    % json.dumps([f"{n * 7919 % 10_007} words" for n in range(40_000)]).encode()
)
FIELDS = {"content-type": "application/json", "accept-encoding": "zstd"}


def target(edge: RunningEdge, surface: str) -> tuple[str, dict[str, str]]:
    if surface == "compat":
        return edge.native("open", "compat/chat/completions"), {"authorization": "Bearer sk-own"}
    return edge.rest(surface), {"authorization": f"Bearer {edge.admit()}", "cf-aig-gateway-id": "stored"}


def framed(body: bytes, chunked: bool) -> dict[str, object]:
    return {"chunks": [body[:3], body[3:50], body[50:]] if len(body) > 50 else [body]} if chunked else {"body": body}


async def ask(edge: RunningEdge, surface: str, coding: str, body: bytes, chunked: bool = False) -> Reply:
    url, fields = target(edge, surface)
    return await edge.ask("POST", url, {**FIELDS, **fields, "content-encoding": coding}, **framed(body, chunked))  # type: ignore[arg-type]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("surface", ["compat", "v1/chat/completions", "v1/responses", "v1/embeddings"])
@pytest.mark.parametrize("coding", CODERS)
async def test_the_provider_gets_it_plain(
    edge: RunningEdge, provider: FakeProvider, coding: str, surface: str, chunked: bool
) -> None:
    assert (await ask(edge, surface, coding, CODERS[coding](ASKED), chunked)).status == 200
    received = provider.only
    assert received.body == SENT
    assert received.header("content-encoding") is None
    if coding != "identity" or not chunked:
        assert (received.header("content-length"), received.header("transfer-encoding")) == (str(len(SENT)), None)
    assert received.header("accept-encoding") == "zstd"
    record = await edge.record()
    assert (record.provider, record.model, record.status_code) == ("openai", "gpt-4.1", 200)
    assert record.success


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("coding", CODERS)
async def test_a_long_one(edge: RunningEdge, provider: FakeProvider, coding: str, chunked: bool) -> None:
    """Coded it is too long to come in one piece."""
    assert (await ask(edge, "compat", coding, CODERS[coding](LONG), chunked)).status == 200
    assert provider.only.body == LONG.replace(b"openai/", b"")
    assert provider.only.header("content-encoding") is None


@pytest.mark.parametrize("coding", CODERS)
async def test_run(edge: RunningEdge, provider: FakeProvider, coding: str) -> None:
    body = CODERS[coding](b'{"model":"openai/gpt-4.1","input":{"messages":[]}}')
    assert (await ask(edge, "run", coding, body)).json()["success"] is True
    assert json.loads(provider.only.body) == {"model": "gpt-4.1", "messages": []}
    assert provider.only.header("content-encoding") is None
    assert provider.only.header("content-length") == str(len(provider.only.body))


async def test_several_lines_are_one_list(edge: RunningEdge, provider: FakeProvider) -> None:
    url, fields = target(edge, "compat")
    lines = [*fields.items(), ("Content-Encoding", "gzip"), ("content-encoding", "br")]
    assert (await edge.ask("POST", url, lines, brotli.compress(gzip.compress(ASKED)))).status == 200
    assert provider.only.body == SENT


async def test_one_connection_many_codings(edge: RunningEdge, provider: FakeProvider) -> None:
    """Nothing of one request's coding is remembered for the next."""
    url, fields = target(edge, "compat")
    async with edge.client() as wire:
        for coding in ["gzip", "gzip", "", "br", "gzip", "", "identity"]:
            named = {"content-encoding": coding} if coding else {}
            body = CODERS[coding](ASKED) if coding else ASKED
            assert (await wire.ask("POST", url, {**fields, **named, "traceparent": f"00-{coding}"}, body)).status == 200
    assert [one.body for one in provider.requests] == [SENT] * 7
    assert all(one.header("content-encoding") is None for one in provider.requests)


@pytest.mark.parametrize(
    "path", ["openai/chat/completions", "openai/responses", "anthropic/v1/messages", "custom-mine/v1/x", "workers-ai/@cf/m"]
)
@pytest.mark.parametrize("coding", [*CODERS, "aes128gcm", "gzip, gzip, gzip, gzip"])
async def test_native_bodies_pass_as_they_come(edge: RunningEdge, provider: FakeProvider, path: str, coding: str) -> None:
    body = CODERS.get(coding, bytes)(ASKED)
    fields = {"authorization": "Bearer sk-own", "cf-aig-authorization": edge.admit(), "content-encoding": coding}
    assert (await edge.ask("POST", edge.native("g1", path), fields, body)).status == 200
    assert (provider.only.body, provider.only.header("content-encoding")) == (body, coding)


@pytest.mark.parametrize("coding", ["gzip", "identity", "aes128gcm"])
async def test_so_do_those_with_the_model_in_the_path(provider: FakeProvider, coding: str) -> None:
    body = CODERS.get(coding, bytes)(b'{"prompt":"x"}')
    async with RunningEdge(
        gateways=[gateway("g1", keys=[key("workers-ai", "sk-stored")])], providers={"workers-ai": provider.origin + "/ai"}
    ) as edge:
        fields = {"authorization": f"Bearer {edge.admit()}", "cf-aig-gateway-id": "g1", "content-encoding": coding}
        assert (await edge.ask("POST", edge.rest("run/@cf/meta/llama"), fields, body)).status == 200
    assert (provider.only.body, provider.only.header("content-encoding")) == (body, coding)


@pytest.mark.parametrize("surface", ["compat", "v1/chat/completions", "run"])
@pytest.mark.parametrize(
    ("coding", "named"),
    [
        ("compress", "compress"),
        ("dcz", "dcz"),
        ("aes128gcm", "aes128gcm"),
        ("gzip, Foo", "foo"),
        ("foo, gzip", "foo"),
        ("*", "*"),
        ("gzip gzip", ""),
        ("gzip;q=1", ""),
        ("x" * 17, ""),
        ("\xe9", ""),
        ("gzip, gzip, gzip, gzip", "too many"),
    ],
)
async def test_unknown_codings_are_named(
    edge: RunningEdge, provider: FakeProvider, surface: str, coding: str, named: str
) -> None:
    answer = await ask(edge, surface, coding, gzip.compress(ASKED))
    assert answer.status == 415
    assert answer.header("accept-encoding") == "gzip, deflate, br, zstd"
    told = answer.json()
    (problem,) = told["errors"]
    assert problem["code"] == 2963
    assert named in problem["message"]
    assert "x" * 17 not in problem["message"]
    if surface != "run":
        assert told["error"] == {"message": problem["message"], "type": "invalid_request_error", "code": "2963"}
    assert provider.requests == []


async def test_an_unknown_coding_is_refused_before_the_body_is_asked_for(edge: RunningEdge) -> None:
    url, fields = target(edge, "compat")
    async with edge.client() as wire:
        head = "".join(f"{name}: {value}\r\n" for name, value in {**fields, "content-encoding": "foo"}.items())
        await wire.send(f"POST {url} HTTP/1.1\r\nHost: a\r\n{head}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n".encode())
        assert (await wire.reply("POST")).status == 415


def cut(body: bytes) -> bytes:
    return body[:-1]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("surface", ["compat", "v1/chat/completions", "run"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize(
    "damage", [bytes, cut, lambda _: b"", lambda body: b"\xff" + body[1:]], ids=["plain", "cut", "none", "torn"]
)
async def test_broken_ones_are_bad_requests(
    edge: RunningEdge, provider: FakeProvider, coding: str, surface: str, damage: Callable[[bytes], bytes], chunked: bool
) -> None:
    body = ASKED if damage is bytes else damage(CODERS[coding](ASKED))
    answer = await ask(edge, surface, coding, body, chunked)
    assert answer.status == 400
    assert "coding" in answer.json()["errors"][0]["message"]
    await edge.quiet()
    assert provider.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("surface", ["compat", "v1/chat/completions", "run"])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "gzip, br"])
async def test_bombs_are_too_large(edge: RunningEdge, provider: FakeProvider, coding: str, surface: str) -> None:
    start = b'{"model":"openai/gpt-4.1","input":{"messages":["'
    answer = await ask(edge, surface, coding, CODERS[coding](start + b"a" * (64 << 20)))
    assert answer.status == 413
    await edge.quiet()
    assert all(not one.body.endswith(b"}") for one in provider.requests)


async def test_a_body_that_names_its_model_twice_is_refused(edge: RunningEdge, provider: FakeProvider) -> None:
    for body in (ASKED[:-1] + b',"model":"openai/b"}', LONG[:-1] + b',"MODEL":"openai/b"}'):
        assert (await ask(edge, "compat", "zstd", zstd.compress(body))).status == 400
    assert provider.requests == []


@pytest.mark.parametrize("limit", ["peek_bytes", "body_bytes"])
async def test_the_limits_count_what_was_coded(provider: FakeProvider, limit: str) -> None:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)],
        providers={"openai": provider.origin + "/v1"},
        limits=Limits(**{limit: 10_000}),
    ) as edge:
        for size, status in ((9_000, 200), (10_001, 413)):
            body = ASKED[:-1] + b',"x":"%b"}' % (b"a" * (size - len(ASKED) - 7))
            assert len(body) == size
            assert (await ask(edge, "compat", "gzip", gzip.compress(body))).status == status


@pytest.mark.parametrize(
    ("path", "asked", "coding"),
    [("compat/chat/completions", SENT, ""), ("openai/chat/completions", zstd.compress(ASKED), "zstd")],
)
async def test_the_log_gets_it_plain_or_with_its_coding(provider: FakeProvider, path: str, asked: bytes, coding: str) -> None:
    """What still is coded control unpacks before it is stored."""
    async with RunningEdge(
        gateways=[gateway("g1", collect_log_payloads=True)], providers={"openai": provider.origin + "/v1"}
    ) as edge:
        fields = {"authorization": "Bearer sk-own", "cf-aig-authorization": edge.admit(), "content-encoding": "zstd"}
        assert (await edge.ask("POST", edge.native("g1", path), fields, zstd.compress(ASKED))).status == 200
        await edge.record()
        (bodies,) = [row for frame in edge.link.sent if isinstance(frame, Records) for row in frame.bodies]
        assert (bodies[3], bodies[7]) == (asked.decode("latin-1"), coding)
