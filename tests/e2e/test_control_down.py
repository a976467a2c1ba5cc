"""Control hangs or is gone: who is known goes on, who is not is told to come back, and nobody loses a key over it."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from fakes.processes import control, until
from fakes.provider import FakeProvider
from fakes.service import Answer, Service, call

from gateway.model.tokens import mint_token

KEY = {"Authorization": "Bearer sk-x"}


@pytest.fixture
def service(start_service: Callable[..., Service], shared_provider: FakeProvider) -> Iterator[Service]:
    shared_provider.reset()
    running = start_service(providers={"openai": shared_provider.origin + "/v1"}, workers=1)
    yield running
    assert running.stop() == 0


def ask(service: Service, gateway_id: str, token: str | None = None) -> Answer:
    headers = KEY if token is None else {**KEY, "cf-aig-authorization": f"Bearer {token}"}
    path = f"/v1/{service.account}/{gateway_id}/openai/x"
    return call(service.origin, "POST", path, headers=headers, body={}, timeout_s=20)


def test_without_control(service: Service) -> None:
    management = service.management
    management.create_gateway("g1")
    management.create_gateway("open", authentication=False)
    known, new = management.create_token("known").value, management.create_token("new").value
    assert ask(service, "g1", known).status == 200
    (victim,) = control(service)
    os.kill(victim, signal.SIGSTOP)  # it hangs: a killed one would be replaced before we could ask
    try:
        for _ in range(5):
            assert ask(service, "g1", known).status == 200
            assert ask(service, "open").status == 200
        assert ask(service, "g1").status == 401
        assert ask(service, "g1", "garbage").status == 401, "what cannot be a token needs no asking"
        refused = ask(service, "g1", new)
        assert refused.status == 503, "a client that gets a 401 throws its key away"
        assert refused.headers["retry-after"] == "2"
        assert refused.json()["internalCode"] == 2901
        assert ask(service, "g1", known).status == 200
        assert call(service.origin, "GET", "/livez").status == 200
    finally:
        with contextlib.suppress(ProcessLookupError):  # the supervisor may have replaced it by now
            os.kill(victim, signal.SIGCONT)
    until(lambda: ask(service, "g1", new).status == 200, "control answers again")
    assert ask(service, "g1", mint_token()).status == 401
    assert ask(service, "g1", known).status == 200
