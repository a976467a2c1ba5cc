"""Promise: a worker short of memory finishes what it serves and sends the rest away, before the system kills it (R-26)."""

from collections.abc import Callable

from fakes import dialects
from fakes.processes import open_stream, until, workers
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import Answer, Service, call

BODY = {"model": "gpt-4o-mini", "messages": []}


def ask(service: Service, token: str) -> Answer:
    path = f"/v1/{service.account}/default/openai/chat/completions"
    headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer provider-key"}
    return call(service.origin, "POST", path, headers=headers, body=BODY)


def readiness(service: Service) -> tuple[int, str]:
    answer = call(service.ops_origin, "GET", "/readyz")
    return answer.status, answer.body.decode()


def test_it_finishes_streams_and_refuses_new_requests(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    # No worker is so small: this one is over its limit from its first look at itself.
    environment = {"GATEWAY_LIMITS__MEMORY_BYTES": str(8 * 1024 * 1024)}
    service = start_service(workers=1, providers={"openai": upstream.origin + "/v1"}, environment=environment)
    before = workers(service)
    token = service.management.create_token().value
    until(lambda: "short of memory" in readiness(service)[1])
    assert readiness(service)[0] == 200, "degraded, not failed: a restart would cut the streams"
    assert ask(service, token).status == 200, "nothing else is served, so nothing could make room by its end"

    gate, events = Gate(), dialects.chat_events("gpt-4o-mini")
    upstream.script(stream(events, gate=gate))
    gate.open()
    served = open_stream(service, token)
    assert served.piece()
    seen = len(upstream.requests)
    for _ in range(3):
        refused = ask(service, token)
        assert (refused.status, refused.json()["internalCode"]) == (503, 2920)
        assert int(refused.headers["retry-after"]) > 0
    assert len(upstream.requests) == seen, "no provider is asked for them"
    assert call(service.origin, "GET", "/livez").status == 200
    assert service.management.call("GET", "/ai-gateway/gateways"), "who looks after it can do so"

    gate.open_wide()
    assert served.rest().endswith(events[-1])
    served.close()
    until(lambda: ask(service, token).status == 200)
    assert workers(service) == before
