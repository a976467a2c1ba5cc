"""The default gateway comes into being with its first authenticated request, once however many come at a time."""

import asyncio
from types import SimpleNamespace

import pytest
from fakes.edge import ACCOUNT, gateway
from fakes.link import FakeLink

from gateway.edge.phases.open_default import OpenDefault
from gateway.edge.settings import Settings
from gateway.link.frames import Patch, Snapshot
from gateway.model.faults import CONTROL_DOWN, UNKNOWN_GATEWAY, Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface


class Rig:
    def __init__(self) -> None:
        self.link = FakeLink()
        self.phase = OpenDefault()
        self.settings = Settings(self.phase)
        self.settings.replace(Snapshot(1, (), ()))
        self.phase.link, self.phase.settings = self.link, self.settings
        self.link.accounts.add(ACCOUNT)
        self.link.on_open_default = self.opened

    def opened(self, account_id: str) -> None:
        self.settings.patch(Patch(self.settings.version + 1, gateways=(gateway("default", account_id=account_id),)))

    def exchange(self, account_id: str = ACCOUNT) -> SimpleNamespace:
        return SimpleNamespace(route=Route(Surface.REST_V1, account_id, endpoint=Endpoint.CHAT), plan=None)


async def test_the_plan_of_the_new_gateway_is_used() -> None:
    rig = Rig()
    x = rig.exchange()
    await rig.phase(x)  # type: ignore[arg-type]
    assert x.plan is rig.settings.plan_for(x.route)
    assert x.plan.gateway.id == "default"


async def test_many_at_a_time_are_one_question() -> None:
    rig = Rig()
    rig.link.gate = asyncio.Event()
    waiting = [asyncio.ensure_future(rig.phase(rig.exchange())) for _ in range(50)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    rig.link.gate.set()
    await asyncio.gather(*waiting)
    assert rig.link.asked == [ACCOUNT]


async def refused(rig: Rig, account_id: str = ACCOUNT) -> Fault:
    with pytest.raises(Refusal) as caught:
        await rig.phase(rig.exchange(account_id))  # type: ignore[arg-type]
    return caught.value.fault


async def test_what_can_go_wrong() -> None:
    rig = Rig()
    assert await refused(rig, "f" * 32) is UNKNOWN_GATEWAY
    rig.link.on_open_default = None
    assert await refused(rig) is UNKNOWN_GATEWAY, "opened, they say, but no settings of it came"
    rig.link.cut()
    assert await refused(rig) is CONTROL_DOWN
