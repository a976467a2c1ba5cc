"""One limit for heads, whoever answers: what the edge lets in, control reads too."""

import pytest
from fakes.provider import FakeProvider
from fakes.service import Service, call

HEADS = {
    "a long field": {"X-Long": "x" * 30_000},
    "a long cookie": {"Cookie": "theirs=" + "c" * 30_000},
    "many fields": {f"X-{number}": "1" for number in range(120)},
}
PLACES = ("native", "management", "dashboard", "livez", "ops")


def status(service: Service, place: str, gateway_id: str, fields: dict[str, str], query: str = "") -> int:
    origin, path, own = {
        "native": (service.origin, f"/v1/{service.account}/{gateway_id}/openai/models", {"Authorization": "Bearer sk-x"}),
        "management": (
            service.origin,
            f"/client/v4/accounts/{service.account}/ai-gateway/gateways/{gateway_id}",
            {"Authorization": f"Bearer {service.management.token}"},
        ),
        "dashboard": (service.origin, "/dashboard/", {}),
        "livez": (service.origin, "/livez", {}),
        "ops": (service.ops_origin, "/livez", {}),
    }[place]
    return call(origin, "GET", path + query, headers={**own, **fields}).status


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("head", HEADS)
def test_a_head_within_the_limit_is_read(
    service: Service, open_gateway_id: str, upstream: FakeProvider, place: str, head: str
) -> None:
    assert status(service, place, open_gateway_id, HEADS[head]) == 200


@pytest.mark.parametrize("place", ["native", "dashboard", "livez", "ops"])
def test_a_long_target_is_read(service: Service, open_gateway_id: str, upstream: FakeProvider, place: str) -> None:
    assert status(service, place, open_gateway_id, {}, "?q=" + "q" * 30_000) == 200


@pytest.mark.parametrize("place", ["native", "management", "dashboard", "livez"])
def test_beyond_it_is_431_or_414(service: Service, open_gateway_id: str, place: str) -> None:
    assert status(service, place, open_gateway_id, {"X-Long": "x" * 66_000}) == 431
    assert status(service, place, open_gateway_id, {f"X-{number}": "1" for number in range(200)}) == 431
    assert status(service, place, open_gateway_id, {}, "?q=" + "q" * 66_000) == 414
