"""The fake itself: what it records, and that it sends what a script says."""

import asyncio
import contextlib
import ssl

import pytest
from fakes import dialects
from fakes.authority import Authority
from fakes.provider import (
    Behaviour,
    FakeProvider,
    Gate,
    early,
    echo,
    generated,
    hang_up,
    informed,
    provider_in_thread,
    reply,
    reply_json,
    stall,
    stream,
)
from fakes.service import call

GET = b"GET /x?y=%2F HTTP/1.1\r\nHOST: a\r\nX-Two: 1\r\nx-two: 2\r\n\r\n"


@contextlib.asynccontextmanager
async def _connected(provider: FakeProvider, tls: ssl.SSLContext | None = None):
    reader, writer = await asyncio.open_connection(
        provider.host, provider.port, ssl=tls, server_hostname="localhost" if tls else None
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _answer(provider: FakeProvider, request: bytes) -> bytes:
    """Everything that comes until the provider closes."""
    async with _connected(provider) as (reader, writer):
        writer.write(request)
        return await reader.read()


async def test_records_the_request_exactly(provider: FakeProvider) -> None:
    async with _connected(provider) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n")
        await provider.until(lambda: len(provider.requests) == 2 and provider.requests[1].complete)
    first, second = provider.requests
    assert (first.method, first.target, first.connection) == ("GET", "/x?y=%2F", 0)
    assert first.headers == [("HOST", "a"), ("X-Two", "1"), ("x-two", "2")]
    assert (second.body, second.chunked, second.connection) == (b"abcde", True, 0)


OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("behaviour", "wanted"),
    [
        (reply(b"hi", headers=(), close=True), OK + b"Content-Length: 2\r\n" + CLOSE + b"hi"),
        (
            reply_json([1], 418, framing="close"),
            b"HTTP/1.1 418 I'm a Teapot\r\nContent-Type: application/json\r\n" + CLOSE + b"[1]",
        ),
        (
            reply(b"hi", headers=(), framing="chunked", close=True),
            OK + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"2\r\nhi\r\n0\r\n\r\n",
        ),
        (stream([b"a", b"bc"], (), framing="length", cut="fin"), OK + b"Content-Length: 3\r\n\r\nabc"),
        (
            informed(reply(headers=(), close=True), 103),
            b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 0\r\n" + CLOSE,
        ),
        (hang_up(), b""),
    ],
)
async def test_sends_the_script(provider: FakeProvider, behaviour: Behaviour, wanted: bytes) -> None:
    provider.script(behaviour)
    assert await _answer(provider, GET) == wanted


async def test_reset_is_a_reset(provider: FakeProvider) -> None:
    provider.script(hang_up("rst"))
    with pytest.raises(ConnectionResetError):
        await _answer(provider, GET)


async def test_gate_lets_one_event_through_at_a_time(provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(stream([b"one", b"two"], gate=gate, framing="close"))
    async with _connected(provider) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        for word in (b"one", b"two"):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(pending := asyncio.ensure_future(reader.readexactly(3))), 0.02)
            gate.open()
            assert await pending == word


async def test_early_answer_does_not_wait_for_the_body(provider: FakeProvider) -> None:
    provider.script(early(b"no", 413))
    answer = await _answer(provider, b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nstart")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert not provider.only.complete


async def test_sees_the_peer_close(provider: FakeProvider) -> None:
    provider.script(stall())
    async with _connected(provider) as (_, writer):
        writer.write(GET)
        await provider.until(lambda: len(provider.requests) == 1)
    await provider.until(lambda: provider.open_connections == 0)
    assert provider.connections[0].peer_closed_by == "fin"
    assert provider.connections[0].peer_closed_at is not None


async def test_generated_body_is_of_the_size_asked(provider: FakeProvider) -> None:
    provider.script(generated(300_001))
    async with _connected(provider) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(300_001)
    assert body == (bytes(range(256)) * 1200)[:300_001]


async def test_closes_idle_connections(provider: FakeProvider) -> None:
    async with _connected(provider) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        provider.close_idle()
        await reader.read()
    assert provider.connections[0].peer_closed_at is None


async def test_speaks_tls(authority: Authority) -> None:
    trusted = authority.client_context()
    async with FakeProvider(tls=authority.server_context()) as provider, _connected(provider, trusted) as (reader, writer):
        writer.write(GET)
        assert (await reader.readline()) == OK
    assert provider.origin.startswith("https://127.0.0.1:")


async def test_speaks_ipv6() -> None:
    async with FakeProvider(host="::1") as provider:
        assert provider.origin.startswith("http://[::1]:")
        async with _connected(provider) as (reader, writer):
            writer.write(GET)
            assert (await reader.readline()) == OK


def test_runs_in_a_thread() -> None:
    with provider_in_thread() as provider:
        answer = call(provider.origin, "POST", "/v1/chat/completions", body={"model": "m"})
        provider.wait_until(lambda: provider.requests[0].complete)
        provider.script(echo)
        assert call(provider.origin, "POST", "/any", body=b"bytes").body == b"bytes"
    assert answer.json()["choices"][0]["message"]["content"] == dialects.TEXT
    assert provider.requests[0].json() == {"model": "m"}


@pytest.mark.parametrize(
    "target",
    ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/g:streamGenerateContent?alt=sse"],
)
def test_streams_in_the_dialect_of_the_path(target: str) -> None:
    answer = dialects.answer_for("POST", target, b'{"model":"m","stream":true}')
    assert answer.events is not None
    assert all(event.endswith((b"\n\n", b"\r\n\r\n")) for event in answer.events)


async def test_a_failing_script_fails_the_test() -> None:
    async def wrong(_: object) -> None:
        raise ValueError("wrong script")

    provider = await FakeProvider().start()
    provider.script(wrong)
    assert await _answer(provider, GET) == b""
    with pytest.raises(AssertionError, match="script failed"):
        await provider.stop()
