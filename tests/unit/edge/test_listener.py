"""One edge: it accepts when it has settings, applies what control sends, and drains."""

import asyncio
import socket
import time
from ipaddress import ip_network

import pytest
from fakes.edge import PEPPER, RunningEdge, gateway, request_bytes, runner, until
from fakes.link import FakeLink
from fakes.provider import FakeProvider, Gate, gated, reply, stall, stream

from gateway.edge import listener
from gateway.edge.listener import Edge
from gateway.kit.clock import SystemClock
from gateway.link.frames import Hello, Patch, Ready, Revoke, Revoked, Snapshot
from gateway.model.service import EdgeConfig, Timeouts

KEY = {"Authorization": "Bearer sk-x"}
TARGET = RunningEdge.native("open", "openai/x")


def serving(provider: FakeProvider, **config: object) -> RunningEdge:
    return RunningEdge(
        gateways=[gateway("open", authentication=False)], providers={"openai": provider.origin + "/v1"}, **config
    )


async def test_nothing_is_accepted_before_the_settings_came() -> None:
    link = FakeLink()
    edge = Edge(EdgeConfig(pepper=PEPPER), SystemClock(), link.connect, worker="w")
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    starting = asyncio.create_task(edge.start([sock]))
    await asyncio.sleep(0.02)
    assert not starting.done()
    assert not edge.ready
    link.deliver(Hello(1, "edge-1"), Snapshot(3, (), ()))
    await starting
    assert edge.ready
    assert link.sent == [Ready("w", 3)], "ready is said once it accepts"
    await edge.drain(0)
    assert not edge.ready


async def test_frames_from_control(provider: FakeProvider) -> None:
    async with serving(provider) as edge:
        edge.link.sent.clear()
        edge.link.deliver(Patch(2, gateways=(gateway("g2"),)), Revoke(b"d"))
        assert edge.link.sent == [Ready("worker-1", 2), Revoked(b"d")]
        edge.link.sent.clear()
        edge.link.deliver(Patch(9))
        assert edge.link.sent == [Ready("worker-1", 0)], "behind a gap it asks for everything"
        edge.link.deliver(Snapshot(12, (), ()))
        assert edge.link.sent[-1] == Ready("worker-1", 12)
        edge.link.deliver(Patch(11))
        assert edge.link.sent[-1] == Ready("worker-1", 12), "an older one is part of the snapshot already"
        assert (await edge.ask("POST", TARGET, KEY, b"{}")).status == 400


async def test_health(provider: FakeProvider) -> None:
    async with serving(provider) as edge:
        assert (await edge.ask("GET", "/livez")).json() == {"status": "ok"}
        assert (await edge.ask("GET", "/readyz")).json() == {"status": "ok", "settings_version": 1}
        assert (await edge.ask("HEAD", "/readyz")).body == b""
        edge.link.cut()
        degraded = (await edge.ask("GET", "/readyz")).json()
        assert degraded == {"status": "degraded", "reason": "control is not reachable", "settings_version": 1}
        await until(lambda: edge.edge.reporter.metrics.counts["other_requests|ops"] == 4)
        assert edge.records == []


async def test_draining_lets_streams_end(provider: FakeProvider) -> None:
    gate = Gate(1)
    provider.script(stream([b"data: 1\n\n", b"data: 2\n\n"], gate=gate))
    async with serving(provider) as edge, edge.client() as wire:
        await wire.send(request_bytes("POST", TARGET, KEY, b"{}"))
        head = await wire.head("POST")
        assert await wire.piece() == b"data: 1\n\n"
        draining = asyncio.create_task(edge.drain(30))
        await asyncio.sleep(0.05)
        with pytest.raises(ConnectionRefusedError):
            await edge.ask("GET", "/livez")
        gate.open_wide()
        assert (await wire.rest(head)).body == b"data: 2\n\n"
        await asyncio.wait_for(draining, 20)


async def test_draining_answers_what_is_under_way(provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(gated(gate, reply(b"late")))
    async with serving(provider) as edge, edge.client() as wire:
        await wire.send(request_bytes("POST", TARGET, KEY, b"{}"))
        await until(lambda: provider.requests)
        draining = asyncio.create_task(edge.drain(30))
        await asyncio.sleep(0.05)
        gate.open()
        answer = await wire.reply("POST")
        assert (answer.body, answer.header("connection")) == (b"late", "close")
        await asyncio.wait_for(draining, 20)


async def test_draining_ends_idle_connections(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "IDLE_GRACE_S", 0.1)
    async with serving(provider) as edge, edge.client() as wire:
        assert (await wire.ask("GET", "/livez")).status == 200
        draining = asyncio.create_task(edge.drain(30))
        assert await wire.ended()
        await asyncio.wait_for(draining, 20)


async def test_draining_has_an_end(provider: FakeProvider) -> None:
    """What outlasts the grace is cut visibly, and reported."""
    provider.script(stall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
    async with serving(provider) as edge, edge.client() as wire:
        await wire.send(request_bytes("POST", TARGET, KEY, b"{}"))
        head = await wire.head("POST")
        assert await wire.piece() == b"hello"
        started = time.monotonic()
        await edge.drain(0.1)
        assert time.monotonic() - started < 10
        with pytest.raises(AssertionError, match="cut after"):
            await wire.rest(head)
        (record,) = edge.records
        assert not record.success
        await until(lambda: provider.connections[0].closed)


async def test_drain_gives_records_and_connections_back(provider: FakeProvider) -> None:
    async with serving(provider, timeouts=Timeouts(upstream_keepalive_s=60)) as edge:
        await edge.ask("POST", TARGET, KEY, b"{}")
        await edge.quiet()
        await edge.drain(0)
        assert edge.edge.pool.open_connections == 0
        assert len(edge.records) == 1


async def test_a_proxy_of_ours_names_the_client_that_a_token_is_tied_to(provider: FakeProvider) -> None:
    """Every connection of this test comes from 127.0.0.1, which is a proxy only where the configuration says so."""
    tied = runner(ip_in=(ip_network("203.0.113.0/24"),))
    for trusted, status in (((), 401), (("127.0.0.1/32",), 200)):
        config = {"providers": {"openai": provider.origin + "/v1"}, "trusted_proxies": trusted}
        async with RunningEdge(gateways=[gateway("g1")], **config) as edge:
            headers = {"cf-aig-authorization": edge.admit(tied), "Authorization": "Bearer k", "X-Forwarded-For": "203.0.113.9"}
            assert (await edge.ask("POST", edge.native("g1", "openai/x"), headers, b"{}")).status == status
            headers["X-Forwarded-For"] = "203.0.113.9, 198.51.100.1"
            assert (await edge.ask("POST", edge.native("g1", "openai/x"), headers, b"{}")).status == 401
