"""The way of a request: the order of its phases, and that every one ends in exactly one answer and one report."""

import logging
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.clock import FakeClock
from fakes.edge import ACCOUNT, gateway, runner

from gateway.edge.doors import public_door
from gateway.edge.lifecycle import Lifecycle
from gateway.edge.settings import GatewayPlan, compile_plan
from gateway.model import faults
from gateway.model.faults import Refusal
from gateway.model.service import EdgeConfig
from gateway.model.tokens import ANONYMOUS, INVALID, Principal
from gateway.protocol.headers import RequestHead

pytestmark = pytest.mark.stand_ins


class Rig:
    """A lifecycle whose helpers only note that they were called."""

    def __init__(self, plan: GatewayPlan, principal: Principal | None = None, learned: Principal | None = None) -> None:
        self.calls: list[str] = []
        self.x: Any = None
        self.principal = principal
        self.learned = learned
        self.plan = plan
        self.raises: dict[str, BaseException] = {}
        self.clock = FakeClock()
        self.lifecycle = Lifecycle(self, self, self, Choose(self), self, Report(self))  # type: ignore[arg-type]

    def note(self, name: str) -> None:
        self.calls.append(name)
        if name in self.raises:
            raise self.raises[name]

    def plan_for(self, _: object) -> GatewayPlan:
        self.note("settle")
        return self.plan

    def wanted(self, _: object, __: object, asked: bool) -> str:
        self.note(f"read asked={asked}")
        return "credential"

    def known(self, _: object) -> Principal | None:
        self.note("known")
        return self.principal

    async def learn(self, _: object, __: str = "") -> tuple[Principal, str]:
        self.note("learn")
        assert self.learned is not None
        return self.learned, "miss"

    async def carry(self, x: Any, permit: Any, attempts: Any) -> str:
        self.note("carry")
        assert permit is x.permit is not None
        assert attempts == ("attempt",)
        return "carried"

    async def deliver(self, x: Any, kind: bytes, body: bytes) -> str:
        self.note("deliver")
        return "delivered"

    async def refuse(self, x: Any, refusal: Refusal) -> str:
        self.note(f"refuse {refusal.fault.name}")
        self.x = x
        return "refused"

    async def serve(self, target: str = f"/v1/{ACCOUNT}/g1/openai/x", **fields: str) -> object:
        raw = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
        head = RequestHead(raw, http_10=False, limit_bytes=9999)

        def head_of(_: object) -> RequestHead:
            self.note("head")
            return head

        downstream = SimpleNamespace(head_of=head_of, address="192.0.2.1", door=public_door(EdgeConfig()))
        request = SimpleNamespace(downstream=downstream, message=None, method="POST", target=target)
        return await self.lifecycle.serve(request)  # type: ignore[arg-type]


class Choose:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.worked_out: tuple[str, ...] = ()
        self.answer: tuple[bytes, bytes] | None = None

    def known(self, x: Any) -> tuple[str, ...]:
        return self.worked_out

    async def __call__(self, x: Any) -> tuple[str, ...]:
        self._rig.note("choose")
        x.answer = self.answer
        return ("attempt",)


class Report:
    def __init__(self, rig: Rig) -> None:
        self.clock = FakeClock()
        self._rig = rig

    def __call__(self, x: Any) -> None:
        self._rig.x = x
        self._rig.calls.append("report")


ON = compile_plan(gateway("g1"), {})
OFF = compile_plan(gateway("g1", authentication=False), {})


async def test_the_order_of_the_phases() -> None:
    rig = Rig(ON, principal=runner())
    assert await rig.serve() == "carried"
    assert rig.calls == ["head", "settle", "read asked=True", "known", "choose", "carry", "report"]
    assert rig.x.permit.authenticated


async def test_what_is_not_known_is_learned() -> None:
    rig = Rig(ON, learned=runner())
    assert await rig.serve() == "carried"
    assert rig.calls[3:5] == ["known", "learn"]


async def test_an_open_gateway_asks_nobody() -> None:
    rig = Rig(OFF, principal=ANONYMOUS)
    assert await rig.serve() == "carried"
    assert "read asked=False" in rig.calls
    assert not rig.x.permit.authenticated


@pytest.mark.parametrize(
    ("principal", "fault"), [(ANONYMOUS, "missing_token"), (INVALID, "invalid_token"), (runner(account_id="x"), "forbidden")]
)
async def test_nothing_happens_before_the_permit(principal: Principal, fault: str) -> None:
    touched: list[object] = []
    plan = GatewayPlan(authentication=True, gateway=ON.gateway, collect_logs=True, phases=(touched.append,))
    rig = Rig(plan, principal=principal)
    assert await rig.serve() == "refused"
    assert rig.calls[-2:] == [f"refuse {fault}", "report"]
    assert "choose" not in rig.calls
    assert touched == []
    assert rig.x.logged is False, "a refused stranger leaves no row"


async def test_phases_run_in_order_waiting_or_not() -> None:
    ran: list[str] = []

    async def slow(x: Any) -> None:
        ran.append("slow")

    plan = GatewayPlan(
        authentication=False, gateway=ON.gateway, phases=(lambda x: ran.append("quick"), slow, lambda x: ran.append("last"))
    )
    rig = Rig(plan, principal=ANONYMOUS)
    await rig.serve()
    assert ran == ["quick", "slow", "last"]


async def test_what_was_worked_out_before_is_not_chosen_again() -> None:
    rig = Rig(ON, principal=runner())
    rig.lifecycle.choose.worked_out = ("attempt",)  # type: ignore[attr-defined]
    assert await rig.serve() == "carried"
    assert rig.calls == ["head", "settle", "read asked=True", "known", "carry", "report"]


async def test_an_answer_of_our_own_needs_no_upstream() -> None:
    rig = Rig(OFF, principal=ANONYMOUS)
    rig.lifecycle.choose.answer = (b"text/plain", b"hi")  # type: ignore[attr-defined]
    assert await rig.serve() == "delivered"
    assert rig.calls[-2:] == ["deliver", "report"]


@pytest.mark.parametrize(
    ("collects", "wish", "logged"),
    [(True, None, True), (False, None, False), (True, "false", False), (False, "true", True), (True, "odd", True)],
)
async def test_the_requests_word_on_logging_wins(collects: bool, wish: str | None, logged: bool) -> None:
    rig = Rig(compile_plan(gateway("g1", authentication=False, collect_logs=collects), {}), principal=ANONYMOUS)
    await rig.serve(**({"cf_aig_collect_log": wish} if wish else {}))
    assert rig.x.logged is logged


@pytest.mark.parametrize("where", ["head", "settle", "known", "choose", "carry"])
async def test_a_refusal_anywhere_is_one_answer(where: str) -> None:
    rig = Rig(ON, principal=runner())
    rig.raises[where] = Refusal(faults.UNKNOWN_PROVIDER)
    assert await rig.serve() == "refused"
    assert Counter(rig.calls)["refuse unknown_provider"] == 1
    assert rig.calls[-1] == "report"
    assert rig.lifecycle.in_flight == 0


@pytest.mark.parametrize("where", ["head", "settle", "choose", "carry"])
async def test_an_error_of_ours_is_a_500_and_a_line_in_the_log(where: str, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(ON, principal=runner())
    rig.raises[where] = KeyError("boom")
    with caplog.at_level(logging.ERROR):
        assert await rig.serve() == "refused"
    assert rig.calls[-2:] == ["refuse internal_error", "report"]
    assert [record.getMessage() for record in caplog.records] == ["unexpected KeyError"]


async def test_paths_that_lead_nowhere() -> None:
    rig = Rig(ON)
    assert await rig.serve("/nowhere") == "refused"
    assert rig.calls == ["head", "refuse unknown_route", "report"]


@pytest.mark.parametrize(("authentication", "metadata", "samples"), [(True, '{"user":"ann"}', True), (False, None, False)])
async def test_what_a_stranger_asks_for_is_neither_stored_nor_summed_up(
    authentication: bool, metadata: str | None, samples: bool
) -> None:
    principal = runner() if authentication else ANONYMOUS
    rig = Rig(compile_plan(gateway("g1", authentication=authentication, collect_logs=True), {}), principal=principal)
    wish = {"cf_aig_collect_log_payload": "true", "cf_aig_metadata": '{"user":"ann"}', "cf_aig_event_id": "e1"}
    await rig.serve(**wish)
    assert (rig.x.options.metadata, rig.x.samples, rig.x.options.event_id) == (metadata, samples, "e1")
