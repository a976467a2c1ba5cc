"""Promise: under attack from all sides at once nobody who does nothing wrong notices, and nothing of it stays.

A minute of `hostile.py`; the minutes and hours are run by hand (tests/README.md).
"""

import re
from pathlib import Path

import pytest
from fakes.attacks.crew import ATTACKS
from fakes.attacks.siege import Plan, Siege
from fakes.service import ROOT

SECONDS = 60.0


def test_the_table_of_faults_names_as_many_kinds_as_there_are() -> None:
    table = (ROOT / "tests" / "fault" / "README.md").read_text()
    assert re.findall(r"attacks of (\d+) kinds", table) == [str(len(ATTACKS))]
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_minute_under_attack(tmp_path: Path) -> None:
    plan = Plan(seed=7, calm_s=8.0, seconds=SECONDS, scale=0.25, attackers=4, attacks=600)
    report = Siege(tmp_path, plan).lay()
    print("\n".join(report.told()))
    assert report.findings == []
    tried = sum(sum(outcomes.values()) > 0 for outcomes in report.outcomes.values())
    assert tried > len(report.outcomes) // 2, "attackers were stopped by something"
