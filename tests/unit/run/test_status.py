from types import SimpleNamespace
from typing import Any

import pytest

from gateway.run import status
from gateway.run.systemd import Notifier


def edges(*in_flight: int) -> list[Any]:
    return [SimpleNamespace(in_flight=count) for count in in_flight]


@pytest.mark.parametrize(
    ("serving", "outgoing", "trouble", "said"),
    [
        ((0, 0), (), "", "2 workers, 0 streams open"),
        ((1,), (), "", "1 worker, 1 stream open"),
        ((3, 4), (2,), "", "2 workers, 7 streams open, 1 draining 2 streams"),
        ((0,), (), "; reload failed", "1 worker, 0 streams open; reload failed"),
    ],
)
def test_serving(serving: tuple[int, ...], outgoing: tuple[int, ...], trouble: str, said: str) -> None:
    assert status.serving(edges(*serving), edges(*outgoing), trouble) == said


def test_stopping() -> None:
    assert status.stopping(edges(1, 4)) == "stopping: 2 workers draining 5 streams"


class Heard(Notifier):
    def __init__(self) -> None:
        super().__init__("")
        self.words: list[str] = []

    def _send(self, *lines: str) -> None:
        self.words.extend(lines)


def test_a_line_is_told_when_it_changes_and_a_beat_once_a_second() -> None:
    notifier = Heard()
    told = status.Told(notifier)
    for line in ("a", "a", "b", "a"):
        told.line(line)
    assert notifier.words == ["STATUS=a", "STATUS=b", "STATUS=a"]
    notifier.words.clear()
    for now in (10.0, 10.5, 10.9, 11.0, 13.0):
        told.beat(now)
    assert notifier.words == ["WATCHDOG=1"] * 3
