"""Command-line agents from npm, unmodified, on the real service with a scripted provider behind it.

They are large (1.1 GB installed), so they have a lane of their own: `pytest tests/agents`, a step of `.ci/run`. Nothing of them
reaches anything but loopback: their way out is a proxy that is not there.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.agent_turns import WORD
from fakes.service import clean_environment

HERE = Path(__file__).parent
NPM_S = 400.0
RUN_S = 90.0
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens."""
QUIET = {
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
    "CI": "1",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "GEMINI_TELEMETRY_ENABLED": "false",
}


@pytest.fixture(scope="session")
def installed() -> Path:
    """Their programs, at the lock's versions, installed on first use and kept here (git ignores them)."""
    if shutil.which("npm") is None:
        pytest.fail("the agents need node and npm: apt-get install nodejs npm")
    lock, stamp = HERE / "package-lock.json", HERE / "node_modules" / ".installed-lock"
    with (HERE / "package.json").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            # Not `npm ci`: it wants opencode's programs for all other systems in the lock, and not every registry has them.
            command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=NPM_S)
            if done.returncode != 0:
                pytest.fail(f"the agents could not be installed from the npm registry:\n{done.stderr[-2000:]}")
            stamp.write_bytes(lock.read_bytes())
    return HERE / "node_modules" / ".bin"


@dataclass(frozen=True)
class Said:
    out: str
    """Both streams, as a person would see them."""
    status: int


Run = Callable[[list[str], Mapping[str, str]], Said]


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Runs one of them in a folder that holds the note, with a home of its own."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    (work / "note.txt").write_text(f"{WORD}\n")
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "XDG_DATA_HOME": str(home / ".data")}
    own |= {"XDG_CACHE_HOME": str(home / ".cache"), "XDG_STATE_HOME": str(home / ".state"), "PWD": str(work)}

    def one(command: list[str], environment: Mapping[str, str]) -> Said:
        prepared = clean_environment({**QUIET, **own, **environment, "PATH": f"{installed}:{os.environ['PATH']}"})
        with subprocess.Popen(
            command,
            cwd=work,
            env=prepared,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            try:
                out, _ = running.communicate(timeout=RUN_S)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, 9)
                out, _ = running.communicate()
                pytest.fail(f"{command[0]} did not end within {RUN_S:.0f} s:\n{out[-3000:]}")
        return Said(out, running.returncode)

    return one
