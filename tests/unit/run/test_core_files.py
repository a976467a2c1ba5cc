"""Core files are forbidden for the service and what it starts."""

import resource
import subprocess
import sys

import pytest

_CODE = """
import resource, subprocess, sys
from gateway.run.core_files import forbid_core_files
resource.setrlimit(resource.RLIMIT_CORE, ({before}, {before}))
forbid_core_files()
forbid_core_files()
told = "import resource; print(*resource.getrlimit(resource.RLIMIT_CORE))"
subprocess.run([sys.executable, "-c", told], check=True)
"""


@pytest.mark.parametrize(("before", "after"), [(0, "0 0"), (1, "1 1"), (65_536, "1 1"), ("-1", "1 1")])
def test_limits_that_children_inherit(before: object, after: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != resource.RLIM_INFINITY and (before == "-1" or int(str(before)) > hard):
        after = f"{min(1, hard)} {min(1, hard)}"
        before = hard
    done = subprocess.run([sys.executable, "-c", _CODE.format(before=before)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == after
