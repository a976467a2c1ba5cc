"""A revoked token is refused everywhere when the API call returns; the real service with two workers."""

import http.client
import time
from collections.abc import Callable

from fakes.provider import FakeProvider
from fakes.service import RUN, Service, Token

CHAT = b'{"model":"gpt-4.1-mini","messages":[]}'


class Clients:
    """Keep-alive connections: with some dozens, both workers serve some of them."""

    def __init__(self, service: Service, count: int = 24) -> None:
        host, _, port = service.origin.removeprefix("http://").partition(":")
        self._connections = [http.client.HTTPConnection(host, int(port), timeout=20) for _ in range(count)]

    def ask(self, path: str, headers: dict[str, str]) -> list[int]:
        """The statuses that each connection gets."""
        found = []
        for connection in self._connections:
            connection.request("POST", path, CHAT, {"Authorization": "Bearer sk-x", **headers})
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        return found

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def with_token(token: Token) -> dict[str, str]:
    return {"cf-aig-authorization": token.bearer}


def test_a_deleted_token_is_dead_when_the_call_returns(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    service = start_service(providers={"openai": upstream.origin + "/v1"}, workers=2)
    management = service.management
    management.create_gateway("g1")
    path = f"/v1/{service.account}/g1/openai/chat/completions"
    clients = Clients(service)
    try:
        for turn in range(3):
            token, other = management.create_token(f"doomed-{turn}"), management.create_token(f"other-{turn}")
            assert set(clients.ask(path, with_token(token))) == {200}
            assert set(clients.ask(path, with_token(other))) == {200}
            started = time.monotonic()
            management.delete_token(token.id)
            assert time.monotonic() - started < 5
            assert set(clients.ask(path, with_token(token))) == {401}, "no worker remembers it"
            assert set(clients.ask(path, with_token(other))) == {200}
    finally:
        clients.close()
    assert service.stop() == 0


def test_a_rolled_token_lives_under_its_new_value_only(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    service = start_service(providers={"openai": upstream.origin + "/v1"}, workers=2)
    management = service.management
    management.create_gateway("g1")
    path = f"/v1/{service.account}/g1/openai/chat/completions"
    clients = Clients(service)
    try:
        old = management.create_token("rolled")
        assert set(clients.ask(path, with_token(old))) == {200}
        new = Token(old.id, management.call("PUT", f"/tokens/{old.id}/value", {}))
        assert set(clients.ask(path, with_token(old))) == {401}
        assert set(clients.ask(path, with_token(new))) == {200}
    finally:
        clients.close()
    assert service.stop() == 0


def test_a_permission_taken_away_is_gone_when_the_call_returns(
    start_service: Callable[..., Service], upstream: FakeProvider
) -> None:
    service = start_service(providers={"openai": upstream.origin + "/v1"}, workers=2)
    management = service.management
    management.create_gateway("g1")
    path = f"/v1/{service.account}/g1/openai/chat/completions"
    clients = Clients(service)
    try:
        token = management.create_token("limited")
        for permission, status in ((RUN, 200), ("AI Gateway Read", 401), (RUN, 200)):
            management.call("PUT", f"/tokens/{token.id}", {"name": "limited", "policies": [allowing(service, permission)]})
            assert set(clients.ask(path, with_token(token))) == {status}
    finally:
        clients.close()
    assert service.stop() == 0


def allowing(service: Service, permission: str) -> dict[str, object]:
    return {
        "effect": "allow",
        "permission_groups": [{"id": service.management.permission_group(permission)}],
        "resources": {f"com.cloudflare.api.account.{service.account}": "*"},
    }
