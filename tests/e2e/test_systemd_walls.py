"""The service lives within the walls of its unit: system calls, address families, no memory both writable and executable."""

import functools
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.processes import children, control, until
from fakes.provider import FakeProvider
from fakes.service import ROOT, Service, call

UNIT = (ROOT / "deploy" / "systemd" / "gateway.service").read_text()
NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
MDWE_SINCE = (6, 3)


def kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])


def walls() -> str:
    """What `fakes/walls.py` is told."""
    if platform.machine() != "x86_64" or kernel() < MDWE_SINCE:
        pytest.skip("needs Linux 6.3 on x86-64")
    if not NUMBERS.exists() or not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze and the kernel's headers (linux-libc-dev)")
    assert "MemoryDenyWriteExecute=yes" in UNIT
    assert "NoNewPrivileges=yes" in UNIT
    (families,) = re.findall(r"(?m)^RestrictAddressFamilies=(.*)$", UNIT)
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text()))
    calls = [int(numbers[name]) for name in sorted(allowed_calls()) if name in numbers]
    return json.dumps({"families": [getattr(socket, name).value for name in families.split()], "calls": calls})


def allowed_calls() -> set[str]:
    allowed: set[str] = set()
    for value in re.findall(r"(?m)^SystemCallFilter=(.*)$", UNIT):
        named = set[str]().union(*(expanded(name) for name in value.removeprefix("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


@functools.cache
def expanded(name: str) -> frozenset[str]:
    if not name.startswith("@"):
        return frozenset({name})
    shown = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, timeout=30, check=True)
    lines = [line.strip() for line in shown.stdout.splitlines()]
    return frozenset().union(*(expanded(line) for line in lines if line and line != name and not line.startswith("#")))


def walled(program: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "tests/fakes/walls.py"), walls(), sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "Address family not supported"),
        ("import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)", "PermissionError"),
        ("import os; os.sched_setaffinity(0, {0})", "PermissionError"),
        ("import os; os.chroot('/')", "PermissionError"),
    ],
)
def test_the_walls_are_there(program: str, error: str) -> None:
    done = walled(program)
    assert done.returncode == 1
    assert error in done.stderr


def test_the_service_runs_within_them(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    """From the first start with an empty data folder over a request by name and a reload to a clean end."""
    port = upstream.origin.rpartition(":")[2]
    service = start_service(
        workers=1,
        providers={"openai": f"http://localhost:{port}/v1"},
        prefix=[sys.executable, str(ROOT / "tests/fakes/walls.py"), walls()],
    )
    assert service.process is not None
    for pid in (service.process.pid, *children(service)):
        assert "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    (controlling,) = control(service)
    nicer = os.getpriority(os.PRIO_PROCESS, controlling) - os.getpriority(os.PRIO_PROCESS, service.process.pid)
    assert nicer > 0 or os.getpriority(os.PRIO_PROCESS, controlling) == 19
    headers = {"cf-aig-authorization": service.management.create_token().bearer, "Authorization": "Bearer key"}
    path = f"/v1/{service.account}/default/openai/chat/completions"
    assert call(service.origin, "POST", path, headers=headers, body={"model": "m"}).status == 200
    until(lambda: [entry["status_code"] for entry in service.management.logs("default")] == [200], "the log is stored")
    assert call(service.ops_origin, "GET", "/metrics").status == 200
    service.process.send_signal(1)
    until(lambda: "reloaded: 1 workers" in service.log_tail(), "the workers are replaced")
    assert service.stop() == 0
