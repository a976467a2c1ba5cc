"""Promise: a killed worker takes only its own requests with it; new connections are served, and it is back at once."""

import http.client
import os
import signal
import threading
from collections.abc import Callable

import pytest
from fakes import dialects
from fakes.processes import open_stream, until, workers
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import Service, call

StartService = Callable[..., Service]


@pytest.fixture
def service(start_service: StartService, upstream: FakeProvider) -> Service:
    service = start_service(workers=2, providers={"openai": upstream.origin + "/v1"})
    until(lambda: "gateway ready on" in service.log_tail(), "all workers are ready")
    return service


def test_it_is_replaced_and_the_service_is_ready_again(service: Service) -> None:
    token = service.management.create_token()
    for _ in range(3):
        victim = workers(service)[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda victim=victim: len(found := workers(service)) == 2 and victim not in found, "a replacement is there")
        until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200, "both edges are ready")
        with_token = open_stream(service, token.value)
        assert with_token.status == 200
        assert with_token.rest()
        with_token.close()
    assert service.stop() == 0


def test_new_connections_are_never_refused_while_workers_die(service: Service) -> None:
    """A client may be cut by the death of the worker that serves it; it must not find the door closed."""
    done = threading.Event()
    refused: list[str] = []
    served = 0

    def knock() -> None:
        nonlocal served
        while not done.is_set():
            try:
                served += call(service.origin, "GET", "/livez", timeout_s=60).status == 200
            except ConnectionRefusedError as error:
                refused.append(repr(error))
            except (OSError, http.client.HTTPException):
                pass  # this one was on the victim

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        for _ in range(4):
            victim = workers(service)[0]
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: len(found := workers(service)) == 2 and victim not in found)
            until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
    finally:
        done.set()
        knocking.join(60)
    assert refused == []
    assert served > 0


def test_the_other_workers_streams_go_on(service: Service, upstream: FakeProvider) -> None:
    gates = [Gate(1) for _ in range(6)]
    events = dialects.chat_events("gpt-4o-mini")
    upstream.script(*(stream(events, gate=gate) for gate in gates))
    token = service.management.create_token().value
    streams = [open_stream(service, token) for _ in gates]
    os.kill(workers(service)[0], signal.SIGKILL)
    until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
    for gate in gates:
        gate.open_wide()
    whole, cut = 0, 0
    for opened in streams:
        try:
            whole += opened.rest().endswith(events[-1])
        except (http.client.IncompleteRead, ConnectionError):
            cut += 1
        opened.close()
    # Those on the victim end visibly, never as if they were complete; all the others are whole.
    assert whole + cut == 6


def test_a_worker_that_dies_again_and_again_leaves_the_other_serving(service: Service) -> None:
    survivor = workers(service)[0]
    for _ in range(5):
        victim = until(lambda: [pid for pid in workers(service) if pid != survivor])[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda victim=victim: victim not in workers(service))
        assert call(service.origin, "GET", "/readyz", timeout_s=60).status == 200
    until(lambda: len(workers(service)) == 2)
    until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
    assert service.stop() == 0
