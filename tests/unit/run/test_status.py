from types import SimpleNamespace
from typing import Any

import pytest

from gateway.run import status


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
