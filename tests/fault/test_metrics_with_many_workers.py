"""Promise: metrics are right with any number of workers, and no counter ever falls while workers die and come back."""

import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes.exposition import Series, gauge, scrape, total
from fakes.processes import open_stream, until, workers
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import Service, Token, call

StartService = Callable[..., Service]


@pytest.fixture
def service(start_service: StartService, upstream: FakeProvider) -> Service:
    service = start_service(workers=3, providers={"openai": upstream.origin + "/v1"})
    until(lambda: "gateway ready on" in service.log_tail(), "all workers are ready")
    return service


def ask(service: Service, token: Token) -> int:
    headers = {"cf-aig-authorization": token.bearer, "Authorization": "Bearer provider-key"}
    path = f"/v1/{service.account}/default/openai/chat/completions"
    return call(service.origin, "POST", path, headers=headers, body={"model": "gpt-4o-mini"}).status


@contextmanager
def load(service: Service, token: Token) -> Iterator[list[int]]:
    """Statuses of requests sent one after the other, each on a connection of its own; 0 for one that died with its worker."""
    done, statuses = threading.Event(), list[int]()

    def send() -> None:
        while not done.is_set():
            try:
                statuses.append(ask(service, token))
            except (OSError, http.client.HTTPException):
                statuses.append(0)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield statuses
    finally:
        done.set()
        sending.join(60)


def fallen(before: Series, after: Series) -> dict[object, tuple[float, float]]:
    return {key: (value, after.get(key, 0.0)) for key, value in before.items() if after.get(key, 0.0) < value}


def test_every_request_is_counted_once_whichever_worker_served_it(service: Service) -> None:
    token = service.management.create_token()
    assert [ask(service, token) for _ in range(60)] == [200] * 60
    bad = {"cf-aig-authorization": "Bearer nonsense"}
    path = f"/v1/{service.account}/default/openai/chat/completions"
    assert [call(service.origin, "POST", path, headers=bad, body={}).status for _ in range(7)] == [401] * 7

    def counted() -> bool:
        found = scrape(service)
        return (
            total(found, "aig_requests_total"),
            total(found, "aig_requests_total", gateway="default", provider="openai", status="2xx", fault="none"),
            total(found, "aig_auth_total", outcome="permitted"),
            total(found, "aig_auth_total", outcome="invalid"),
            total(found, "aig_refusals_total", reason="invalid_token", fault="client"),
            total(found, "aig_auth_cache_total"),
            total(found, "aig_upstream_first_byte_seconds_count", provider="openai"),
            total(found, "aig_model_requests_total", model="gpt-4o-mini"),
        ) == (67, 60, 60, 7, 7, 67 + 2, 60, 60)  # the management API asked twice, to make the token

    until(counted, "every request is counted")


def test_no_counter_falls_while_workers_die(service: Service) -> None:
    token = service.management.create_token()
    with load(service, token) as statuses:
        before = scrape(service)
        for number in range(4):
            victim = workers(service)[number % 2]
            os.kill(victim, signal.SIGKILL)
            for _ in range(25):
                after = scrape(service)
                assert fallen(before, after) == {}
                before = after
            until(lambda victim=victim: len(found := workers(service)) == 3 and victim not in found)
            until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
    until(lambda: total(scrape(service), "aig_worker_restarts_total") == 4, "each restart is counted")
    after = scrape(service)
    assert fallen(before, after) == {}
    assert 0 < total(after, "aig_requests_total", status="2xx") <= len(statuses)
    until(lambda: gauge(service, "aig_requests_in_flight") == 0, "what was under way on the dead is forgotten")


def test_open_streams_of_a_dead_worker_are_forgotten(service: Service, upstream: FakeProvider) -> None:
    gates = [Gate(1) for _ in range(6)]
    upstream.script(*(stream([b"data: {}\n\n"] * 3, gate=gate) for gate in gates))
    token = service.management.create_token().value
    streams = [open_stream(service, token) for _ in gates]
    until(lambda: gauge(service, "aig_streams_open") == 6, "six streams are open")
    for victim in workers(service):
        os.kill(victim, signal.SIGKILL)
    until(lambda: gauge(service, "aig_streams_open") == 0, "none is")
    for opened in streams:
        opened.close()
    for gate in gates:
        gate.open_wide()
