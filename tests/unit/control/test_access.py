"""The gate's own part; as a whole it is tried in tests/contract/cloudflare/management."""

from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control.access import Access
from gateway.control.sessions import Sessions
from gateway.kit.secret import keyed_digest


def test_the_digest_is_keyed() -> None:
    access = Access(b"pepper", MemoryStore(), MovableClock(), Sessions(MemoryStore(), MovableClock(), b"pepper", ""))
    assert access.digest("agw_x") == keyed_digest(b"pepper", b"agw_x")
