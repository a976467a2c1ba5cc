"""Promise: ten open dashboards that ask again and again cost the traffic nothing (57).

AIG_LONG=1 lets them ask for longer.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable

from fakes.load import Load
from fakes.provider import FakeProvider
from fakes.service import Service, call

DASHBOARDS = 10
ROUNDS = 100 if os.environ.get("AIG_LONG") else 5
PAGES = (
    "/ai-gateway/gateways",
    "/ai-gateway/gateways/default/logs?per_page=50",
    "/ai-gateway/gateways/default/logs?per_page=50&search=gpt&success=true",
    "/ai-gateway/gateways/default/analytics",
    "/tokens",
)


def look(service: Service, statuses: Counter[int]) -> None:
    headers = {"Authorization": f"Bearer {service.management.token}"}
    for _ in range(ROUNDS):
        for page in PAGES:
            path = f"/client/v4/accounts/{service.account}{page}"
            statuses[call(service.origin, "GET", path, headers=headers, timeout_s=60).status] += 1


def test_ten_dashboards_beside_the_traffic(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    service = start_service(workers=2, providers={"openai": upstream.origin + "/v1"})
    with Load(service, service.management.create_token().value, clients=4) as load:
        load.more(100)
        statuses = [Counter[int]() for _ in range(DASHBOARDS)]
        threads = [threading.Thread(target=look, args=(service, one)) for one in statuses]
        for thread in threads:
            thread.start()
        load.more(100)
        for thread in threads:
            thread.join(100)
        upstream.requests.clear()
    looked = sum(statuses, Counter[int]())
    print(f"{DASHBOARDS} dashboards: {looked[200]} pages; {load.outcomes['ok']} requests beside them, {load.failed} failed")
    assert looked == {200: DASHBOARDS * ROUNDS * len(PAGES)}
    assert load.failed == 0, load.outcomes
