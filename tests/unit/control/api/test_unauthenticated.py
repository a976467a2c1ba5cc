"""The endpoint's place; its answers are tested in tests/contract/cloudflare/management."""

from typing import Any

from gateway.control.api.unauthenticated import Unauthenticated


def test_it_is_below_its_gateway_and_only_read() -> None:
    anything: Any = type("Changes", (), {"store": None})
    (route,) = Unauthenticated(anything, anything, anything, anything).routes()
    assert (route.method, route.path.rpartition("/")[2]) == ("GET", "unauthenticated")
