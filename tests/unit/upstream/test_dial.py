"""Dialing: which addresses count as public, names that outlive their resolver, TLS that is really checked."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from fakes.authority import Authority
from fakes.clock import FakeClock
from fakes.wire import Peer, RawServer

from gateway.model.targets import Origin
from gateway.upstream import dial as dial_module
from gateway.upstream.dial import Dialer, is_public, tls_context
from gateway.upstream.port import Cause, Stage, UpstreamFailure

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "192.167.1.1", "100.63.0.1", "100.128.0.1", "11.0.0.1",
    "168.63.129.17",
    "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808",
]  # fmt: skip
NOT_PUBLIC = [
    # this host, this network (RFC 6890)
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "198.18.0.1", "192.0.2.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    # metadata services: the common one, Alibaba's, Oracle's, Azure's, Amazon's on IPv6
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
    # IPv6
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1", "2001:db8::1", "100::1",
    # IPv4 in disguise: mapped, compatible, translated, 6to4, Teredo, NAT64
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:192.0.0.192", "::127.0.0.1", "::169.254.169.254",
    "::ffff:0:127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:4136:e378:8000:63bf:5601:5601",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_a_custom_provider_may_not_have(address: str) -> None:
    assert not is_public(address)


def dialer(clock: FakeClock | None = None, tls: Any = tls_context, connect_s: float = 5.0) -> Dialer:
    return Dialer(clock or FakeClock(), tls, connect_s)


async def connected(dial: Dialer, origin: Origin, *, guarded: bool = False) -> None:
    """Dial and hang up."""
    protocol = await dial.dial(origin, lambda: Kept(), guarded=guarded)
    assert isinstance(protocol, Kept)
    assert protocol.transport is not None
    protocol.transport.close()
    await asyncio.wait_for(protocol.gone.wait(), 5)


class Kept(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


async def failed(dial: Dialer, origin: Origin, *, guarded: bool = False) -> Cause:
    with pytest.raises(UpstreamFailure) as failure:
        await dial.dial(origin, Kept, guarded=guarded)
    assert (failure.value.stage, failure.value.answered, failure.value.reused) == (Stage.DIAL, False, False)
    return failure.value.cause


async def idle(peer: Peer) -> None:
    await peer.gone()


# --- addresses ------------------------------------------------------------------------------------------


async def test_loopback_by_address_and_by_name() -> None:
    async with RawServer(idle) as server:
        await connected(dialer(), server.origin)
        await connected(dialer(), Origin("http", "localhost", server.port))


async def test_ipv6_loopback() -> None:
    async with RawServer(idle, host="::1") as server:
        await connected(dialer(), server.origin)


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    server = await asyncio.start_unix_server(lambda _, writer: writer.close(), path)
    await connected(dialer(), Origin("unix", path, 0))
    server.close()
    assert await failed(dialer(), Origin("unix", path + "x", 0)) is Cause.UNREACHABLE


async def test_a_refused_connection_is_unreachable() -> None:
    async with RawServer(idle) as server:
        origin = server.origin
    assert await failed(dialer(), origin) is Cause.UNREACHABLE


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f000001", "127.1", "::1", "::ffff:127.0.0.1"]
)
async def test_a_guarded_dial_reaches_no_private_address(host: str) -> None:
    async with RawServer(idle) as server:
        assert await failed(dialer(), Origin("http", host, server.port), guarded=True) is Cause.FORBIDDEN
        assert server.accepted == 0


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", ".", "a" * 300, "-", "no such host"])
async def test_names_that_are_none_are_unreachable(host: str) -> None:
    assert await failed(dialer(), Origin("http", host, 80)) is Cause.UNREACHABLE


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(idle) as server, RawServer(idle) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await connected(dialer(), server.origin)
        assert (server.accepted, proxy.accepted) == (1, 0)


# --- names ------------------------------------------------------------------------------------------------


class Resolver:
    """Stands in for the loop's getaddrinfo."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.error: Exception | None = None
        self.hangs = False
        self.asked = 0
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._getaddrinfo)

    async def _getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in self.addresses
        ]


NO_RESOLVER = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


async def test_answers_are_kept_for_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, clock = Resolver(monkeypatch, "127.0.0.1"), FakeClock()
    async with RawServer(idle) as server:
        origin, dial = Origin("http", "provider.example", server.port), dialer(clock)
        for _ in range(3):
            await connected(dial, origin)
            clock.advance(5.1)
        assert resolver.asked == 2
        assert server.accepted == 3


async def test_old_answers_serve_while_the_resolver_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, clock = Resolver(monkeypatch, "127.0.0.1"), FakeClock()
    async with RawServer(idle) as server:
        origin, dial = Origin("http", "provider.example", server.port), dialer(clock)
        await connected(dial, origin)
        resolver.error = NO_RESOLVER
        clock.advance(609)
        await connected(dial, origin)
        assert resolver.asked == 2
        clock.advance(2)
        assert await failed(dial, origin) is Cause.UNREACHABLE
        resolver.error = None
        await connected(dial, origin)


async def test_old_answers_serve_while_the_resolver_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "_PATIENCE_S", 0.01)
    resolver, clock = Resolver(monkeypatch, "127.0.0.1"), FakeClock()
    async with RawServer(idle) as server:
        origin, dial = Origin("http", "provider.example", server.port), dialer(clock)
        await connected(dial, origin)
        resolver.hangs = True
        clock.advance(60)
        await connected(dial, origin)
        await connected(dial, origin)
        assert resolver.asked == 2, "the hanging lookup is shared"


async def test_an_unknown_name_is_unreachable_and_a_hanging_resolver_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch)
    origin = Origin("http", "provider.example", 80)
    assert await failed(dialer(), origin) is Cause.UNREACHABLE
    resolver.error = NO_RESOLVER
    assert await failed(dialer(), origin) is Cause.UNREACHABLE
    resolver.hangs = True
    assert await failed(dialer(connect_s=0.01), origin) is Cause.TIMEOUT


async def test_concurrent_dials_share_one_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, "127.0.0.1")
    async with RawServer(idle) as server:
        origin, dial = Origin("http", "provider.example", server.port), dialer()
        await asyncio.gather(*(connected(dial, origin) for _ in range(10)))
        assert (resolver.asked, server.accepted) == (1, 10)


async def test_one_private_address_among_public_ones_forbids_a_guarded_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, "1.1.1.1", "169.254.169.254")
    assert await failed(dialer(), Origin("http", "rebinding.example", 80), guarded=True) is Cause.FORBIDDEN


async def test_a_name_that_turns_private_is_caught_at_the_next_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, clock = Resolver(monkeypatch, "127.0.0.1"), FakeClock()
    monkeypatch.setattr(dial_module, "is_public", lambda address: address == "127.0.0.1")
    async with RawServer(idle) as server:
        origin, dial = Origin("http", "rebinding.example", server.port), dialer(clock)
        await connected(dial, origin, guarded=True)
        resolver.addresses = ["127.0.0.2"]
        clock.advance(11)
        assert await failed(dial, origin, guarded=True) is Cause.FORBIDDEN


async def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(idle) as server:
        Resolver(monkeypatch, "::1", "127.0.0.1")  # nobody listens on the first
        await connected(dialer(), Origin("http", "provider.example", server.port))


# --- TLS ---------------------------------------------------------------------------------------------------


async def test_tls_against_our_own_authority(authority: Authority, tmp_path: Path) -> None:
    bundle = str(authority.write_bundle(tmp_path / "ca.pem"))
    async with RawServer(idle, tls=authority.server_context()) as server:
        for host in ("127.0.0.1", "localhost"):
            await connected(dialer(tls=lambda: tls_context(bundle)), Origin("https", host, server.port))


async def test_an_unknown_authority_is_refused(authority: Authority) -> None:
    async with RawServer(idle, tls=authority.server_context()) as server:
        assert await failed(dialer(), server.origin) is Cause.UNREACHABLE


async def test_a_wrong_name_is_refused(authority: Authority) -> None:
    async with RawServer(idle, tls=authority.server_context("provider.example")) as server:
        assert await failed(dialer(tls=authority.client_context), server.origin) is Cause.UNREACHABLE


async def test_plain_http_on_a_tls_port_is_refused(authority: Authority) -> None:
    async def banner(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with RawServer(banner) as server:
        assert (
            await failed(dialer(tls=authority.client_context), Origin("https", "127.0.0.1", server.port)) is Cause.UNREACHABLE
        )


async def test_a_handshake_that_hangs_is_a_timeout(authority: Authority) -> None:
    async with RawServer(idle) as server:
        dial = dialer(tls=authority.client_context, connect_s=0.05)
        assert await failed(dial, Origin("https", "127.0.0.1", server.port)) is Cause.TIMEOUT


def test_the_tls_context_checks_names_and_speaks_http_11() -> None:
    context = tls_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_the_context_is_made_once_and_only_when_needed(authority: Authority) -> None:
    made = []

    def make() -> ssl.SSLContext:
        made.append(authority.client_context())
        return made[-1]

    dial = dialer(tls=make)
    async with RawServer(idle) as plain, RawServer(idle, tls=authority.server_context()) as secure:
        await connected(dial, plain.origin)
        assert made == []
        await connected(dial, secure.origin)
        await connected(dial, secure.origin)
        assert len(made) == 1
