"""Places that strangers share: bounded in all and for each of them."""

from gateway.edge.seats import Seats


def test_each_customer_has_so_many_and_all_have_so_many() -> None:
    seats = Seats(5, 2)
    mine = [seats.take("192.0.2.1") for _ in range(3)]
    assert [seat is not None for seat in mine] == [True, True, False]
    assert seats.take("192.0.2.2") is not None
    assert seats.take("2001:db8::1") is not None
    assert seats.take("2001:db8::2") is not None, "the second of a /64"
    assert seats.take("192.0.2.3") is None, "all five are taken"
    assert seats.count == 5


def test_a_seat_that_is_left_is_free_again() -> None:
    seats = Seats(1, 1)
    for _ in range(3):
        seat = seats.take("192.0.2.1")
        assert seat is not None
        assert seats.take("192.0.2.2") is None
        seat.leave()
    assert seats.count == 0
    assert seats._taken == {}


def test_one_customer_in_many_disguises_has_its_share_only() -> None:
    seats = Seats(100, 1)
    assert seats.take("192.0.2.1") is not None
    assert seats.take("::ffff:192.0.2.1") is None
    assert seats.take("2001:db8::1") is not None
    assert seats.take("2001:db8::ffff:1%eth0") is None
    assert seats.take("") is not None
    assert seats.take("nonsense") is None
