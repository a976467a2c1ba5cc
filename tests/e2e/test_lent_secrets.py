"""Promise: what is hidden with a custom provider goes to the host it was given for, for callers with a token, nowhere else."""

import json
from collections.abc import Callable, Iterator

import pytest
from fakes.provider import FakeProvider, provider_in_thread
from fakes.service import Answer, Management, Refused, Service, call

HIDDEN, STORED = "hidden-field-0f7d2c", "sk-stored-0f7d2c"


@pytest.fixture
def elsewhere() -> Iterator[FakeProvider]:
    with provider_in_thread() as fake:
        yield fake


class House:
    """A closed and an open gateway, a custom provider with a hidden field, and a stored key for it."""

    def __init__(self, service: Service, home: str) -> None:
        self.service = service
        management = service.management
        for name, closed in (("closed", True), ("open", False)):
            management.create_gateway(name, authentication=closed)
        self.home = home
        self.provider_id = self._make(management, headers=json.dumps({"X-Key": HIDDEN}))
        for name in ("closed", "open"):
            management.store_key(name, "custom-mine", STORED)
        self.runner = management.create_token()
        writer = management.create_token(permissions=("AI Gateway Write",))
        self.writer = Management(service.origin, service.account, writer.value)

    def _make(self, by: Management, **fields: str) -> str:
        body = {"name": "Mine", "slug": "mine", "base_url": self.home, "enable": True, **fields}
        return str(by.call("POST", "/ai-gateway/custom-providers", body)["id"])

    def move(self, to: str) -> None:
        self.writer.call("PATCH", f"/ai-gateway/custom-providers/{self.provider_id}", {"base_url": to})

    def make_anew(self, at: str) -> None:
        self.writer.call("DELETE", f"/ai-gateway/custom-providers/{self.provider_id}")
        self._make(self.writer, base_url=at)

    def ask(self, gateway: str, *, token: bool, surface: str = "native") -> Answer:
        service = self.service
        headers = {"cf-aig-authorization": self.runner.bearer} if token else {}
        provider = "compat" if surface == "compat" else "custom-mine"
        path = f"/v1/{service.account}/{gateway}/{provider}/chat/completions"
        return call(service.origin, "POST", path, headers=headers, body={"model": "custom-mine/m", "messages": []})


@pytest.fixture
def house(start_service: Callable[..., Service], upstream: FakeProvider) -> House:
    environment = {"GATEWAY_UPSTREAM__ALLOW_PRIVATE_CUSTOM": "true"}
    return House(start_service(workers=2, environment=environment), upstream.origin)


def told(provider: FakeProvider) -> list[str]:
    """Which of the secrets came with each request."""
    return [" ".join(secret for secret in (HIDDEN, STORED) if secret in repr(request.headers)) for request in provider.requests]


@pytest.mark.parametrize("surface", ["native", "compat"])
def test_who_may_move_a_provider_does_not_get_its_secrets(
    house: House, upstream: FakeProvider, elsewhere: FakeProvider, surface: str
) -> None:
    assert house.ask("closed", token=True, surface=surface).status == 200
    assert told(upstream) == [f"{HIDDEN} {STORED}"]
    with pytest.raises(Refused, match="Secrets Store Write"):
        house.move(elsewhere.origin)
    assert house.ask("closed", token=True, surface=surface).status == 200
    assert told(upstream) == [f"{HIDDEN} {STORED}"] * 2
    house.make_anew(elsewhere.origin)
    house.ask("closed", token=True, surface=surface)
    assert set(told(elsewhere)) <= {""}
    assert len(upstream.requests) == 2, "the old address gets nothing any more"


@pytest.mark.parametrize("surface", ["native", "compat"])
def test_strangers_are_lent_nothing(house: House, upstream: FakeProvider, surface: str) -> None:
    assert house.ask("open", token=False, surface=surface).status == 401
    assert upstream.requests == []
    assert house.ask("open", token=True, surface=surface).status == 401, "an open gateway looks no token up"
    assert house.ask("closed", token=True, surface=surface).status == 200
    assert told(upstream) == [f"{HIDDEN} {STORED}"]
