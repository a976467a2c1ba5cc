"""Exchanges as the phases before would have filled them."""

from types import SimpleNamespace
from typing import Any

from fakes.clock import FakeClock

from gateway.edge.exchange import Exchange
from gateway.edge.head_memory import WholeBody
from gateway.edge.request import Request
from gateway.protocol.headers import RequestHead

_HEAD = RequestHead((), http_10=False, limit_bytes=0)


def request(method: str = "POST", target: str = "/", body: bytes = b"", *, address: str = "192.0.2.1") -> Request:
    """A request that came whole, from a client of which only the address is known."""
    downstream: Any = SimpleNamespace(address=address)
    return Request(SimpleNamespace(method=method, path=target), WholeBody(body, _HEAD), downstream)


def exchange(given: Request | None = None, clock: FakeClock | None = None, **slots: Any) -> Exchange:
    """An exchange with these slots filled."""
    made = Exchange(given or request(), clock or FakeClock())
    for name, value in slots.items():
        setattr(made, name, value)
    return made


PLAIN = request()
"""A request with a known head and no lines of its own."""
