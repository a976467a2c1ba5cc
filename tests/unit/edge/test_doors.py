"""What each kind of listener serves, and to whom it answers; on real sockets, with heads that repeat."""

import pytest

from gateway.edge.doors import Door, admin_door, public_door
from gateway.model.faults import MISDIRECTED, UNKNOWN_ROUTE, Fault, Refusal
from gateway.model.routes import Surface
from gateway.model.service import EdgeConfig
from gateway.protocol.headers import RequestHead

TOGETHER = EdgeConfig()
APART = EdgeConfig(admin_listen=("127.0.0.1:8789",), hosts=("ai.example.com",), admin_hosts=("127.0.0.1", "admin.example.com"))
MANAGEMENT = {Surface.CONTROL, Surface.DASHBOARD}


def verdict(door: Door, surface: Surface, host: str = "ai.example.com") -> Fault | None:
    try:
        door.check(surface, RequestHead(((b"Host", host.encode()),), http_10=False, limit_bytes=999))
    except Refusal as refusal:
        return refusal.fault
    return None


@pytest.mark.parametrize("surface", Surface)
def test_the_public_door_serves_all_unless_there_is_another(surface: Surface) -> None:
    assert verdict(public_door(TOGETHER), surface) is None
    assert verdict(public_door(APART), surface) is (UNKNOWN_ROUTE if surface in MANAGEMENT else None)


@pytest.mark.parametrize("surface", Surface)
def test_the_admin_door_serves_no_inference(surface: Surface) -> None:
    served = surface in MANAGEMENT | {Surface.OPS}
    assert verdict(admin_door(APART), surface, "admin.example.com") is (None if served else UNKNOWN_ROUTE)


@pytest.mark.parametrize(
    ("host", "public", "admin"),
    [
        ("ai.example.com", None, MISDIRECTED),
        ("admin.example.com:443", MISDIRECTED, None),
        ("127.0.0.1:8789", MISDIRECTED, None),
        ("localhost", MISDIRECTED, None),
        ("rebound.evil.test", MISDIRECTED, MISDIRECTED),
    ],
)
def test_names_are_asked_for(host: str, public: Fault | None, admin: Fault | None) -> None:
    assert verdict(public_door(APART), Surface.PROVIDER_NATIVE, host) is public
    assert verdict(admin_door(APART), Surface.CONTROL, host) is admin
    assert verdict(public_door(TOGETHER), Surface.CONTROL, host) is None


def test_a_load_balancer_asks_by_address() -> None:
    assert verdict(public_door(APART), Surface.OPS, "10.0.0.7:8787") is None


def test_the_refusal_names_the_setting() -> None:
    with pytest.raises(Refusal) as refused:
        public_door(APART).check(Surface.DASHBOARD, RequestHead(((b"Host", b"ai.example.com"),), http_10=False, limit_bytes=99))
    assert "admin.listen" in (refused.value.message or "")


def test_heads_are_remembered_for_each_door_apart() -> None:
    assert public_door(APART).memory is not admin_door(APART).memory
