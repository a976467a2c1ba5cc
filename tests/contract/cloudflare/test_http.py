"""What HTTP allows in a request, and asks of an answer, whatever the surface."""

import re
from collections.abc import AsyncIterator

import pytest
from fakes.edge import ACCOUNT, Reply, RunningEdge, gateway, request_bytes, until
from fakes.provider import FakeProvider, raw

KEY = {"Authorization": "Bearer sk-x"}
NATIVE = RunningEdge.native("open", "openai/chat/completions")
SURFACES = {
    "native": NATIVE,
    "universal": RunningEdge.native("open"),
    "compat": RunningEdge.native("open", "compat/chat/completions"),
    "rest": RunningEdge.rest("v1/responses"),
    "run": RunningEdge.rest("run"),
    "management": f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways",
    "dashboard": "/dashboard/",
    "ops": "/livez",
    "nowhere": "/x",
    "asking": RunningEdge.native("g1", "openai/responses"),
}
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    entries = [gateway("open", authentication=False), gateway("g1")]
    async with RunningEdge(gateways=entries, providers={"openai": provider.origin + "/v1"}) as running:
        yield running


BYTES = {
    "latin-1": b"Espa\xf1a",
    "utf-8": "España €".encode(),
    "a C1 control": b"a\x85b",
    "cut utf-8": b"\xe2\x82",
    "a surrogate": b"\xed\xa0\x80",
    "all of them": bytes(range(0x80, 0x100)),
}


@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.parametrize("field", ["User-Agent", "X-Title", "Content-Type", "Accept-Language", "X-Request-Id"])
async def test_bytes_from_0x80_cross_as_they_are(edge: RunningEdge, provider: FakeProvider, kind: str, field: str) -> None:
    """Parsed, repeated and varied heads; a request's other fields stay what they are."""
    value = BYTES[kind]
    for number in range(3):
        sent = value if number < 2 else value + b"2"
        async with edge.client() as wire:
            for _ in range(2):
                answer = await wire.ask("POST", NATIVE, {**KEY, field: sent.decode("latin-1")}, b"{}")
                assert answer.status == 200
                received = dict(provider.requests[-1].headers)
                assert {name.lower(): text for name, text in received.items()}[field.lower()].encode("latin-1") == sent
    await until(lambda: len(edge.records) == 6)


@pytest.mark.parametrize("kind", BYTES)
async def test_a_foreign_cookie_does_no_harm(edge: RunningEdge, provider: FakeProvider, kind: str) -> None:
    answer = await edge.ask("POST", NATIVE, {**KEY, "Cookie": "a=" + BYTES[kind].decode("latin-1")}, b"{}")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("option", "value", "metadata"),
    [
        ("cf-aig-metadata", b'{"user":"Jos\xe9"}', '{"user":"José"}'),
        ("cf-aig-metadata", '{"user":"José"}'.encode(), '{"user":"José"}'),
        ("cf-aig-metadata", b'{"user":"Jos\xe9', None),
        ("cf-aig-event-id", b"\xff", None),
        ("cf-aig-cache-ttl", b"6\xb2", None),
        ("cf-aig-custom-cost", b"\xff", None),
        ("cf-aig-request-timeout", b"\xb9", None),
    ],
)
async def test_an_option_that_cannot_be_read_is_ignored(
    edge: RunningEdge, provider: FakeProvider, option: str, value: bytes, metadata: str | None
) -> None:
    headers = {**KEY, "cf-aig-authorization": f"Bearer {edge.admit()}", option: value.decode("latin-1")}
    answer = await edge.ask("POST", edge.native("g1", "openai/chat/completions"), headers, b"{}")
    assert answer.status == 200
    assert (await edge.record()).metadata == metadata


async def test_an_answers_fields_cross_as_they_are(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(raw(b"HTTP/1.1 200 Espa\xf1a\r\nX-Name: Jos\xe9\xff\r\nContent-Length: 2\r\n\r\n{}"))
    answer = await edge.ask("POST", NATIVE, KEY, b"{}")
    assert (answer.header("x-name") or "").encode("latin-1") == b"Jos\xe9\xff"


@pytest.mark.parametrize("surface", SURFACES)
async def test_websockets_are_426_on_every_surface(edge: RunningEdge, provider: FakeProvider, surface: str) -> None:
    """So that clients go on with plain requests at once."""
    async with edge.client() as wire:
        answer = await wire.ask("GET", SURFACES[surface], {**KEY, **WEBSOCKET})
        assert answer.status == 426
        assert answer.header("upgrade") == "HTTP/1.1"
        assert answer.header("connection") == "upgrade, close"
        assert answer.json()["success"] is False
        assert await wire.ended()
    assert provider.requests == []
    assert edge.records == []


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", SURFACES["compat"], "POST"),
        ("POST", RunningEdge.native("open", "compat/models"), "GET"),
        ("PUT", SURFACES["rest"], "POST"),
        ("GET", SURFACES["run"], "POST"),
        ("TRACE", NATIVE, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    ],
)
async def test_405_says_what_is_allowed(edge: RunningEdge, method: str, target: str, allow: str) -> None:
    answer = await edge.ask(method, target, KEY)
    assert (answer.status, answer.header("allow")) == (405, allow)


DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT")


async def dated(edge: RunningEdge, data: bytes) -> Reply:
    async with edge.client() as wire:
        await wire.send(data)
        return await wire.reply()


@pytest.mark.parametrize("answered", ["provider without", "health", "refusal", "parser", "too large"])
async def test_every_answer_is_dated(edge: RunningEdge, provider: FakeProvider, answered: str) -> None:
    provider.script(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    data = {
        "provider without": request_bytes("GET", NATIVE, KEY),
        "health": request_bytes("GET", "/livez"),
        "refusal": request_bytes("GET", "/x"),
        "parser": b"x\r\n\r\n",
        "too large": b"GET /" + b"y" * 70_000,
    }[answered]
    assert DATE.fullmatch((await dated(edge, data)).header("date") or "")


async def test_a_providers_date_stays(edge: RunningEdge, provider: FakeProvider) -> None:
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    provider.script(raw(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n{{}}".encode()))
    assert (await edge.ask("GET", NATIVE, KEY)).header("date") == date


@pytest.mark.parametrize("host", ["a", "a:", "a:80", "[::1]", "[::1]:", "A.example:"])
async def test_a_port_may_be_empty(edge: RunningEdge, host: str) -> None:
    """RFC 3986 section 3.2.3."""
    assert (await edge.ask("GET", "/livez", {"Host": host})).status == 200
