"""How many open files are too few."""

import resource

import pytest

from gateway.run.findings import Verdict
from gateway.run.open_files import judged, open_files


@pytest.mark.parametrize(
    ("soft", "hard", "verdict"),
    [
        (256, 256, Verdict.BAD),
        (1024, 4096, Verdict.DOUBTFUL),
        (131072, 131072, Verdict.GOOD),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, Verdict.GOOD),
    ],
)
def test_few_and_many(soft: int, hard: int, verdict: Verdict) -> None:
    assert judged(soft, hard).verdict is verdict


def test_this_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (64, 64) if which == resource.RLIMIT_NOFILE else (0, 0))
    assert open_files().text.startswith("only 64 open files")
