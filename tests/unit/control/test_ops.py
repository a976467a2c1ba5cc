from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.control.counters import CounterSums
from gateway.control.ops import Ops, Readiness
from gateway.control.publisher import Revocation
from gateway.telemetry.catalogue import BY_NAME


def _ops(ready: int, workers: int, *, opened: bool, store_up: bool, draining: int = 0, overloaded: int = 0) -> Ops:
    publisher, janitor = SimpleNamespace(ready=ready), SimpleNamespace(store_up=store_up, trouble="why")
    anything = cast(Any, None)
    counters = CounterSums()
    counters.add("edge-1", {"edges_draining": draining, "edges_overloaded": overloaded})
    return Ops(cast(Any, publisher), anything, counters, cast(Any, janitor), workers, lambda: opened)


@pytest.mark.parametrize(
    ("ready", "opened", "store_up", "expected"),
    [
        (2, True, True, Readiness("ok", ())),
        (3, True, True, Readiness("ok", ())),
        (2, True, False, Readiness("degraded", ("store down: why",))),
        (1, True, True, Readiness("failed", ("1 of 2 edges ready",))),
        (1, True, False, Readiness("failed", ("1 of 2 edges ready",))),
        (2, False, False, Readiness("failed", ("store never opened",))),
        (0, False, False, Readiness("failed", ("store never opened", "0 of 2 edges ready"))),
    ],
)
def test_readiness(ready: int, opened: bool, store_up: bool, expected: Readiness) -> None:
    assert _ops(ready, 2, opened=opened, store_up=store_up).readiness() == expected


def test_short_of_memory_is_degraded_for_it_serves() -> None:
    found = _ops(2, 2, opened=True, store_up=True, overloaded=1).readiness()
    assert found == Readiness("degraded", ("1 of 2 edges short of memory",))


def test_own_metrics_are_those_of_the_catalogue() -> None:
    gateways = [SimpleNamespace(gateway=SimpleNamespace(authentication=on)) for on in (True, True, False)]
    publisher: Any = SimpleNamespace(ready=1, connected=2, gateways=gateways)
    recorder: Any = SimpleNamespace(waiting=3, written=4, dropped=5, over_budget=0)
    janitor: Any = SimpleNamespace(store_up=True)
    ops = Ops(publisher, recorder, CounterSums(), janitor, 2, lambda: True)
    own = ops.own_metrics()
    assert set(own) <= set(BY_NAME)
    assert all(len(labels) == len(BY_NAME[name].labels) for name, values in own.items() for labels in values)
    assert own["edges"] == {("expected",): 2, ("connected",): 2, ("ready",): 1}
    assert own["gateways"] == {("on",): 2, ("off",): 1}
    assert (own["store_up"], own["log_records_written"]) == ({(): 1}, {(): 4})


def test_revocations_are_measured() -> None:
    counters = CounterSums()
    anything = cast(Any, None)
    ops = Ops(anything, anything, counters, anything, 1, lambda: True)
    ops.revoked(Revocation(2, (), 0.004))
    ops.revoked(Revocation(1, ("edge-1",), 2.0))
    assert counters.sums["revocations"] == {("confirmed",): 1, ("incomplete",): 1}
    assert sum(counters.histograms["revocation_seconds"][()].counts) == 2


@pytest.mark.parametrize(
    ("ready", "draining", "expected"),
    [
        (2, 2, Readiness("failed", ("0 of 2 edges ready, 2 draining",))),
        (4, 2, Readiness("ok", ())),
        (0, 2, Readiness("failed", ("0 of 2 edges ready, 2 draining",))),
    ],
)
def test_an_edge_that_drains_is_not_ready(ready: int, draining: int, expected: Readiness) -> None:
    assert _ops(ready, 2, opened=True, store_up=True, draining=draining).readiness() == expected
