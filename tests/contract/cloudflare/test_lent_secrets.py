"""What the gateway keeps is lent to authenticated requests only, and one credential arrives, on every surface."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes.edge import ACCOUNT, Reply, RunningEdge, account, custom, gateway, key
from fakes.provider import FakeProvider

from gateway.protocol.headers import CREDENTIAL_FIELDS

BODY = b'{"model":"custom-mine/m","messages":[],"input":{"messages":[]}}'
HEADERS = {"Authorization": "Bearer sk-header", "X-Secret": "hidden"}
SURFACES = ["native", "compat", "rest", "run"]


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    keys = [key("custom-mine", "sk-stored")]
    async with RunningEdge(
        gateways=[
            gateway("closed"), gateway("open", authentication=False),
            gateway("closed-keyed", keys=keys), gateway("open-keyed", authentication=False, keys=keys),
        ],
        accounts=[account(custom("mine", provider.origin, headers=HEADERS), account_id=ACCOUNT)],
        allow_private_custom=True,
    ) as running:  # fmt: skip
        yield running


async def ask(edge: RunningEdge, surface: str, gateway_id: str, fields: dict[str, str], token: str = "") -> Reply:
    if surface in ("rest", "run"):
        path = "v1/chat/completions" if surface == "rest" else "run"
        given = {"cf-aig-gateway-id": gateway_id, **fields}
        if token:
            given["Authorization"] = f"Bearer {token}"
        return await edge.ask("POST", edge.rest(path), given, BODY)
    tail = "custom-mine/v1/x" if surface == "native" else "compat/chat/completions"
    given = {**fields, **({"cf-aig-authorization": token} if token else {})}
    return await edge.ask("POST", edge.native(gateway_id, tail), given, BODY)


def arrived(provider: FakeProvider) -> tuple[list[str], list[str]]:
    """Values of the credential fields and of the administrator's own field."""
    seen = provider.only
    credentials = [value for name, value in seen.headers if name.lower().encode() in CREDENTIAL_FIELDS]
    return credentials, seen.all("x-secret")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("gateway_id", ["open", "open-keyed"])
@pytest.mark.parametrize("fields", [{}, {"X-Secret": "mine"}, {"Authorization": "Bearer sk-own"}, {"x-api-key": "sk-own"}])
async def test_strangers_get_no_secret(
    edge: RunningEdge, provider: FakeProvider, surface: str, gateway_id: str, fields: dict[str, str]
) -> None:
    answer = await ask(edge, surface, gateway_id, fields)
    own = surface in ("native", "compat") and any("sk-own" in value for value in fields.values())
    assert answer.status == (200 if own else 401)
    for seen in provider.requests:
        assert not {"Bearer sk-header", "Bearer sk-stored", "hidden"} & {value for _, value in seen.headers}
    assert len(provider.requests) == own


ORDER: list[tuple[str, str, dict[str, str], list[str]]] = [
    *((surface, "closed", {}, ["Bearer sk-header"]) for surface in SURFACES),
    *((surface, "closed-keyed", {}, ["Bearer sk-stored"]) for surface in SURFACES),
    *((surface, "open", {}, ["Bearer sk-header"]) for surface in ("rest", "run")),
    *((surface, "open-keyed", {}, ["Bearer sk-stored"]) for surface in ("rest", "run")),
    *((surface, name, {"Authorization": "Bearer sk-own"}, ["Bearer sk-own"])
      for surface in ("native", "compat") for name in ("closed", "closed-keyed")),
    *((surface, name, {"api-key": "sk-own"}, ["sk-own"])
      for surface in ("native", "compat") for name in ("closed", "closed-keyed")),
]  # fmt: skip


@pytest.mark.parametrize(("surface", "gateway_id", "fields", "credentials"), ORDER)
async def test_one_credential_by_one_order(
    edge: RunningEdge, provider: FakeProvider, surface: str, gateway_id: str, fields: dict[str, str], credentials: list[str]
) -> None:
    answer = await ask(edge, surface, gateway_id, {**fields, "x-secret": "the caller's"}, edge.admit())
    assert answer.status == 200
    assert arrived(provider) == (credentials, ["hidden"]), "the administrator's field stands"


async def test_a_repeated_head_changes_no_field_of_the_administrator(edge: RunningEdge, provider: FakeProvider) -> None:
    """Values that mean nothing here may differ from request to request without a new reading; this one does mean something."""
    fields: Any = {"cf-aig-authorization": edge.admit(), "X-Secret": "hidden"}
    async with edge.client() as wire:
        for value in ("hidden", "theirs", "hidden", "other"):
            assert (
                await wire.ask("POST", edge.native("closed", "custom-mine/x"), {**fields, "X-Secret": value}, b"{}")
            ).status == 200
    assert [seen.all("x-secret") for seen in provider.requests] == [["hidden"]] * 4
