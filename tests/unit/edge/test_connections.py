"""Who is counted, who may come in, and who goes first."""

from collections.abc import Iterable

import pytest

from gateway.edge.clients import Clients
from gateway.edge.connections import Connections, Source
from gateway.model.service import Limits


class One:
    """A connection without a socket."""

    def __init__(self, since: float | None = 0.0, *, known: bool = False) -> None:
        self.source = Source("", 0, 0)
        self.held_bytes = 0
        self.known = known
        self.since = since
        self.ended = False

    def waits_since(self) -> float | None:
        return self.since

    def end(self) -> None:
        self.ended = True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def made(trusted: Iterable[str] = (), clock: Clock | None = None, **limits: int) -> Connections:
    return Connections(Limits(**limits), Clients(trusted), clock or Clock())


def entered(connections: Connections, *clients: One, address: str = "10.0.0.1") -> list[bool]:
    return [connections.enter(client, address) for client in clients]


def test_the_stranger_that_waits_longest_makes_room() -> None:
    connections = made(client_connections=3)
    served, old, young, new = One(None), One(1.0), One(2.0), One(3.0)
    assert entered(connections, served, old, young, new) == [True] * 4
    assert [one.ended for one in (served, old, young, new)] == [False, True, False, False]
    assert connections.all.connections == 3
    assert connections.ended == {"connections": 1}


def test_who_showed_a_token_goes_last_and_who_is_served_never() -> None:
    connections = made(client_connections=3)
    served, known, stranger = One(None), One(1.0, known=True), One(2.0)
    assert entered(connections, served, known, stranger, One(None), One(None)) == [True] * 5
    assert [one.ended for one in (served, known, stranger)] == [False, True, True]
    assert entered(connections, One(None)) == [False]
    assert connections.ended == {"connections": 2, "refused": 1}


def test_many_make_room_at_once_so_that_not_each_newcomer_costs_a_look() -> None:
    connections = made(client_connections=64)
    crowd = [One(float(at)) for at in range(64)]
    assert all(entered(connections, *crowd, One(99.0)))
    assert [one.ended for one in crowd] == [True] * 4 + [False] * 60


def test_where_nobody_can_go_nobody_is_looked_for_again_at_once() -> None:
    clock = Clock()
    connections = made(clock=clock, client_connections=1)
    first = One(None)
    assert entered(connections, first, One(1.0)) == [True, False]
    first.since = 1.0
    assert entered(connections, One(1.0)) == [False]
    clock.now += 1.0
    assert entered(connections, One(1.0)) == [True]
    assert first.ended


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_one_address_makes_room_among_its_own(one: str, other: str, same: bool) -> None:
    connections = made(connections_per_source=1)
    first, second = One(1.0), One(2.0)
    assert entered(connections, first, address=one) == entered(connections, second, address=other) == [True]
    assert first.ended is same


@pytest.mark.parametrize("address", ["10.1.2.3", "", "2001:db8::1"])
def test_proxies_of_ours_and_unix_sockets_have_no_bound_of_their_own(address: str) -> None:
    connections = made(("10.1.0.0/16", "2001:db8::/32"), connections_per_source=1, client_bytes=1000)
    clients = [One(1.0), One(2.0), One(3.0)]
    assert all(entered(connections, *clients, address=address))
    connections.holds(clients[0], 900)
    assert not any(one.ended for one in clients)


def test_strangers_that_hold_most_go_until_a_quarter_is_free() -> None:
    connections = made(("10.0.0.1",), client_bytes=1000)
    served, known, large, small, last = One(None), One(known=True), One(), One(), One()
    entered(connections, served, known, large, small, last)
    for one, size in ((served, 300), (known, 200), (large, 300), (small, 100), (last, 200)):
        connections.holds(one, size)
    assert [one.ended for one in (served, known, large, small, last)] == [False, False, True, False, True]
    assert connections.all.held_bytes == 600
    assert connections.ended == {"bytes": 2}


def test_one_address_holds_at_most_half() -> None:
    connections = made(client_bytes=1000)
    greedy, other = [One() for _ in range(4)], One()
    entered(connections, *greedy)
    entered(connections, other, address="10.0.0.2")
    connections.holds(other, 450)
    for one in greedy:
        connections.holds(one, 130)
    assert not other.ended
    assert [one.ended for one in greedy].count(True) == 2
    assert connections.all.held_bytes == 450 + 260


def test_what_is_gone_is_not_counted_and_goes_once() -> None:
    connections = made()
    one = One()
    entered(connections, one)
    connections.holds(one, 500)
    connections.holds(one, 200)
    assert connections.all.held_bytes == one.source.held_bytes == 200
    connections.leave(one)
    connections.leave(one)
    connections.holds(one, 900)
    assert (connections.all.connections, connections.all.held_bytes, connections._sources) == (0, 0, {})


def test_short_memory_ends_every_stranger_that_waits() -> None:
    connections = made()
    served, known, one, two = One(None), One(known=True), One(), One()
    entered(connections, served, known, one, two)
    connections.shed()
    assert [client.ended for client in (served, known, one, two)] == [False, False, True, True]
    assert connections.ended == {"memory": 2}
