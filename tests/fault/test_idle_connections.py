"""Promise: a connection that waits costs little memory, in a real process (R-15).

AIG_LONG=1 opens ten times as many.
"""

import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fakes.exposition import gauge
from fakes.processes import memory_kb, until, workers
from fakes.provider import FakeProvider
from fakes.service import Service, call

CROWD = 10_000 if os.environ.get("AIG_LONG") else 1_000
WARM_UP = 100
EACH_LIMIT_KB = 8
"""80 MB for ten thousand."""
HEAD = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def descriptors() -> Iterator[None]:
    """As many as there may be: one for each of the crowd."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual[1], usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, usual)


def crowd(service: Service, count: int, stack: ExitStack) -> None:
    """Each had an answer before it fell silent."""
    host, _, port = service.origin.removeprefix("http://").partition(":")
    for _ in range(count):
        one = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        one.sendall(HEAD)
        assert one.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("descriptors")
def test_idle_connections_are_cheap(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    service = start_service(
        workers=1,
        providers={"openai": upstream.origin + "/v1"},
        environment={"GATEWAY_TIMEOUTS__KEEPALIVE_S": "600"},
    )
    (pid,) = workers(service)
    with ExitStack() as stack:
        crowd(service, WARM_UP, stack)
        before = memory_kb(pid)
        crowd(service, CROWD, stack)
        until(lambda: gauge(service, "aig_client_connections") == WARM_UP + CROWD, "all of them are there")
        each = (memory_kb(pid) - before) / CROWD
        print(f"{CROWD} idle connections: {each:.1f} KB each")
        assert call(service.origin, "GET", "/livez").status == 200
        assert each <= EACH_LIMIT_KB
    until(lambda: gauge(service, "aig_client_connections") == 0, "and all are gone")
    assert service.stop() == 0
