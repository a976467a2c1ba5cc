"""Promise: a worker without free descriptors neither spins nor dies, and serves again when some are free (R-25)."""

import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

from fakes.processes import alive, until, workers
from fakes.provider import FakeProvider
from fakes.service import Service, call

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LOOK_S = 2.0
SPARE = 8
CROWD = 60


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def livez(service: Service) -> bool:
    try:
        return call(service.origin, "GET", "/livez", timeout_s=5).status == 200
    except OSError:
        return False


def test_descriptors_run_out_and_come_back(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    service = start_service(workers=1, providers={"openai": upstream.origin + "/v1"})
    (pid,) = workers(service)
    host, _, port = service.origin.removeprefix("http://").partition(":")
    open_now = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + SPARE, usual[1]))
    crowd = [socket.create_connection((host, int(port)), timeout=60) for _ in range(CROWD)]
    try:
        until(lambda: not livez(service), "no descriptor is left")
        before, at = cpu_s(pid), time.monotonic()
        time.sleep(LOOK_S)
        share = (cpu_s(pid) - before) / (time.monotonic() - at)
        print(f"{share:.0%} of a core while out of descriptors")
        assert share <= 0.5, "a busy loop would take all of it"
    finally:
        for one in crowd:
            one.close()
    until(lambda: livez(service), "it accepts again")
    assert alive([pid]) == [pid]
    assert workers(service) == [pid]
    assert service.stop() == 0
