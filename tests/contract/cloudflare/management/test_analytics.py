"""Analytics over the wire, from records that came over the link (specification section 14)."""

import asyncio

from fakes.control import ACCOUNT, ObedientEdge, Rig, policy

from gateway.kit.ids import uuid7
from gateway.link.frames import Records, Unauthenticated
from gateway.model.records import LogRecord

RECORD = LogRecord(
    "id", ACCOUNT, "g1", 0.0, "openai", "gpt-4.1-mini", "chat", "POST", "chat/completions", 200, True, "completed", False, 800,
    120, 1_000_000, 0, None, None, "exact", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
)  # fmt: skip


async def brought(rig: Rig, *records: LogRecord) -> None:
    edge = ObedientEdge(rig.control, "e1")
    now = rig.clock.wall()
    rig.control.hub.received(edge, Records(1, [each._replace(id=uuid7(now), created_at=now - 5) for each in records]))
    for _ in range(200):
        await asyncio.sleep(0.01)
        if (await rig.ai("GET", "/gateways/g1/analytics")).result["totals"]["requests"] == len(records):
            return
    raise AssertionError("the records did not arrive")


async def test_records_are_priced_and_summed_up(rig: Rig) -> None:
    await rig.make_gateway("g1")
    await brought(rig, RECORD, RECORD._replace(model="nobody's"), RECORD._replace(success=False, outcome="refused"))
    found = (await rig.ai("GET", "/gateways/g1/analytics?group_by=model")).result
    assert (found["totals"]["requests"], found["totals"]["errors"], found["totals"]["priced"]) == (3, 1, 2)
    assert found["totals"]["cost"] == 0.8
    assert sum(point["requests"] for point in found["series"]) == 3
    assert [(group["model"], group["requests"], group["cost"]) for group in found["groups"]] == [
        ("gpt-4.1-mini", 2, 0.8),
        ("nobody's", 1, None),
    ]
    (gateway,) = (await rig.ai("GET", "/analytics")).result["gateways"]
    assert (gateway["gateway_id"], gateway["requests"], gateway["errors"], gateway["cost"]) == ("g1", 3, 1, 0.8)
    costs = {entry["model"]: entry["cost"] for entry in (await rig.ai("GET", "/gateways/g1/logs")).result}
    assert costs == {"gpt-4.1-mini": 0.4, "nobody's": None}


async def test_who_may_not_read_sees_nothing(rig: Rig) -> None:
    await rig.make_gateway("g1")
    run = (await rig.make_token(policy("AI Gateway Run")))["value"]
    for path in ("/analytics", "/gateways/g1/analytics"):
        assert (await rig.ai("GET", path, token=run)).status in (401, 403)
        assert (await rig.ai("GET", path, token="nonsense")).status == 401
    assert (await rig.ai("GET", "/gateways/none/analytics")).status == 404
    assert (await rig.ai("GET", "/gateways/g1/analytics?interval=week")).paths == {("query", "interval")}


async def told(rig: Rig, frame: Unauthenticated) -> None:
    rig.control.hub.received(ObedientEdge(rig.control, "e1"), frame)
    await rig.control._facts.unauthenticated.write()


async def test_refusals_for_want_of_a_token_are_counted_though_not_logged(rig: Rig) -> None:
    await rig.make_gateway("g1")
    await told(rig, Unauthenticated([(ACCOUNT, "g1", 4)], []))
    found = (await rig.ai("GET", "/gateways/g1/analytics?group_by=provider")).result
    assert (found["totals"]["unauthenticated"], found["totals"]["requests"], found["totals"]["errors"]) == (4, 0, 0)
    assert [point["unauthenticated"] for point in found["series"]][-1] == 4
    assert found["groups"] == [], "they came to no provider"
    assert (await rig.ai("GET", "/gateways/g1/logs")).result == []


async def test_who_would_be_refused_is_told_before_the_switch(rig: Rig) -> None:
    await rig.make_gateway("g1")
    caller = (ACCOUNT, "g1", "192.0.2.1", "<script>", "openai/chat", "")
    await told(rig, Unauthenticated([], [(*caller, 3)]))
    reply = await rig.ai("GET", "/gateways/g1/unauthenticated")
    assert (reply.result["requests"], reply.result["would_be_refused"]) == (3, 3)
    (one,) = reply.result["callers"]
    assert (one["address"], one["user_agent"], one["path"], one["requests"]) == ("192.0.2.1", "<script>", "openai/chat", 3)
    run = (await rig.make_token(policy("AI Gateway Run")))["value"]
    assert (await rig.ai("GET", "/gateways/g1/unauthenticated", token=run)).status in (401, 403)
    assert (await rig.ai("GET", "/gateways/none/unauthenticated")).status == 404
