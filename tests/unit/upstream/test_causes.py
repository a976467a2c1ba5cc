"""Each way a provider can fail, made for real where that is possible, has one word."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from fakes.authority import Authority
from fakes.clock import FakeClock
from fakes.wire import Peer, RawServer

from gateway.model.causes import UPSTREAM_CAUSES
from gateway.model.targets import Origin
from gateway.upstream.causes import cause_of
from gateway.upstream.dial import Dialer, tls_context
from gateway.upstream.port import Cause, Stage, UpstreamFailure


def failure(cause: Cause, behind: BaseException | None = None, stage: Stage = Stage.DIAL) -> UpstreamFailure:
    made = UpstreamFailure(stage, cause)
    made.__cause__ = behind
    return made


def untrusted(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


ROWS: list[tuple[UpstreamFailure, str]] = [
    (failure(Cause.UNREACHABLE, socket.gaierror(-2, "Name or service not known")), "dns"),
    (failure(Cause.UNREACHABLE, UnicodeError("label too long")), "dns"),
    (failure(Cause.UNREACHABLE, ConnectionRefusedError()), "refused"),
    (failure(Cause.UNREACHABLE, OSError(errno.ECONNREFUSED, "all addresses")), "refused"),
    (failure(Cause.UNREACHABLE, OSError(errno.EHOSTUNREACH, "no route")), "unreachable"),
    (failure(Cause.UNREACHABLE, OSError("Multiple exceptions")), "unreachable"),
    (failure(Cause.UNREACHABLE, RuntimeError()), "unreachable"),
    (failure(Cause.UNREACHABLE), "unreachable"),
    (failure(Cause.UNREACHABLE, OSError(errno.EMFILE, "too many open files")), "descriptors"),
    (failure(Cause.UNREACHABLE, untrusted(10)), "certificate_expired"),
    (failure(Cause.UNREACHABLE, untrusted(18)), "certificate"),
    (failure(Cause.UNREACHABLE, untrusted(62)), "certificate"),
    (failure(Cause.UNREACHABLE, ssl.SSLError(1, "wrong version number")), "tls"),
    (failure(Cause.UNREACHABLE, ConnectionAbortedError()), "tls"),
    (failure(Cause.UNREACHABLE, ConnectionResetError()), "reset"),
    (failure(Cause.TIMEOUT), "connect_timeout"),
    (failure(Cause.TIMEOUT, stage=Stage.HEAD), "timeout"),
    (failure(Cause.TIMEOUT, stage=Stage.BODY), "timeout"),
    (failure(Cause.LOST, ConnectionResetError(), Stage.HEAD), "reset"),
    (failure(Cause.LOST, BrokenPipeError(), Stage.SEND), "reset"),
    (failure(Cause.LOST, None, Stage.BODY), "closed"),
    (failure(Cause.LOST, ssl.SSLError(1, "bad record"), Stage.BODY), "tls"),
    (failure(Cause.BROKEN, stage=Stage.HEAD), "not_http"),
    (failure(Cause.BUSY), "busy"),
    (failure(Cause.FORBIDDEN), "forbidden_address"),
]


@pytest.mark.parametrize(("failed", "word"), ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_each_failure_has_its_word(failed: UpstreamFailure, word: str) -> None:
    assert cause_of(failed) == word


def test_every_word_is_said_here_and_in_words() -> None:
    assert {word for _, word in ROWS} == set(UPSTREAM_CAUSES)


async def dialled(origin: Origin, tls: Callable[[], ssl.SSLContext] = tls_context) -> str:
    dialer = Dialer(FakeClock(), tls, 20.0)
    with pytest.raises(UpstreamFailure) as failed:
        await dialer.dial(origin, asyncio.Protocol, guarded=False)
    return cause_of(failed.value)


async def speaks_no_tls(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await peer.gone()


async def waits(peer: Peer) -> None:
    await peer.gone()


async def test_what_real_sockets_say(authority: Authority) -> None:
    async with RawServer(waits) as server:
        refused = server.origin
    assert await dialled(refused) == "refused"
    assert await dialled(Origin("http", "localhost", refused.port)) == "refused"
    assert await dialled(Origin("http", "no such host", 80)) == "dns"
    async with RawServer(waits, tls=authority.server_context()) as server:
        assert await dialled(Origin("https", "localhost", server.port)) == "certificate"
    async with RawServer(speaks_no_tls) as server:
        assert await dialled(Origin("https", "localhost", server.port)) == "tls"


async def test_an_expired_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    authority.issue_cert("localhost", not_before=long_ago, not_after=datetime(2021, 1, 1, tzinfo=UTC)).configure_cert(served)
    async with RawServer(waits, tls=served) as server:
        assert (
            await dialled(Origin("https", "localhost", server.port), lambda: tls_context(str(tmp_path / "ca.pem")))
            == "certificate_expired"
        )
