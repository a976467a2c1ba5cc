"""The state of one request: what is so before anything happened."""

import re

from fakes.clock import FakeClock
from fakes.exchange import request

from gateway.edge.exchange import Exchange


def test_a_new_exchange_is_a_client_that_left() -> None:
    """A cancelled request says nothing any more: what it would have to say is what it starts with."""
    x = Exchange(request(), FakeClock(wall_s=1.5, monotonic_s=7.0))
    assert (x.outcome, x.status, x.committed, x.logged, x.fault) == ("client_gone", 0, False, False, None)
    assert (x.started_wall, x.started_at) == (1.5, 7.0)
    assert x.permit is None, "nothing is permitted yet"


def test_ids_carry_the_time_and_differ() -> None:
    clock = FakeClock(wall_s=0x0123_4567_89AB / 1000)
    ids = {Exchange(request(), clock).id for _ in range(100)}
    assert len(ids) == 100
    assert all(re.match(r"01234567-89ab-7", text) for text in ids)


def test_slots_only() -> None:
    assert not hasattr(Exchange(request(), FakeClock()), "__dict__")
