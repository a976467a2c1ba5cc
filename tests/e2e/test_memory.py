"""Bodies of a hundred megabytes pass through a worker that hardly grows; a real process, looked at from outside."""

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.processes import until, workers
from fakes.provider import Exchange, FakeProvider, generated
from fakes.service import Service, call

TOTAL = 100 * 1024 * 1024
WARM_UP = 16 * 1024 * 1024
"""What a first large body makes the allocator take is taken once."""
GROWTH_LIMIT_KB = 8 * 1024
PEAK_LIMIT_KB = 16 * 1024
"""Pieces under way, however the kernel hands them over on a busy machine."""
KEY = {"Authorization": "Bearer sk-x", "Content-Type": "application/octet-stream"}


@pytest.fixture
def service(start_service: Callable[..., Service], shared_provider: FakeProvider) -> Iterator[Service]:
    shared_provider.reset()
    running = start_service(providers={"openai": shared_provider.origin + "/v1"}, workers=1)
    running.management.create_gateway("open", authentication=False)
    until(lambda: call(running.origin, "GET", f"/v1/{running.account}/open/openai/x", headers=KEY).status == 200)
    yield running
    assert running.stop() == 0


def memory_kb(service: Service) -> int:
    (worker,) = workers(service)
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def count(exchange: Exchange) -> None:
    """Read the body and answer its length."""
    await exchange.body()
    answer = str(exchange.received.size).encode()
    await exchange.head(200, [], framing="length", length=len(answer))
    await exchange.part(answer)


def pieces(total: int) -> Iterator[bytes]:
    piece = bytes(65_536)
    for _ in range(total // len(piece)):
        yield piece


class Round:
    """One exchange up or down, with the largest size the worker had meanwhile."""

    def __init__(self, service: Service, provider: FakeProvider) -> None:
        self.service = service
        self.provider = provider
        host, _, port = service.origin.removeprefix("http://").partition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=60)
        self.path = f"/v1/{service.account}/open/openai/x"
        self.peak_kb = 0

    def look(self) -> None:
        self.peak_kb = max(self.peak_kb, memory_kb(self.service))

    def up(self, total: int, *, chunked: bool) -> None:
        self.provider.always = count
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(total)}

        def looking() -> Iterator[bytes]:
            for number, piece in enumerate(pieces(total)):
                if number % 100 == 0:
                    self.look()
                yield piece

        self.connection.request("POST", self.path, looking(), {**KEY, **framing}, encode_chunked=chunked)
        answer = self.connection.getresponse()
        assert (answer.status, answer.read()) == (200, str(total).encode())
        self.look()

    def down(self, total: int, *, chunked: bool) -> None:
        self.provider.always = generated(total, framing="chunked" if chunked else "length")
        self.connection.request("POST", self.path, b"{}", KEY)
        answer = self.connection.getresponse()
        received = reads = 0
        while piece := answer.read(65_536):
            received += len(piece)
            reads += 1
            if reads % 100 == 0:
                self.look()
        assert received == total


@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
def test_large_bodies_pass_without_being_held(service: Service, shared_provider: FakeProvider, chunked: bool) -> None:
    shared_provider.keep_bytes = 0
    try:
        rounds = Round(service, shared_provider)
        rounds.up(WARM_UP, chunked=chunked)
        rounds.down(WARM_UP, chunked=chunked)
        before = memory_kb(service)
        rounds.up(TOTAL, chunked=chunked)
        rounds.down(TOTAL, chunked=chunked)
        rounds.connection.close()
        assert memory_kb(service) - before <= GROWTH_LIMIT_KB
        assert rounds.peak_kb - before <= PEAK_LIMIT_KB
    finally:
        shared_provider.keep_bytes = 16 * 1024 * 1024
