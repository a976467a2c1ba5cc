"""Cloudflare's Python SDK tests its resources against a mock server; here the real service stands in the mock's place.

Its tests are in the source archive alone (its wheel has none). They want a download and a minute, so they have a lane of their
own: `pytest tests/sdk_resources`, a step of `.ci/run`.
"""

import fcntl
import importlib.metadata
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.examples import ExampleServer
from fakes.provider import FakeProvider
from fakes.service import Service

HERE = Path(__file__).parent
PINNED = HERE / "requirements.txt"
PIP_S = 300.0


@pytest.fixture(scope="session")
def sources(pytestconfig: pytest.Config) -> Path:
    """The archive's folder, at the pinned version and digest: fetched on first use, kept in pytest's cache."""
    pin = re.search(r"^cloudflare==(\S+)", PINNED.read_text(), re.MULTILINE)
    assert pin is not None
    assert importlib.metadata.version("cloudflare") == pin[1], "requirements.txt pins another version than is installed"
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("cloudflare_sources") / f"cloudflare-{pin[1]}"
    with PINNED.open("rb") as held:
        # Test processes side by side: one fetches, the others wait.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary=cloudflare", f"--dest={folder.parent}", f"--requirement={PINNED}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_S)
    if done.returncode != 0:
        pytest.fail(f"pip could not get the SDK's source archive from the package index:\n{done.stderr[-2000:]}")
    with tarfile.open(folder.parent / f"{folder.name}.tar.gz") as archive:
        unpacked = folder.parent / "unpacked"
        archive.extractall(unpacked, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked / folder.name).rename(folder)


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory, shared_provider: FakeProvider) -> Iterator[str]:
    """What their tests call instead of the mock server."""
    data = tmp_path_factory.mktemp("service") / "data"
    with Service(data, providers={"openai": shared_provider.origin + "/v1"}) as service, ExampleServer(service) as origin:
        yield origin
