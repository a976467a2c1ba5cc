"""What is said of a compiled hot path, and of one that is not."""

import pytest

from gateway.run.findings import Verdict
from gateway.run.hot_path import hot_path


@pytest.mark.parametrize(
    ("module", "verdict"),
    [("gateway.run.hot_path", Verdict.DOUBTFUL), ("gateway.nowhere", Verdict.DOUBTFUL), ("_uuid", Verdict.GOOD)],
)
def test_machine_code_is_told_from_python(module: str, verdict: Verdict) -> None:
    finding = hot_path(module)
    assert finding.verdict is verdict
    assert ("plain Python" in finding.text) is (verdict is Verdict.DOUBTFUL)
