"""Promise: no value of a request breaks the link between the planes: rows are written, tokens known and revoked as before."""

from collections.abc import Callable

import pytest
from fakes.processes import until
from fakes.provider import FakeProvider
from fakes.service import Service, call

NAME = b"m" * 33_000_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("authentication", [False, True])
def test_model_names_of_33_megabytes(
    start_service: Callable[..., Service], upstream: FakeProvider, authentication: bool
) -> None:
    service = start_service(workers=1, providers={"openai": upstream.origin + "/v1"})
    management = service.management
    gateway_id = management.create_gateway("hostile", authentication=authentication)
    first = management.create_token()
    fields = {"Authorization": "Bearer sk-own", "Content-Type": "application/json"}
    if authentication:
        fields["cf-aig-authorization"] = first.bearer
    path = f"/v1/{service.account}/{gateway_id}/compat/chat/completions"
    for _ in range(3):
        huge = call(service.origin, "POST", path, body=b'{"model":"openai/' + NAME + b'"}', headers=fields)
        assert huge.status == 400
        assert b"longer than 1024 bytes" in huge.body
        call(service.origin, "POST", path, body=b'{"model":"openai/' + NAME[:1000] + b'"}', headers=fields)

    second = management.create_token()
    asked = call(
        service.origin,
        "POST",
        path,
        body={"model": "openai/gpt-4o-mini"},
        headers={**fields, "cf-aig-authorization": second.bearer},
    )
    assert asked.status == 200, asked.body

    def models() -> list[str]:
        return [entry["model"] for entry in management.logs(gateway_id) if entry["model"]]

    until(lambda: len(models()) == 4, "each request that named a model has its row")
    assert sorted(map(len, models())) == [len("gpt-4o-mini"), 200, 200, 200]

    management.delete_token(second.id)
    if authentication:
        refused = call(
            service.origin,
            "POST",
            path,
            body={"model": "openai/gpt-4o-mini"},
            headers={**fields, "cf-aig-authorization": second.bearer},
        )
        assert refused.status == 401
    log = service.log_tail()
    assert "is dropped" not in log
    assert "did not confirm" not in log
