import pytest
from fakes.clock import FakeClock

from gateway.kit.operator import OperatorCheck, operator_credential
from gateway.model.tokens import hide_tokens, well_formed

KEY = b"k" * 32


def test_a_credential_is_good_once_and_for_a_minute() -> None:
    clock = FakeClock()
    check = OperatorCheck([KEY], clock)
    value, late, early = (operator_credential(KEY, clock.wall() + offset) for offset in (0, -61.5, 62))
    assert [check.accepts(each) for each in (value, value, late, early)] == [True, False, False, False]
    waiting = operator_credential(KEY, clock.wall())
    clock.advance(62)
    assert not check.accepts(waiting)
    assert check.accepts(operator_credential(KEY, clock.wall()))


def test_nobody_else_makes_one() -> None:
    clock = FakeClock()
    check = OperatorCheck([KEY], clock)
    value = operator_credential(KEY, clock.wall())
    body, _, mac = value.rpartition("_")
    others = [
        operator_credential(b"o" * 32, clock.wall()),
        f"{body}0_{mac}",
        f"{body}_{mac[:-1]}",
        value + "\u00e9",
        "",
        "agw_op_",
    ]
    assert [check.accepts(each) for each in others] == [False] * len(others)
    assert check.accepts(value)


@pytest.mark.parametrize("value", [operator_credential(KEY, 1_790_000_000.0)])
def test_it_is_no_token_and_hidden_like_one(value: str) -> None:
    assert not well_formed(value)
    assert hide_tokens(f"x {value} y".encode()) == b"x agw_*** y"
