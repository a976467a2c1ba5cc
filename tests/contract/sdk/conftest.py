"""Official clients, unmodified, in front of the real service, with a scripted provider behind it."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fakes.sdk import store_keys
from fakes.service import Service, Token, clean_environment

NODE = Path(__file__).parent / "node"
NODE_MAJOR = 20
NPM_S = 300.0
SCRIPT_S = 60.0


@pytest.fixture(scope="session", autouse=True)
def _no_environment() -> Iterator[None]:
    """The SDKs read proxies and keys from the environment; here they find none."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(clean_environment()):
            patch.delenv(name)
        yield


@pytest.fixture
def keyed_gateway_id(service: Service, gateway_id: str) -> str:
    """A fresh gateway that holds a key of each provider (`fakes.sdk.STORED_KEYS`)."""
    store_keys(service, gateway_id)
    return gateway_id


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript clients at the versions of the lock, installed once and kept beside the scripts (git ignores them)."""
    if shutil.which("npm") is None or _node_major() < NODE_MAJOR:
        pytest.skip(f"the JavaScript clients need npm and node {NODE_MAJOR} or newer")
    installed, lock = NODE / "node_modules", NODE / "package-lock.json"
    stamp = installed / ".installed-lock"
    with (NODE / "package.json").open("rb") as held:
        # Test processes side by side: one installs, the others wait.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            command = ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=NPM_S)
            assert done.returncode == 0, done.stderr[-2000:]
            stamp.write_bytes(lock.read_bytes())
    return installed


def _node_major() -> int:
    """0 without node."""
    if shutil.which("node") is None:
        return 0
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30).stdout
    return int(version.strip().removeprefix("v").partition(".")[0] or 0)


class NodeRunner:
    """Runs `node/{script}.mjs` with its input as JSON in argv."""

    def __init__(self, service: Service, token: Token) -> None:
        self._given = {"origin": service.origin, "account": service.account, "token": token.value}

    def _start(self, script: str, given: dict[str, Any]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["node", f"{script}.mjs", orjson.dumps({**self._given, **given}).decode()],
            cwd=NODE,
            env=clean_environment({"NODE_NO_WARNINGS": "1"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, **given: Any) -> Any:
        """The JSON document the script prints."""
        with self._start(script, given) as process:
            out, err = process.communicate(timeout=SCRIPT_S)
        assert process.returncode == 0, err[-2000:]
        return orjson.loads(out)

    def pieces(self, script: str, **given: Any) -> Iterator[str]:
        """The pieces of text a stream consists of, each as soon as the client has it."""
        with self._start(script, given) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                yield orjson.loads(line)
            error = process.stderr.read()
        assert process.returncode == 0, error[-2000:]


@pytest.fixture
def node(node_modules: Path, service: Service, run_token: Token) -> NodeRunner:
    return NodeRunner(service, run_token)
