"""Promise: importing the product reaches for no network and starts no program (32), and its dependencies are few."""

import subprocess
import sys
import tomllib

from fakes.service import ROOT, clean_environment

DEPENDENCIES = 12
WATCH = """
import importlib, pkgutil, sys

REFUSED = {
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "socket.bind", "socket.connect",
    "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen", "urllib.Request",
}

def look(event, arguments):
    if event in REFUSED:
        print(f"{event} {arguments}", flush=True)
        sys.exit(1)

sys.addaudithook(look)
import gateway
names = [
    found.name
    for found in pkgutil.walk_packages(gateway.__path__, "gateway.")
    if not found.name.startswith(("gateway.packaging", "gateway.__main__"))
]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def run(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_import_does_nothing_outside() -> None:
    done = run(WATCH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 100, "all of it was imported"


def test_what_it_would_do_is_seen() -> None:
    for line in ("import socket; socket.getaddrinfo('localhost', 1)", "import subprocess; subprocess.Popen(['true'])"):
        assert run(f"{WATCH}\n{line}").returncode == 1


def test_the_dependencies_are_few() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert len(project["dependencies"]) <= DEPENDENCIES
