"""Promise: on a full disk the service is degraded for as long as writes fail, also after a start, and fails no known token;
once there is room again it is as before (30, 55, R-27).

A real file system of a few megabytes, which only root may mount; `test_store_trouble.py` does without one.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.processes import control, until
from fakes.provider import FakeProvider
from fakes.service import Service, call

SIZE = "16m"
WATCHED_S = 9.0
"""More than the rounds of calm after which a store counts as up again."""
METADATA = "x" * 1_000
"""So that rows are large: what little room the store has of its own is soon used up."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                while True:
                    file.write(b"x" * size)
    try:
        yield
    finally:
        filler.unlink()


def ask(service: Service, token: str) -> int:
    headers = {
        "cf-aig-authorization": f"Bearer {token}",
        "Authorization": "Bearer key",
        "cf-aig-metadata": f'{{"a":"{METADATA}","b":"{METADATA}","c":"{METADATA}"}}',
    }
    path = f"/v1/{service.account}/default/openai/chat/completions"
    return call(service.origin, "POST", path, headers=headers, body={"model": "m"}, timeout_s=60).status


def state(service: Service) -> tuple[int, str]:
    """What control says; nothing while it is away."""
    try:
        answer = call(service.ops_origin, "GET", "/readyz")
    except OSError:
        return 0, ""
    return answer.status, answer.json()["status"]


@pytest.mark.timeout(300)
def test_a_full_disk(small_disk: Path, start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    environment = {"GATEWAY_STORE__URL": f"sqlite:///{small_disk}/gateway.db"}
    service = start_service(workers=1, providers={"openai": upstream.origin + "/v1"}, environment=environment)
    management = service.management
    token = management.create_token().value
    assert ask(service, token) == 200
    until(lambda: state(service) == (200, "ok"))
    asked = 1

    def degraded() -> bool:
        nonlocal asked
        assert ask(service, token) == 200
        asked += 1
        return state(service) == (200, "degraded")

    with full(small_disk):
        until(degraded, "writes fail")
        end = time.monotonic() + WATCHED_S
        while time.monotonic() < end:
            assert degraded(), "it takes no writes, so it is not well again"
            time.sleep(0.2)
        (victim,) = control(service)
        os.kill(victim, signal.SIGKILL)
        until(lambda: (found := control(service)) and victim not in found, "control is back")
        until(degraded, "a start on a full disk says so, too")
        end = time.monotonic() + WATCHED_S
        while time.monotonic() < end:
            assert degraded()
            time.sleep(0.2)
        resources = {f"com.cloudflare.api.account.{service.account}": "*"}
        policy = {"effect": "allow", "permission_groups": [{"name": "AI Gateway Run"}], "resources": resources}
        change = {"name": "x" * 100, "policies": [policy] * 20}
        path = f"/client/v4/accounts/{service.account}/tokens"
        headers = {"Authorization": f"Bearer {management.token}"}
        assert call(service.origin, "POST", path, headers=headers, body=change).status == 503
    until(lambda: state(service) == (200, "ok"), "there is room again")
    assert management.create_token().value
    print(f"{asked} requests on a full disk, 0 failed")
