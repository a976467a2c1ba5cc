"""A day's budget: spent at once or little by little, and grown back over a day."""

from fakes.clock import FakeClock

from gateway.control.budget import DailyBudget


def test_what_is_spent_grows_back_over_a_day() -> None:
    clock = FakeClock()
    budget = DailyBudget(clock, 86_400)
    assert budget.spend(86_000)
    assert not budget.spend(500)
    assert budget.spend(400)
    clock.advance(499)
    assert not budget.spend(500)
    clock.advance(1)
    assert budget.spend(500)
    clock.advance(10 * 86_400)
    assert budget.spend(86_400)
    assert not budget.spend(1)


def test_what_is_larger_than_a_day_is_never_taken() -> None:
    budget = DailyBudget(FakeClock(), 100)
    assert not budget.spend(101)
    assert budget.spend(100)
