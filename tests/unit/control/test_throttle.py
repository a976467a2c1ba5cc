import pytest
from fakes.clock import FakeClock

from gateway.control.throttle import FAILURES, WINDOW_S, Throttle


def fail(throttle: Throttle, *addresses: str) -> list[bool]:
    return [throttle.failed(address) for address in addresses]


def test_many_failures_of_one_address_are_too_many_for_a_while() -> None:
    clock = FakeClock()
    throttle = Throttle(clock)
    assert fail(throttle, *["192.0.2.1"] * (FAILURES + 1)) == [False] * FAILURES + [True]
    assert fail(throttle, "192.0.2.2") == [False]
    clock.advance(WINDOW_S + 1)
    assert fail(throttle, "192.0.2.1") == [False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::FFFF:c000:201", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "nonsense", True),
    ],
)
def test_what_counts_as_one_source(one: str, other: str, same: bool) -> None:
    throttle = Throttle(FakeClock())
    assert fail(throttle, *[one] * FAILURES, other)[-1] is same
