"""Doors: what each kind of listener serves, and under which host names (decision 0020)."""

from typing import Final

from gateway.edge.head_memory import HeadMemory
from gateway.kit.hosts import Hosts
from gateway.model.faults import MISDIRECTED, UNKNOWN_ROUTE, Refusal
from gateway.model.routes import Surface
from gateway.model.service import EdgeConfig
from gateway.protocol.headers import RequestHead

_MANAGEMENT: Final = frozenset({Surface.CONTROL, Surface.DASHBOARD})
_EVERYTHING: Final = frozenset(Surface)
_ADMIN_MEMORY_BYTES: Final = 1024 * 1024


class Door:
    """Heads are judged when they are read, and remembered with the door they came by: a known head was let in here."""

    def __init__(self, surfaces: frozenset[Surface], elsewhere: str, hosts: Hosts, memory: HeadMemory) -> None:
        self.surfaces = surfaces
        self._elsewhere = elsewhere
        self._hosts = hosts
        self.memory = memory

    def check(self, surface: Surface, head: RequestHead) -> None:
        """Raises Refusal for what is not served here. Health is: a load balancer asks by address."""
        if not self._hosts.any and surface is not Surface.OPS and not self._hosts.accept(head.value(b"host").decode("latin-1")):
            raise Refusal(MISDIRECTED)
        if surface not in self.surfaces:
            raise Refusal(UNKNOWN_ROUTE, self._elsewhere)


def public_door(config: EdgeConfig) -> Door:
    surfaces = _EVERYTHING - _MANAGEMENT if config.admin_listen else _EVERYTHING
    elsewhere = "The management API and the dashboard are not served at this address (setting admin.listen)"
    return Door(surfaces, elsewhere, Hosts(config.hosts), HeadMemory(config.limits.remembered_bytes))


def admin_door(config: EdgeConfig) -> Door:
    elsewhere = "Only the management API and the dashboard are served at this address (setting admin.listen)"
    hosts = Hosts(config.admin_hosts, local=True)
    return Door(_MANAGEMENT | {Surface.OPS}, elsewhere, hosts, HeadMemory(_ADMIN_MEMORY_BYTES))
