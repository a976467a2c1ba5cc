"""Promise: whoever leaves when, each admitted request has exactly one log row, and nothing of it stays (7, R-18).

AIG_LONG=1 asks more often.
"""

import os
from collections.abc import Callable

import pytest
from fakes.exposition import gauge
from fakes.load import Load
from fakes.processes import until
from fakes.provider import FakeProvider
from fakes.service import Service, call

REQUESTS = 10_000 if os.environ.get("AIG_LONG") else 600
LEAVE = 0.3


@pytest.mark.timeout(900)
def test_a_crowd_that_leaves_in_the_middle_is_logged_once_each(
    start_service: Callable[..., Service], upstream: FakeProvider
) -> None:
    service = start_service(workers=2, providers={"openai": upstream.origin + "/v1"})
    with Load(service, service.management.create_token().value, leave_share=LEAVE) as load:
        while sum(load.outcomes.values()) < REQUESTS:
            load.more(20)
    asked = sum(load.outcomes.values())
    assert load.failed == 0, load.outcomes
    assert load.outcomes["left"] > 0

    def rows() -> int:
        path = f"/client/v4/accounts/{service.account}/ai-gateway/gateways/default/logs?per_page=1"
        answer = call(service.origin, "GET", path, headers={"Authorization": f"Bearer {service.management.token}"})
        return int(answer.json()["result_info"]["total_count"])

    until(lambda: rows() >= asked, "every request has its row")
    until(lambda: gauge(service, "aig_requests_in_flight") == gauge(service, "aig_client_connections") == 0)
    print(f"{asked} requests, {load.outcomes['left']} left: {rows()} rows")
    assert rows() == asked == len(upstream.requests), "and no more than one"
