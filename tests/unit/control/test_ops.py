from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.control.ops import Ops, Readiness


def _ops(ready: int, workers: int, *, opened: bool, store_up: bool) -> Ops:
    publisher, janitor = SimpleNamespace(ready=ready), SimpleNamespace(store_up=store_up)
    anything = cast(Any, None)
    return Ops(cast(Any, publisher), anything, anything, cast(Any, janitor), workers, lambda: opened)


@pytest.mark.parametrize(
    ("ready", "opened", "store_up", "expected"),
    [
        (2, True, True, Readiness("ok", ())),
        (3, True, True, Readiness("ok", ())),
        (2, True, False, Readiness("degraded", ("store down",))),
        (1, True, True, Readiness("failed", ("1 of 2 edges ready",))),
        (1, True, False, Readiness("failed", ("1 of 2 edges ready",))),
        (2, False, False, Readiness("failed", ("store never opened",))),
        (0, False, False, Readiness("failed", ("store never opened", "0 of 2 edges ready"))),
    ],
)
def test_readiness(ready: int, opened: bool, store_up: bool, expected: Readiness) -> None:
    assert _ops(ready, 2, opened=opened, store_up=store_up).readiness() == expected
