"""Cloudflare's own tests of each resource that the gateway serves: every one passes, or ends as `outcomes.toml` says.

Their clients are the strict ones, which refuse an answer of any other type, blocking and not, over httpx and over aiohttp.
"""

import os
import subprocess
import sys
import tomllib
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from fakes.service import clean_environment

HERE: Final = Path(__file__).parent
TABLE: Final = tomllib.loads((HERE / "outcomes.toml").read_text())
FILES: Final[list[str]] = TABLE["files"]
ROWS: Final[list[dict[str, Any]]] = TABLE["row"]
WITHOUT_REQUEST: Final = "*::test_path_params_*"
"""They only see that the client refuses an empty id."""
RUN_S: Final = 400.0

pytestmark = pytest.mark.timeout(RUN_S + 400)

Outcomes = dict[str, set[str]]


@pytest.fixture(scope="module")
def outcomes(sources: Path, origin: str, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """`{file}::{test}` → how it ended (`fakes.sdk_outcomes`), each way once. What they mark as skipped runs as well."""
    told = tmp_path_factory.mktemp("told") / "outcomes.json"
    ours = {"TEST_API_BASE_URL": origin, "SDK_OUTCOMES": str(told), "PYTHONPATH": str(HERE.parent)}
    environment = {name: value for name, value in clean_environment(ours).items() if not name.startswith("PYTEST_")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--quiet",
        "--tb=no",
        "-k=not loose",
        "--override-ini=addopts=",
        "--override-ini=filterwarnings=",
    ]
    for plugin in ("no:skipping", "no:cacheprovider", "pytest_asyncio.plugin", "fakes.sdk_outcomes"):
        command += ["-p", plugin]
    command += [f"tests/api_resources/{file}.py" for file in FILES]
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(command, cwd=sources, env=environment, capture_output=True, text=True, timeout=RUN_S)
    assert done.returncode in (os.EX_OK, 1), done.stdout[-2000:] + done.stderr[-2000:]
    ended: Outcomes = defaultdict(set)
    for name, outcome in orjson.loads(told.read_bytes()).items():
        file, _, test = name.removeprefix("tests/api_resources/").split("::")
        ended[f"{file.removesuffix('.py')}::{test.partition('[')[0]}"].add(outcome)
    return dict(ended)


def expected(test: str) -> str:
    """More than one row for a test is a mistake in the table."""
    if fnmatchcase(test, WITHOUT_REQUEST):
        return "passes"
    rows = [row for row in ROWS if any(fnmatchcase(test, pattern) for pattern in row["tests"])]
    assert len(rows) < 2, f"{test} stands in {len(rows)} rows"
    return str(rows[0]["ends"]) if rows else "passes"


@pytest.mark.parametrize("file", FILES)
def test_each_test_ends_as_the_table_says(outcomes: Outcomes, file: str) -> None:
    ran = {test: ended for test, ended in outcomes.items() if test.startswith(f"{file}::")}
    assert ran, "none of these tests ran"
    wanted = {test: expected(test) for test in ran}
    assert {test: ended for test, ended in ran.items() if not all(fnmatchcase(one, wanted[test]) for one in ended)} == {}


def test_the_table_names_tests_that_are_there(outcomes: Outcomes) -> None:
    patterns = [pattern for row in ROWS for pattern in row["tests"]]
    assert [pattern for pattern in patterns if not any(fnmatchcase(test, pattern) for test in outcomes)] == []
