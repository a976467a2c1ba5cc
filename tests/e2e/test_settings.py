"""A changed setting is in force on every worker within a second; the real service with two workers."""

import http.client
import time
from collections.abc import Callable, Iterator

import pytest
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import Service, call

KEY = {"Authorization": "Bearer sk-x"}
PROMISED_S = 1.0
MACHINE_S = 4.0
"""Patience for a busy machine, on top of the promise."""


@pytest.fixture
def service(start_service: Callable[..., Service], shared_provider: FakeProvider) -> Iterator[Service]:
    shared_provider.reset()
    running = start_service(providers={"openai": shared_provider.origin + "/v1"}, workers=2)
    yield running
    assert running.stop() == 0


def statuses(service: Service, path: str, count: int = 16) -> set[int]:
    """What fresh connections get, which the workers share among them."""
    return {call(service.origin, "POST", path, headers=KEY, body={}).status for _ in range(count)}


def within_the_promise(service: Service, path: str, status: int) -> None:
    until = time.monotonic() + PROMISED_S + MACHINE_S
    while statuses(service, path) != {status}:
        assert time.monotonic() < until, f"some worker does not answer {status} yet"


def test_the_toggle_and_the_life_of_a_gateway(service: Service) -> None:
    management = service.management
    path = f"/v1/{service.account}/g1/openai/x"
    assert statuses(service, path) == {400}
    management.create_gateway("g1", authentication=False)
    within_the_promise(service, path, 200)
    management.update_gateway("g1", authentication=True)
    within_the_promise(service, path, 401)
    management.update_gateway("g1", authentication=False)
    within_the_promise(service, path, 200)
    management.delete_gateway("g1")
    within_the_promise(service, path, 400)


def test_a_stored_key_is_used_and_forgotten(service: Service, shared_provider: FakeProvider) -> None:
    management = service.management
    management.create_gateway("g1")
    token = management.create_token()
    path, headers = f"/v1/{service.account}/g1/openai/x", {"cf-aig-authorization": token.bearer}
    assert call(service.origin, "POST", path, headers=headers, body={}).status == 400
    stored = management.store_key("g1", "openai", "sk-stored-1")
    wait_for(lambda: call(service.origin, "POST", path, headers=headers, body={}).status == 200)
    assert shared_provider.requests[-1].header("authorization") == "Bearer sk-stored-1"
    management.call("PUT", f"/ai-gateway/gateways/g1/provider_configs/{stored['id']}", {"secret": "sk-stored-2"})

    def renewed() -> bool:
        call(service.origin, "POST", path, headers=headers, body={})
        return shared_provider.requests[-1].header("authorization") == "Bearer sk-stored-2"

    wait_for(renewed)
    management.call("DELETE", f"/ai-gateway/gateways/g1/provider_configs/{stored['id']}")
    wait_for(lambda: call(service.origin, "POST", path, headers=headers, body={}).status == 400)


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PROMISED_S + MACHINE_S
    while not true():
        assert time.monotonic() < until, "it did not come about"


def test_the_default_gateway_is_made_on_demand(service: Service) -> None:
    management = service.management
    path = f"/v1/{service.account}/default/openai/x"
    for entry in management.call("GET", "/ai-gateway/gateways"):
        if entry["id"] == "default":
            management.delete_gateway("default")
    assert call(service.origin, "POST", path, headers=KEY, body={}).status == 401
    assert [entry["id"] for entry in management.call("GET", "/ai-gateway/gateways")] == []
    headers = {**KEY, "cf-aig-authorization": management.create_token().bearer}
    assert call(service.origin, "POST", path, headers=headers, body={}).status == 200
    (made,) = management.call("GET", "/ai-gateway/gateways")
    assert (made["id"], made["authentication"], made["collect_logs"], made["is_default"]) == ("default", True, True, True)


def test_a_stream_under_way_is_not_disturbed(service: Service, shared_provider: FakeProvider) -> None:
    gate = Gate(1)
    service.management.create_gateway("g1", authentication=False)
    path = f"/v1/{service.account}/g1/openai/x"
    within_the_promise(service, path, 200)
    shared_provider.script(stream([b"data: 1\n\n", b"data: 2\n\n"], gate=gate))
    host, _, port = service.origin.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("POST", path, b"{}", KEY)
        answer = connection.getresponse()
        assert answer.read(9) == b"data: 1\n\n"
        service.management.update_gateway("g1", authentication=True)
        within_the_promise(service, path, 401)
        gate.open_wide()
        assert answer.read() == b"data: 2\n\n"
    finally:
        connection.close()
