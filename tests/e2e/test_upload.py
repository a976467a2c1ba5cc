"""Request bodies: streamed as they come, answered early where they must be, and never done twice."""

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator

import pytest
from fakes.edge import ACCOUNT, RunningEdge, Wire, gateway, key, request_bytes, until
from fakes.provider import Exchange, FakeProvider, early, echo, reply
from fakes.service import call

from gateway.model.faults import Fault, Refusal, Source
from gateway.model.service import Limits, Timeouts

KEY = {"Authorization": "Bearer sk-x"}


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[
            gateway("g1"),
            gateway("open", authentication=False),
            gateway("default", keys=[key("openai", "sk-stored"), key("anthropic", "sk-ant")]),
        ],
        providers={"openai": provider.origin + "/v1", "anthropic": provider.origin},
        limits=Limits(body_bytes=60_000_000),
    ) as running:
        yield running


def target(gateway_id: str = "open") -> str:
    return RunningEdge.native(gateway_id, "openai/x")


async def pump(wire: Wire, total: int) -> None:
    """Send a body until it is whole or the other side has had enough."""
    piece = bytes(262_144)
    try:
        for _ in range(total // len(piece)):
            await wire.send(piece)
    except ConnectionError:
        return


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
async def test_a_body_arrives_as_it_was_sent(edge: RunningEdge, provider: FakeProvider, size: int) -> None:
    provider.always = echo
    body = random.Random(size).randbytes(size)
    async with edge.client() as wire:
        whole = await wire.ask("POST", target(), KEY, body)
        assert whole.body == body
        assert provider.requests[0].header("content-length") == str(size)
        chunks = [body[at : at + 40_000] for at in range(0, size, 40_000)]
        chunked = await wire.ask("POST", target(), KEY, chunks=chunks)
        assert chunked.body == body
        if size > 1_000_000:
            assert provider.requests[1].chunked, "its length was not known when its head had to leave"
    await until(lambda: len(edge.records) == 2)
    assert [record.request_size for record in edge.records] == [size, size]


async def test_get_and_delete_send_no_framing(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.always = reply(b"{}")
    for method in ("GET", "DELETE", "OPTIONS"):
        assert (await edge.ask(method, target(), KEY)).status == 200
    for seen in provider.requests:
        assert {"content-length", "transfer-encoding"}.isdisjoint(seen.names)


async def test_a_long_body_reaches_the_provider_while_it_arrives(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.always = echo
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), {**KEY, "Content-Length": "200000"}))
        sent = 0
        for size in (1, 70_000, 9_999, 120_000):
            await wire.send(bytes(size))
            sent += size
            await until(lambda wanted=sent: provider.requests and provider.only.size == wanted)
        assert len((await wire.reply("POST")).body) == 200_000


@pytest.mark.parametrize("chunked", [False, True])
async def test_on_rest_the_model_is_replaced_in_a_stream(edge: RunningEdge, provider: FakeProvider, chunked: bool) -> None:
    provider.always = echo
    headers = {"Authorization": f"Bearer {edge.admit()}"}
    text = b"x" * 300_000
    body = b'{"messages":["' + text + b'"],"model":"openai/gpt-4.1","n":["' + text + b'"]}'
    chunks = [body[at : at + 50_000] for at in range(0, len(body), 50_000)] if chunked else None
    answer = await edge.ask("POST", edge.rest("v1/chat/completions"), headers, None if chunked else body, chunks=chunks)
    assert answer.status == 200
    assert provider.only.body == body.replace(b"openai/gpt-4.1", b"gpt-4.1")
    assert provider.only.header("authorization") == "Bearer sk-stored"


# --- early answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_401_is_readable_during_a_large_upload(edge: RunningEdge, provider: FakeProvider, chunked: bool) -> None:
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "50000000"}
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target("g1"), {**KEY, **framing}) + (b"2FAF080\r\n" if chunked else b""))
        sending = asyncio.get_running_loop().create_task(pump(wire, 50_000_000))
        answer = await wire.reply("POST")
        assert (answer.status, answer.json()["internalCode"]) == (401, 2009)
        assert answer.header("connection") == "close"
        await sending
    assert provider.connections == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_413_is_readable_during_a_large_upload(edge: RunningEdge, provider: FakeProvider, chunked: bool) -> None:
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "70000000"}
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), {**KEY, **framing}) + (b"42C1D80\r\n" if chunked else b""))
        sending = asyncio.get_running_loop().create_task(pump(wire, 70_000_000))
        answer = await wire.reply("POST")
        assert (answer.status, answer.json()["internalCode"]) == (413, 2912)
        await sending
    assert all(not seen.complete for seen in provider.requests), "half a body is never ended as a whole one"


@pytest.mark.parametrize(("gateway_id", "size", "status"), [("g1", 50_000_000, 401), ("open", 70_000_000, 413)])
async def test_a_client_that_reads_only_after_sending_all(
    edge: RunningEdge, provider: FakeProvider, gateway_id: str, size: int, status: int
) -> None:
    """As blocking clients do: closing on them while they send would be a reset, and the answer lost."""
    origin, path = f"http://127.0.0.1:{edge.port}", target(gateway_id)
    for _ in range(3):
        answer = await asyncio.to_thread(call, origin, "POST", path, headers=KEY, body=bytes(size))
        assert answer.status == status


RATE_LIMITED = Fault("of_the_test", 429, 2003, "Rate limited", Source.GATEWAY, retry_after_s=1)


def limited(_: object) -> None:
    raise Refusal(RATE_LIMITED)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("why", "status"),
    [("rate limited", 429), ("rest", 401), ("control is down", 503), ("nobody's gateway", 400), ("no such provider", 400)],
)
async def test_any_refusal_is_readable_by_a_client_that_is_still_sending(
    edge: RunningEdge, provider: FakeProvider, why: str, status: int, chunked: bool
) -> None:
    """Whatever decides it, and however long the body would have been: an answer, then the end, and never a reset before it."""
    path, headers = target("g1"), {"cf-aig-authorization": f"Bearer {edge.admit()}"}
    if why == "rate limited":
        plans = dict(edge.edge.settings._plans)
        plans[ACCOUNT, "g1"] = dataclasses.replace(plans[ACCOUNT, "g1"], phases=(limited,))
        edge.edge.settings._plans = plans
    elif why == "rest":
        path, headers = edge.rest("v1/chat/completions"), {"Authorization": "Bearer agw_nothing"}
    elif why == "control is down":
        edge.link.cut()
    elif why == "nobody's gateway":
        path = target("nobody")
    else:
        path = edge.native("g1", "nobody/x")
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "50000000"}
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", path, {**headers, **framing}) + (b"2FAF080\r\n" if chunked else b""))
        await pump(wire, 49_807_360)  # as a blocking client does: nothing is read before nearly all is sent
        answer = await wire.reply("POST")
        assert answer.status == status
        assert answer.json()["success"] is False
    assert provider.connections == []


async def test_the_providers_early_answer_passes(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(early(b'{"error":"too large"}', 413))
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target(), {**KEY, "Content-Length": "20000000"}))
        sending = asyncio.get_running_loop().create_task(pump(wire, 20_000_000))
        answer = await wire.reply("POST")
        assert (answer.status, answer.body) == (413, b'{"error":"too large"}')
        await sending


async def test_a_body_that_stops_arriving_is_a_408(provider: FakeProvider) -> None:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)],
        providers={"openai": provider.origin},
        timeouts=Timeouts(client_body_s=0.2),
    ) as edge:
        for length in ("10", "100000"):
            async with edge.client() as wire:
                await wire.send(request_bytes("POST", target(), {**KEY, "Content-Length": length}) + b"half")
                answer = await wire.reply("POST")
                assert (answer.status, answer.json()["internalCode"]) == (408, 2914)
                assert await wire.ended()
        await until(lambda: all(connection.closed for connection in provider.connections))
        assert all(not seen.complete for seen in provider.requests)


# --- Expect -------------------------------------------------------------------------------------


async def test_a_client_that_asks_first_hears_of_a_refusal_at_once(edge: RunningEdge, provider: FakeProvider) -> None:
    expecting = {**KEY, "Expect": "100-continue", "Content-Length": "50000000"}
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target("g1"), expecting))
        answer = await wire.reply("POST")
        assert answer.status == 401, "no 100 before it"
        assert answer.header("connection") == "close"
    assert provider.connections == []


@pytest.mark.parametrize("length", [5, 100_000])
async def test_a_client_that_asks_first_is_told_to_go_on(edge: RunningEdge, provider: FakeProvider, length: int) -> None:
    provider.always = echo
    expecting = {**KEY, "Expect": "100-continue", "Content-Length": str(length)}
    expecting["cf-aig-authorization"] = f"Bearer {edge.admit()}"
    async with edge.client() as wire:
        await wire.send(request_bytes("POST", target("g1"), expecting))
        assert (await wire.head("POST")).status == 100
        await wire.send(bytes(length))
        answer = await wire.reply("POST")
        assert (answer.status, len(answer.body)) == (200, length)
    assert "expect" not in provider.only.names


async def test_no_100_for_a_body_that_is_there_already(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.always = echo
    async with edge.client() as wire:
        answer = await wire.ask("POST", target(), {**KEY, "Expect": "100-continue"}, b"here")
        assert (answer.status, answer.body) == (200, b"here")


# --- never twice --------------------------------------------------------------------------------


async def test_the_idle_close_race_fails_nobody_and_doubles_nothing(edge: RunningEdge, provider: FakeProvider) -> None:
    """The provider closes pooled connections in the very moment they are used again."""
    chance = random.Random(7)
    done: list[bytes] = []

    async def answer(exchange: Exchange) -> None:
        body = await exchange.body()
        if len(exchange.provider.connections[exchange.received.connection].requests) > 1 and chance.random() < 0.3:
            exchange.cut(chance.choice(["fin", "rst"]))  # before anything is done
            return
        done.append(body)
        await exchange.head(200, [], framing="length", length=len(body))
        await exchange.part(body)
        if chance.random() < 0.3:
            exchange.cut("fin")  # without having announced it

    provider.always = answer

    async def client(number: int) -> None:
        async with edge.client() as wire:
            for turn in range(200):
                body = b"%d-%d" % (number, turn)
                got = await wire.ask("POST", target(), KEY, body)
                assert (got.status, got.body) == (200, body)

    await asyncio.gather(*(client(number) for number in range(5)))
    assert len(done) == len(set(done)) == 1000
    assert edge.counters["events|upstream_retries"] > 0


async def test_a_body_that_is_not_kept_leaves_once_on_a_fresh_connection(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(reply(b"first"))

    async def cut(exchange: Exchange) -> None:
        await exchange.body()
        exchange.cut("fin")

    async with edge.client() as wire:
        assert (await wire.ask("POST", target(), KEY, b"{}")).body == b"first"
        provider.script(cut)
        await wire.send(request_bytes("POST", target(), KEY, bytes(1_048_577)))
        answer = await wire.reply("POST")
        assert (answer.status, answer.json()["internalCode"]) == (502, 2005)
    assert [seen.connection for seen in provider.requests] == [0, 1]


async def test_an_answer_that_began_is_never_tried_again(edge: RunningEdge, provider: FakeProvider) -> None:
    async def half_a_head(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-")
        await asyncio.sleep(0.05)
        exchange.cut("fin")

    async with edge.client() as wire:
        provider.script(reply(b"first"), half_a_head)
        assert (await wire.ask("POST", target(), KEY, b"{}")).body == b"first"
        assert (await wire.ask("POST", target(), KEY, b"{}")).status == 502
    assert len(provider.requests) == 2
