import pytest

from gateway.run.restarts import FREE_RESTARTS, QUICK_DEATH_S, Restarts


def test_a_death_is_repaired_at_once() -> None:
    restarts = Restarts()
    assert not restarts
    assert restarts.lost("edge-0", lived_s=60, now=100.0) == 0
    assert restarts
    assert restarts.take_due(100.0) == ["edge-0"]
    assert not restarts
    restarts.ended("edge-1", now=100.0)
    assert restarts.total == 1, "one that was told to end did not die"


def test_young_deaths_in_a_row_wait_longer_and_longer() -> None:
    restarts, delays = Restarts(), []
    for count in range(1, 9):
        assert restarts.lost("edge-0", lived_s=0.1, now=100.0) == count
        (moment,) = restarts.moments()
        delays.append(moment - 100.0)
        restarts.take_due(moment)
    assert delays[:FREE_RESTARTS] == [0.0] * FREE_RESTARTS
    assert delays[FREE_RESTARTS:] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize("how", ["old age", "told to end"])
def test_the_count_starts_again(how: str) -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.lost("edge-0", lived_s=0.1, now=0.0)
    if how == "old age":
        restarts.lost("edge-0", lived_s=QUICK_DEATH_S, now=50.0)
    else:
        restarts.ended("edge-0", now=50.0)
    assert restarts.take_due(50.0) == ["edge-0"]
    assert restarts.lost("edge-0", lived_s=0.1, now=60.0) == 1
    assert restarts.take_due(60.0) == ["edge-0"]


def test_children_are_counted_apart_and_can_be_dropped() -> None:
    restarts = Restarts()
    for name in ("edge-0", "edge-1", "control"):
        restarts.ended(name, now=0.0)
    restarts.drop(lambda name: name != "control")
    assert restarts.take_due(0.0) == ["control"]
    restarts.ended("edge-0", now=0.0)
    restarts.drop()
    assert not restarts
