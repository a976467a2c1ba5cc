"""Promise: who has no token cannot make a worker hold memory, and whoever has one is served meanwhile.

AIG_LONG=1 sends crowds three times as large.
"""

import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from fakes.exposition import gauge
from fakes.processes import memory_kb, until, workers
from fakes.provider import FakeProvider
from fakes.service import Answer, Service, call

TIMES = 3 if os.environ.get("AIG_LONG") else 1
LIMIT_MB = 192
"""A worker's `memory_bytes`; it has some 60 MB of its own."""
BODY = {"model": "gpt-4o-mini", "messages": []}


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual[1], usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, usual)


@pytest.fixture
def service(start_service: Callable[..., Service], upstream: FakeProvider) -> Service:
    environment = {"GATEWAY_LIMITS__MEMORY_BYTES": str(LIMIT_MB << 20)}
    return start_service(workers=1, providers={"openai": upstream.origin + "/v1"}, environment=environment)


def whole_head(number: int) -> bytes:
    """60 KB, and no two alike."""
    fields = b"".join(b"X-%d: %d%b\r\n" % (at, number, b"y" * 5_900) for at in range(10))
    return b"GET /v1/nobody/knows/openai/x HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"


def endless_head(number: int) -> bytes:
    """1 MB in as many fields as there may be."""
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %d%b\r\n" % (at, number, b"y" * 7_900) for at in range(126))


def endless_line(number: int) -> bytes:
    return b"GET /%d" % number + b"y" * 1_000_000


def half_a_body(number: int) -> bytes:
    head = b"POST /v1/nobody/knows/openai/x HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\nX: %d\r\n\r\n"
    return head % number + b"y" * 80_000


def pipeline(number: int) -> bytes:
    return whole_head(number) * 40


CROWDS = {
    "whole heads": (whole_head, 2_000),
    "heads that never end": (endless_head, 320),
    "lines that never end": (endless_line, 320),
    "halves of bodies": (half_a_body, 1_500),
    "pipelines": (pipeline, 150),
}


def ask(service: Service, token: str) -> Answer:
    path = f"/v1/{service.account}/default/openai/chat/completions"
    headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer provider-key"}
    return call(service.origin, "POST", path, headers=headers, body=BODY)


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_crowd_of_strangers_takes_nothing_from_others(service: Service, crowd: str) -> None:
    made, count = CROWDS[crowd]
    (pid,) = workers(service)
    token = service.management.create_token().value
    host, _, port = service.origin.removeprefix("http://").partition(":")
    highest = memory_kb(pid)
    with ExitStack() as stack:
        for number in range(count * TIMES):
            one = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            with suppress(OSError):  # it may be refused before its end
                one.sendall(made(number))
            if number % 50 == 49:
                highest = max(highest, memory_kb(pid))
                assert ask(service, token).status == 200
        print(f"{count * TIMES} {crowd}: at most {highest >> 10} MB")
        for _ in range(20):
            assert ask(service, token).status == 200
        assert highest >> 10 < LIMIT_MB
    until(lambda: gauge(service, "aig_client_connections") <= 1, "all are gone")
    assert workers(service) == [pid]
