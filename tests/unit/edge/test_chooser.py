"""Who finds the upstream of a route: inference, control, or nobody but ourselves."""

from typing import Any

import orjson
import pytest
from fakes.clock import FakeClock
from fakes.edge import ACCOUNT, gateway
from fakes.exchange import exchange as filled
from fakes.exchange import request
from fakes.link import FakeLink

from gateway.edge.chooser import Chooser
from gateway.edge.identity import Identity, Reader
from gateway.edge.management import Management
from gateway.edge.settings import compile_plan
from gateway.model.faults import DRAINING, UNKNOWN_ROUTE, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import EdgeConfig, TokenCaching
from gateway.model.targets import Origin
from gateway.model.tokens import Permit
from gateway.protocol.headers import RequestHead

CONFIG = EdgeConfig(control_socket="/run/control.sock")


def exchange(route: Route, method: str = "GET", target: str = "/x", **fields: str) -> Any:
    given = {
        "Host": "gw.test",
        "Authorization": "Bearer t",
        **fields,
    }
    raw = tuple((name.encode(), value.encode()) for name, value in given.items())
    return filled(
        request(method, target, b"{}"),
        route=route,
        head=RequestHead(raw, http_10=False, limit_bytes=9999),
        plan=compile_plan(gateway("g"), {}),
        permit=Permit(False, ""),
        logged=True,
    )


def health(probe: str) -> bytes:
    if probe == "readyz":
        raise Refusal(DRAINING)
    return probe.encode()


def chooser() -> Chooser:
    reader = Reader(b"pepper")
    identity = Identity(FakeLink(), FakeClock(), TokenCaching(), lambda _: None)
    return Chooser(CONFIG, health, Management(CONFIG, reader, identity))


@pytest.mark.parametrize("surface", [Surface.CONTROL, Surface.DASHBOARD])
async def test_control_gets_its_requests(surface: Surface) -> None:
    (attempt,) = await chooser()(exchange(Route(surface), "PUT"))
    assert attempt.target.origin == Origin("unix", "/run/control.sock", 0)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_is_answered_here(method: str) -> None:
    x = exchange(Route(Surface.OPS, tail="livez"), method)
    assert await chooser()(x) == ()
    assert x.answer == (b"application/json", b"livez")
    with pytest.raises(Refusal) as refused:
        await chooser()(exchange(Route(Surface.OPS, tail="readyz"), method))
    assert refused.value.fault is DRAINING


async def test_health_is_only_read() -> None:
    with pytest.raises(Refusal) as refused:
        await chooser()(exchange(Route(Surface.OPS, tail="livez"), "POST"))
    assert refused.value.fault is UNKNOWN_ROUTE


@pytest.mark.parametrize("surface", [Surface.COMPAT, Surface.REST_V1])
async def test_models_are_listed_here(surface: Surface) -> None:
    x = exchange(Route(surface, ACCOUNT, "g", endpoint=Endpoint.MODELS))
    assert await chooser()(x) == ()
    assert x.answer is not None
    assert orjson.loads(x.answer[1])["object"] == "list"
    assert x.logged is False


async def test_inference_goes_to_its_provider() -> None:
    (attempt,) = await chooser()(exchange(Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", "openai", "x")))
    assert attempt.target.origin.host == "api.openai.com"
