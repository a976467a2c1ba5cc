"""The client's side on a real socket: garbage is refused shortly, and no byte is ever taken for another request's."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp.web_protocol import RequestHandler
from fakes.edge import RunningEdge, gateway, request_bytes, until
from fakes.provider import Exchange, FakeProvider, Gate, gated, reply, stream

from gateway.edge.clients import Clients
from gateway.edge.doors import public_door
from gateway.edge.downstream import Downstream, EdgeServer
from gateway.link.frames import Patch, Revoke
from gateway.model.service import EdgeConfig, Limits, Timeouts

KEY = {"Authorization": "Bearer sk-x"}
MARK = "canary-in-the-request"


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False), gateway("g1")], providers={"openai": provider.origin + "/v1"}
    ) as running:
        provider.always = tell
        yield running


async def tell(exchange: Exchange) -> None:
    """Answer with what arrived: method, target, body."""
    body = await exchange.body()
    await reply(f"{exchange.received.method} {exchange.received.target} ".encode() + body)(exchange)


def target(name: str = "x") -> str:
    return RunningEdge.native("open", f"openai/{name}")


GARBAGE = [
    f"{MARK}\r\n\r\n",
    f"GET /v1/{MARK}\r\n\r\n",
    f"GET /v1/{MARK} HTTP/2.0\r\nHost: a\r\n\r\n",
    f"GET /v1/{MARK} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    f"GET /v1/{MARK} HTTP/1.1\r\nHost: a b\r\n\r\n",
    f"GET /v1/{MARK} HTTP/1.1\r\nHost : a\r\n\r\n",
    f"GET /v1/{MARK} HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
    f"GET /v1/{MARK} HTTP/1.1\r\nHost: a\r\nX{MARK}\r\n\r\n",
    f"GET /v1/{MARK} HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    f"GET ftp://evil/{MARK} HTTP/1.1\r\nHost: a\r\n\r\n",
    f"GET {MARK} HTTP/1.1\r\nHost: a\r\n\r\n",
    f"POST /v1/{MARK} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    f"POST /v1/{MARK} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    f"POST /v1/{MARK} HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
    f"POST /v1/{MARK} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    f"POST /v1/{MARK} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]


PARSER_ERRORS = ("BadHttpMessage", "BadStatusLine", "BadHttpMethod", "InvalidHeader", "InvalidURLError", "LineTooLong")


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_is_a_short_400(
    edge: RunningEdge, provider: FakeProvider, garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with edge.client() as wire:
        await wire.send(garbage.encode("latin-1"))
        answer = await wire.reply()
        assert answer.status == 400
        assert answer.json()["success"] is False
        assert answer.header("connection") == "close"
        assert MARK not in answer.body.decode()
        assert await wire.ended(), "one answer, then the end"
    assert provider.connections == []
    assert MARK not in caplog.text
    assert [line for line in caplog.records if line.levelname in ("WARNING", "ERROR")] == []


async def test_a_flood_of_garbage_is_a_few_lines(edge: RunningEdge, caplog: pytest.LogCaptureFixture) -> None:
    """One line each, without traceback or input, and of many only a sample: ten a second."""
    caplog.set_level("DEBUG")
    begun = time.monotonic()
    for _ in range(10):
        for garbage in GARBAGE:
            async with edge.client() as wire:
                await wire.send(garbage.encode("latin-1"))
                assert (await wire.reply()).status == 400
    seconds = int(time.monotonic() - begun) + 2
    told = [line for line in caplog.records if line.name == "gateway.edge" and "refused" in line.getMessage()]
    assert 10 <= len(told) <= 10 * seconds
    assert all(line.levelname == "INFO" and line.exc_info is None for line in told)
    assert MARK not in caplog.text
    assert {line.getMessage().partition(";")[0] for line in told} <= {
        "request refused: malformed_request",
        "request refused: bad_path",
        *(f"request refused by the parser: {name}" for name in PARSER_ERRORS),
    }


async def test_garbage_behind_a_good_request(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        assert (await wire.ask("POST", target(), KEY, b"{}")).status == 200
        await wire.send(b"garbage\r\n\r\n")
        assert (await wire.reply()).status == 400
        assert await wire.ended()
    assert len(provider.requests) == 1


async def test_a_broken_chunk_ends_the_request_there(edge: RunningEdge, provider: FakeProvider) -> None:
    head = request_bytes("POST", target(), {**KEY, "Transfer-Encoding": "chunked"})
    async with edge.client() as wire:
        await wire.send(head + b"5\r\nhello\r\n")
        await until(lambda: provider.requests)
        await wire.send(b"zz\r\n")
        answers = 0
        try:
            answers += (await wire.reply("POST")).status == 400
        except (AssertionError, asyncio.IncompleteReadError, ConnectionError):
            answers += 1
        assert answers == 1
        assert await wire.ended()
    assert not provider.only.complete


FLOODS = {
    "one extension": [b"1;" + b"e" * 60_000, *[b"e" * 60_000] * 4],
    "many extensions": [(b"1;" + b"e" * 5000 + b"\r\nz\r\n") * 10] * 4,
    "zeros": [b"0" * 60_000] * 4,
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_chunk_framing_may_not_outgrow_the_body(edge: RunningEdge, provider: FakeProvider, flood: str) -> None:
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), {**KEY, "Transfer-Encoding": "chunked"}))
        for piece in FLOODS[flood]:
            await wire.send(piece)
            await asyncio.sleep(0.005)
        assert (await wire.reply("POST")).status == 400
        assert await wire.ended()
    assert not any(seen.complete for seen in provider.requests)


async def test_small_chunks_are_no_flood(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        for _ in range(2):
            answer = await wire.ask("POST", target(), KEY, chunks=[b"z"] * 60_000)
            assert answer.body == told("x", b"z" * 60_000)


TRAILERS = [
    b"0\r\nX-Evil: 1\r\n\r\n",
    b"0\r\nAuthorization: evil\r\n\r\n",
    b"0\r\nX-Evil: 0\r\n\r\n",
    b"0;x=y\r\nX-Evil: 1\r\n\r\n",
]


@pytest.mark.parametrize("end", TRAILERS)
@pytest.mark.parametrize("behind", ["together", "later", "under way", "after the answer"])
async def test_a_trailer_never_becomes_the_next_requests_field(
    edge: RunningEdge, provider: FakeProvider, end: bytes, behind: str
) -> None:
    """aiohttp's parser puts the last trailer in front of the next head, so nothing is read behind trailers."""
    first = request_bytes("POST", target(), {**KEY, "Transfer-Encoding": "chunked"}) + b"1\r\nz\r\n" + end
    second = request_bytes("POST", target("y"), KEY, b"other")
    gate = Gate()
    if behind == "under way":
        provider.script(gated(gate, tell))
    async with edge.client() as wire:
        for piece in {"together": [first + second], "after the answer": [first]}.get(behind, [first, second]):
            await wire.send(piece)
            await asyncio.sleep(0.01)
        gate.open()
        assert (await wire.reply("POST")).body == told("x", b"z")
        if behind == "after the answer":
            await wire.send(second)  # would be answered with a reset if the connection were closed both ways
            await asyncio.sleep(0.01)
            await wire.send(second)
        assert await wire.ended()
    assert len(provider.requests) == 1


async def test_a_chunked_request_without_trailers_leaves_the_connection_fit(edge: RunningEdge, provider: FakeProvider) -> None:
    head = request_bytes("POST", target(), {**KEY, "Transfer-Encoding": "chunked"})
    async with edge.client() as wire:
        for pieces in (
            [head + b"1\r\nz\r\n0\r\n\r\n"],
            [head, b"1\r\nz\r\n", b"0\r\n\r\n"],
            [head + b"1\r\nz\r", b"\n0", b"\r\n\r", b"\n"],
        ):
            for piece in pieces:
                await wire.send(piece)
                await asyncio.sleep(0.005)
            assert (await wire.reply("POST")).body == told("x", b"z")
    assert len(provider.requests) == 3


async def test_a_broken_chunk_in_a_queued_request_ends_the_connection(edge: RunningEdge, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(gated(gate, reply(b"slow")))
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), KEY, b"first"))
        await wire.send(request_bytes("POST", target("y"), {**KEY, "Transfer-Encoding": "chunked"}) + b"1\r\nz\r\n")
        await asyncio.sleep(0.01)
        await wire.send(b"zz\r\n")
        await asyncio.sleep(0.01)
        gate.open()
        assert (await wire.reply("POST")).body == b"slow"
        assert (await wire.reply("POST")).status == 400
        assert await wire.ended()
    assert not any(seen.complete for seen in provider.requests if seen.path.endswith("/y"))


async def test_a_chunk_that_breaks_behind_a_whole_one_is_told_at_once(edge: RunningEdge, provider: FakeProvider) -> None:
    """Both in one read: the body's reader is woken by the chunk's end and must not miss the error."""
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), {**KEY, "Transfer-Encoding": "chunked"}) + b"1\r\nz\r")
        await until(lambda: provider.requests)
        await wire.send(b"\n0\r\nX: \x00\r\n\r\n")
        assert (await wire.reply("POST")).status == 400
        assert await wire.ended()
    assert not provider.only.complete


async def test_a_refusal_reaches_a_client_that_still_sends(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), {**KEY, "Transfer-Encoding": "chunked"}) + b"zz\r\n")
        for _ in range(20):
            await wire.send(b"x" * 60_000)
        assert (await wire.reply("POST")).status == 400
        assert await wire.ended()


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["x", "../x"])
async def test_behind_a_head_that_is_not_read_nothing_is(edge: RunningEdge, method: str, path: str) -> None:
    async with edge.client() as wire:
        refused = await wire.ask(method if path == "x" else "GET", target(path), KEY)
        assert refused.status in (400, 405)
        assert refused.header("connection") == "close"
        assert await wire.ended()


async def test_an_answer_of_our_own_ends_a_connection_with_an_unread_body(edge: RunningEdge) -> None:
    async with edge.client() as wire:
        answer = await wire.ask("GET", "/livez", {"Expect": "100-continue", "Content-Length": "5"})
        assert (answer.status, answer.header("connection")) == (200, "close")


# --- a repeated head ------------------------------------------------------------------------------------


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes through aiohttp's parser."""
    seen: list[bytes] = []
    parsed = RequestHandler.data_received
    monkeypatch.setattr(RequestHandler, "data_received", lambda self, data: (data and seen.append(data), parsed(self, data))[1])
    return seen


def told(name: str, body: bytes) -> bytes:
    return f"POST /v1/{name} ".encode() + body


async def test_a_repeated_head_is_a_request_of_its_own(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        for body in (b"one", b"two", b"", b"three" * 4000, b"4"):
            answer = await wire.ask("POST", target(), KEY, body)
            assert answer.body == told("x", body)
    await until(lambda: len(edge.records) == 5)
    assert len({record.id for record in edge.records}) == 5
    assert [record.request_size for record in edge.records] == [3, 3, 0, 20_000, 1]


async def test_a_head_is_known_on_every_connection_until_nobody_uses_it(
    edge: RunningEdge, provider: FakeProvider, fed: list[bytes]
) -> None:
    assert edge.edge._server is not None
    memory = edge.edge._server.memory
    async with edge.client() as first, edge.client() as second, edge.client() as third:
        for wire, body in ((first, b"one"), (second, b"two"), (first, b""), (third, b"three")):
            assert (await wire.ask("POST", target(), KEY, body)).body == told("x", body)
        assert (len(fed), len(memory)) == (1, 1), "parsed once for all"
        other = {**KEY, "User-Agent": "other/1"}
        assert (await second.ask("POST", target(), other, b"2")).body == told("x", b"2")
        assert (await third.ask("POST", target(), other, b"3")).body == told("x", b"3")
        assert (len(fed), len(memory)) == (2, 2)
        memory.sweep()
        assert (await first.ask("POST", target(), KEY, b"4")).body == told("x", b"4")
        memory.sweep()
        assert (len(fed), len(memory)) == (2, 1), "what was used lately is kept"
        memory.sweep()
        assert (len(memory), memory.held_bytes) == (0, 0)
        assert (await first.ask("POST", target(), KEY, b"5")).body == told("x", b"5")
        assert (len(fed), len(memory)) == (3, 1)


async def test_any_client_on_any_connection_with_ids_of_its_own(
    edge: RunningEdge, provider: FakeProvider, fed: list[bytes]
) -> None:
    """As behind a balancer, that mixes its clients' requests on the connections it keeps to us."""
    clients = [{**KEY, "Authorization": f"Bearer sk-{number}", "User-Agent": f"kind-{number % 3}"} for number in range(9)]
    async with edge.client() as one, edge.client() as two:
        for turn in range(4):
            for number, client in enumerate(clients):
                headers = {**client, "X-Request-Id": f"{turn}/{number}", **({"X-Extra": "1"} if turn % 2 else {})}
                wire = one if (turn + number) % 2 else two
                assert (await wire.ask("POST", target(), headers, b"%d" % number)).body == told("x", b"%d" % number)
                got = provider.requests[-1]
                assert (got.header("authorization"), got.header("x-request-id"), got.header("x-extra")) == (
                    client["Authorization"],
                    f"{turn}/{number}",
                    "1" if turn % 2 else None,
                )
    assert len(fed) == len(clients), "each client's first request is parsed, no other"


async def test_a_known_head_with_a_body_that_comes_later(edge: RunningEdge, provider: FakeProvider) -> None:
    """The length of the body is the request's own, whatever the known head had."""
    async with edge.client() as wire:
        assert (await wire.ask("POST", target(), KEY, b"x" * 5)).status == 200
        for size, number in ((70_000, 1), (3, 2), (300_000, 3), (0, 4)):
            body = b"%d" % number * size
            data = request_bytes("POST", target(), {**KEY, "X-Request-Id": str(number)}, body)
            for piece in (data[:200], data[200:1000], data[1000:]) if size > 3 else (data,):
                await wire.send(piece)
                await asyncio.sleep(0.01)
            assert (await wire.reply("POST")).body == told("x", body)
            assert provider.requests[-1].header("x-request-id") == str(number)


async def test_a_known_head_that_waits_in_line_is_not_forgotten(edge: RunningEdge, provider: FakeProvider) -> None:
    """It came behind a request that takes long, and its body is not whole: the memory may let go of it meanwhile."""
    assert edge.edge._server is not None
    gate = Gate()
    async with edge.client() as wire:
        assert (await wire.ask("POST", target(), KEY, b"first")).status == 200
        provider.script(gated(gate, reply(b"slow")))
        await wire.send(request_bytes("POST", target(), KEY, b"second"))
        await until(lambda: len(provider.requests) == 2)
        third = request_bytes("POST", target(), KEY, b"third")
        await wire.send(third[:-2])
        (connection,) = edge.edge._server.connections
        await until(lambda: connection._messages)  # type: ignore[attr-defined]
        for _ in range(3):
            edge.edge._server.memory.sweep()
        assert len(edge.edge._server.memory) == 0
        gate.open()
        assert (await wire.reply("POST")).body == b"slow"
        await wire.send(third[-2:])
        assert (await wire.reply("POST")).body == told("x", b"third")
    assert provider.requests[-1].header("authorization") == KEY["Authorization"]


async def test_a_length_that_was_refused_says_nothing_of_the_next(provider: FakeProvider) -> None:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)],
        providers={"openai": provider.origin + "/v1"},
        limits=Limits(body_bytes=1000),
    ) as edge:
        for body, status in ((b"x" * 1001, 413), (b"x" * 10, 200), (b"x" * 1001, 413), (b"x" * 1000, 200)):
            async with edge.client() as wire:
                assert (await wire.ask("POST", target(), KEY, body)).status == status


@pytest.mark.parametrize("path", ["openai/chat/completions", "compat/chat/completions"])
async def test_ids_that_vary_cross_without_another_parsing(
    edge: RunningEdge, provider: FakeProvider, fed: list[bytes], path: str
) -> None:
    async with edge.client() as wire:
        for number in (1, 2, 30, 4, 4, 1, 5):
            if number == 5:  # the plans of settings that changed are worked out anew
                edge.link.deliver(Patch(2, gateways=(gateway("open", authentication=False, collect_logs=False),)))
            headers = {**KEY, "X-Request-Id": f"id-{number}", "traceparent": f"00-{number}"}
            body = b'{"model":"openai/gpt-4o","pad":"%b"}' % (b"x" * number)
            assert (await wire.ask("POST", RunningEdge.native("open", path), headers, body)).status == 200
            got = provider.requests[-1]
            assert (got.header("x-request-id"), got.header("traceparent")) == (f"id-{number}", f"00-{number}")
            assert got.header("authorization") == KEY["Authorization"]
            assert got.body.endswith(b'"%b"}' % (b"x" * number))
    assert len(fed) == 1


@pytest.mark.parametrize("length", ["{}", "{} ", "{}\t", "  {}", "00{}"])
@pytest.mark.parametrize("apart", ["together", "head first", "byte by byte", "two halves"])
async def test_a_body_is_never_taken_for_a_request(edge: RunningEdge, provider: FakeProvider, length: str, apart: str) -> None:
    """However the client's writes fall, and however it spells the length: the parser's reading is the only one."""
    smuggled = request_bytes("GET", target("smuggled"), KEY)
    head = request_bytes("POST", target(), {**KEY, "Content-Length": length.format(len(smuggled))})
    both = head + smuggled
    pieces = {
        "together": [both],
        "head first": [head, smuggled],
        "byte by byte": [both[at : at + 1] for at in range(len(both))],
        "two halves": [both[: len(both) // 2], both[len(both) // 2 :]],
    }[apart]
    async with edge.client() as wire:
        for order in ([both], pieces, pieces, [both], pieces):
            for piece in order:
                await wire.send(piece)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert (await wire.reply("POST")).body == told("x", smuggled)
    assert {seen.path for seen in provider.requests} == {"/v1/x"}
    assert len(provider.requests) == 5


async def test_empty_lines_before_a_request_do_not_shift_it(edge: RunningEdge, provider: FakeProvider) -> None:
    """Legal, ignored (RFC 9112 section 2.2), and no reason to lose count: the length is chosen to fit a wrong one."""
    for _ in range(2):
        head = b""
        for size in range(40, 400):  # the body's announced length equals all that the first read holds, less the empty line
            head = b"\r\n\r\n" + request_bytes("POST", target(), {**KEY, "Content-Length": str(size)})
            if size == len(head) - 4 + 10:
                break
        async with edge.client() as wire:
            await wire.send(head + b"0123456789")
            await asyncio.sleep(0.02)
            await wire.send(b"\r\n\r\n")
            await asyncio.sleep(0.02)
            await wire.send(bytes(size - 14))
            assert len((await wire.reply("POST")).body) == len(told("x", b"")) + size
    assert len(provider.requests) == 2


async def test_other_requests_between_repeats(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        for turn in range(30):
            name = "xyz"[turn % 3]
            if turn % 5 == 4:
                assert (await wire.ask("POST", target(name), KEY, chunks=[b"a", b"b"])).body == told(name, b"ab")
            elif turn % 7 == 6:
                assert (await wire.ask("GET", target(name), KEY)).body == f"GET /v1/{name} ".encode()
            else:
                body = b"b" * turn
                assert (await wire.ask("POST", target(name), KEY, body)).body == told(name, body)
    assert len(provider.requests) == 30


async def test_pipelined_repeats(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        assert (await wire.ask("POST", target(), KEY, b"first")).status == 200
        bodies = [b"body-%d" % number for number in range(20)]
        for body in bodies:
            await wire.send(request_bytes("POST", target(), KEY, body))
            await asyncio.sleep(0)
        await wire.send(b"".join(request_bytes("POST", target(), KEY, body) for body in bodies))
        for body in bodies * 2:
            assert (await wire.reply("POST")).body == told("x", body)
    assert len(provider.requests) == 41


async def test_repeats_while_one_is_under_way(edge: RunningEdge, provider: FakeProvider) -> None:
    gate = Gate()
    async with edge.client() as wire:
        assert (await wire.ask("POST", target(), KEY, b"first")).status == 200
        provider.script(gated(gate, reply(b"slow")))
        for number in range(4):
            await wire.send(request_bytes("POST", target(), KEY, b"%d" % number))
            await asyncio.sleep(0.01)
        assert len(provider.requests) == 2, "one after the other"
        gate.open()
        assert (await wire.reply("POST")).body == b"slow"
        for number in range(1, 4):
            assert (await wire.reply("POST")).body == told("x", b"%d" % number)


async def test_a_repeat_is_judged_afresh(edge: RunningEdge, provider: FakeProvider) -> None:
    """Token, gateway and settings are looked at on each request, however alike they look."""
    token = edge.admit()
    headers = {**KEY, "cf-aig-authorization": f"Bearer {token}"}
    async with edge.client() as wire:
        ask = ("POST", edge.native("g1", "openai/x"), headers, b"{}")
        assert (await wire.ask(*ask)).status == 200
        assert (await wire.ask(*ask)).status == 200
        del edge.link.principals[edge.digest(token)]
        edge.link.deliver(Revoke(edge.digest(token)))
        assert (await wire.ask(*ask)).status == 401
        edge.link.deliver(Patch(2, gateways=(gateway("g1", authentication=False),)))
        assert (await wire.ask(*ask)).status == 200
        edge.link.deliver(Patch(3, removed=((gateway("g1").gateway.account_id, "g1"),)))
        assert (await wire.ask(*ask)).status == 400


async def test_versions_are_not_mixed_up(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.always = stream([b"x"])
    async with edge.client() as wire:
        headers = {**KEY, "Connection": "keep-alive"}
        new = await wire.ask("POST", target(), headers, b"{}")
        assert new.header("transfer-encoding") == "chunked"
        old = await wire.ask("POST", target(), headers, b"{}", version="1.0")
        assert old.header("transfer-encoding") is None
        assert await wire.ended()


async def test_h2c_offers_are_ignored(edge: RunningEdge, provider: FakeProvider) -> None:
    """Some clients offer HTTP/2 on every plain connection (RFC 9110 section 7.8: a server may ignore it)."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    async with edge.client() as wire:
        answer = await wire.ask("POST", target(), {**KEY, **offer}, b"one")
        assert (answer.body, answer.header("connection")) == (told("x", b"one"), "close")
        assert await wire.ended()
    assert {"upgrade", "http2-settings", "connection"}.isdisjoint(provider.requests[0].names)


async def test_behind_an_offer_nothing_is_read(edge: RunningEdge, provider: FakeProvider) -> None:
    """The parser gives up what follows it in the same read: the rest of a head would be lost, and its body taken for a
    request."""
    smuggled = request_bytes("GET", target("smuggled"), KEY)
    both = 2 * request_bytes("POST", target(), {**KEY, "Connection": "Upgrade", "Upgrade": "h2c"}, smuggled)
    end = both.rindex(b"\r\n\r\n", 0, len(both) - len(smuggled))
    async with edge.client() as wire:
        for piece in (both[:end], both[end:]):
            await wire.send(piece)
            await asyncio.sleep(0.05)
        assert (await wire.reply("POST")).body == told("x", smuggled)
        assert await wire.ended()
    assert [received.method for received in provider.requests] == ["POST"]


async def test_idle_connections_are_closed() -> None:
    async with RunningEdge(timeouts=Timeouts(keepalive_s=0.2)) as edge, edge.client() as wire:
        assert (await wire.ask("GET", "/livez")).status == 200
        assert await wire.ended()


class Reader:
    """A transport whose client takes what a test says, wait by wait."""

    def __init__(self, *left: int) -> None:
        self.left = list(left)

    def get_write_buffer_size(self) -> int:
        return self.left.pop(0)

    def close(self) -> None:
        """There is no socket."""


@pytest.fixture
async def full() -> Downstream:
    """A connection whose client has not taken what was written."""
    server = EdgeServer(
        lambda request: None, limits=Limits(header_bytes=1), clients=Clients(()), door=public_door(EdgeConfig()), head_s=1
    )
    downstream = Downstream(server, loop=asyncio.get_running_loop())
    downstream.pause_writing()
    return downstream


async def test_a_slow_reader_is_waited_for_as_long_as_it_reads(full: Downstream) -> None:
    full.transport = Reader(900, 600, 300, 299, 299)  # type: ignore[assignment]
    with pytest.raises(TimeoutError):
        await full.drained(0.01)
    assert full.transport.left == []  # type: ignore[union-attr]


async def test_a_reader_that_catches_up_ends_the_wait(full: Downstream) -> None:
    full.transport = Reader(900, 600, 0)  # type: ignore[assignment]
    waiting = asyncio.ensure_future(full.drained(60))
    await asyncio.sleep(0)
    full.resume_writing()
    await waiting
    await full.drained(60)  # nothing to wait for any more


async def test_a_reader_that_leaves_ends_the_wait(full: Downstream) -> None:
    full.transport = Reader(900, 900)  # type: ignore[assignment]
    waiting = asyncio.ensure_future(full.drained(60))
    await asyncio.sleep(0)
    full.connection_lost(OSError("gone"))
    with pytest.raises(ConnectionError):
        await waiting
    with pytest.raises(ConnectionError):
        await full.drained(60)
