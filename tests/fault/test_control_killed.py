"""Promise: without control, known tokens still pass and streams go on; control comes back and all is as before."""

import os
import signal
from collections.abc import Callable

import pytest
from fakes import dialects
from fakes.processes import control, open_stream, until, workers
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import Service, call

from gateway.model.tokens import mint_token

StartService = Callable[..., Service]


@pytest.fixture
def service(start_service: StartService, upstream: FakeProvider) -> Service:
    return start_service(workers=1, providers={"openai": upstream.origin + "/v1"})


def ask(service: Service, token: str) -> int:
    opened = open_stream(service, token)
    opened.rest()
    opened.close()
    return opened.status


def kill_control(service: Service) -> None:
    (victim,) = control(service)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in control(service))


def back(service: Service) -> bool:
    try:
        return call(service.ops_origin, "GET", "/readyz", timeout_s=5).status == 200
    except OSError:
        return False


def test_it_is_replaced_and_new_tokens_work_again(service: Service) -> None:
    edges = workers(service)
    for _ in range(2):
        kill_control(service)
        until(lambda: back(service), "control is back and sees its edges")
        assert ask(service, service.management.create_token().value) == 200
    assert workers(service) == edges
    assert service.stop() == 0


def test_known_tokens_pass_and_unknown_ones_get_503_while_it_is_away(service: Service) -> None:
    token = service.management.create_token().value
    assert ask(service, token) == 200
    (victim,) = control(service)
    # Stopped, not killed: so it stays away until the supervisor finds out.
    os.kill(victim, signal.SIGSTOP)
    assert ask(service, token) == 200
    os.kill(victim, signal.SIGKILL)
    assert ask(service, token) == 200
    unknown = mint_token()
    statuses = {ask(service, unknown) for _ in range(3)}
    assert statuses <= {503, 401}
    until(lambda: back(service))
    assert ask(service, unknown) == 401
    assert ask(service, token) == 200


def test_a_stream_under_way_does_not_notice(service: Service, upstream: FakeProvider) -> None:
    gate = Gate()
    events = dialects.chat_events("gpt-4o-mini")
    upstream.script(stream(events, gate=gate))
    gate.open()
    opened = open_stream(service, service.management.create_token().value)
    assert opened.piece()
    kill_control(service)
    gate.open_wide()
    assert opened.rest().endswith(events[-1])
    opened.close()
    until(lambda: back(service))
    # Its row travels over the next connection of the link.
    until(lambda: [row["status_code"] for row in service.management.logs("default")] == [200])


def test_settings_changed_after_it_came_back_reach_the_edges(service: Service) -> None:
    kill_control(service)
    until(lambda: back(service))
    gateway_id = service.management.create_gateway("after", authentication=False)
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    headers = {"Authorization": "Bearer key"}
    until(lambda: call(service.origin, "POST", path, headers=headers, body={"model": "m"}).status == 200)


def test_no_record_is_lost_with_it(service: Service) -> None:
    token = service.management.create_token().value
    assert ask(service, token) == 200
    (victim,) = control(service)
    # Stopped first: the records of these requests are on their way to it, unread and unwritten, when it dies.
    os.kill(victim, signal.SIGSTOP)
    assert [ask(service, token) for _ in range(5)] == [200] * 5
    os.kill(victim, signal.SIGKILL)
    until(lambda: back(service))
    until(lambda: len(service.management.logs("default")) == 6)
