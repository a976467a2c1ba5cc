"""What is measured, and with what: this product, no proxy at all, and the two upstreams. The other proxies are in peers.py.

Every proxy checks the token and relays to the provider; the first core is the proxy's, the last that of load and upstreams.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import provider  # noqa: E402
from fakes.service import Service, clean_environment, free_port  # noqa: E402

CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, LOAD_CORE = CORES[0], CORES[-1]
GATEWAY = "bench"
START_S = 20.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Upstreams:
    """Where the answers come from."""

    whole: str
    """Origin that answers each request at once."""
    paced: str
    """Origin of provider.py: event streams, large bodies."""


@dataclass(frozen=True)
class Target:
    """Where the load goes, and the credentials that go with it."""

    url: str
    fields: tuple[tuple[str, str], ...] = ()

    def lines(self) -> list[str]:
        return [f"{name}: {value}" for name, value in self.fields]


@dataclass
class System:
    """A running proxy (or none)."""

    name: str
    whole: Target
    paced: Target
    pids: dict[str, list[int]] = field(default_factory=dict)
    """Role → processes; `proxy` carries the traffic."""
    refused: Target | None = None
    """The same with a token of the wrong shape; None where none is checked."""
    most_streams: int = 100_000
    """What it can be asked for without choking the machine."""
    largest_body: int = 100_000_000
    tokens: tuple[str, ...] = ()
    """As many as there are clients in `mix`."""
    bodies: Target | None = None
    """Where large bodies go, if the proxy wants other settings for them."""
    baseline_bytes: int = 0
    """The proxy's memory after its warm-up."""

    def cpu_s(self, role: str = "proxy") -> float:
        return sum(map(_cpu_s, self.pids.get(role, [])))

    def memory_bytes(self) -> int:
        return sum(map(_memory_bytes, self.pids.get("proxy", [])))


CLIENTS = 64
"""Of `mix`, each with a token of its own."""
KEY_FIELD = ("Authorization", "Bearer sk-bench-0123456789abcdef")
"""What stands for the provider's own key."""


def _cpu_s(pid: int) -> float:
    """User and system time of one process, all its threads, those that ended too: its CPU clock, as exact as the scheduler
    (clock_getcpuclockid(3), which Python does not have for other processes)."""
    return time.clock_gettime((~pid << 3) | 2)


def _memory_bytes(pid: int) -> int:
    """Resident memory of its own: what it maps from files (its program) comes and goes with the page cache."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(status[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem"))


def core_busy_s(core: int) -> float:
    """How long this core was not idle since the machine started, ours or others' work."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            ticks = [int(word) for word in line.split()[1:9]]
            return (sum(ticks) - ticks[3] - ticks[4]) * TICK_S
    return 0.0


def raise_limits() -> int:
    """Let this process and its children open as many files as they may; answers how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def stay_beside_the_load() -> None:
    """Keep the harness off the proxy's core."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children(child)]
    return found


def start(command: list[str], core: int, **more: Any) -> subprocess.Popen[bytes]:
    """A process held to one core from its first instruction."""
    pinned = ["taskset", "-c", str(core), *command] if len(CORES) > 1 else command
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    more = {"env": clean_environment(), **quiet, **more}
    return subprocess.Popen(pinned, stdin=subprocess.DEVNULL, **more)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], *, body: bytes | None = None, limit_s: float = START_S) -> None:
    """Until something answers there, whatever it says; with a body, until it says yes."""
    until = time.monotonic() + limit_s
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode} before it answered")
        try:
            urllib.request.urlopen(request, timeout=2).close()
        except urllib.error.HTTPError as answered:
            answered.close()
            if body is None:
                return
        except OSError:
            pass
        else:
            return
        time.sleep(0.1)
    raise RuntimeError("does not answer")


@contextmanager
def nginx(folder: Path, config: str, core: int, url: str) -> Iterator[list[int]]:
    """A one-worker nginx of our own; yields the processes that do the work."""
    path = folder / "nginx.conf"
    path.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;\n"
        "worker_rlimit_nofile 16384;\n"
        "events { worker_connections 15000; }\n"
        "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 300; tcp_nodelay on;\n"
        "client_max_body_size 0; client_header_buffer_size 4k;\n"
        f"client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;\n"
        f"uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{config}\n}}\n"
    )
    process = start(["nginx", "-c", str(path), "-p", str(folder)], core)
    try:
        wait_for(url, process)
        yield children(process.pid)
    finally:
        end(process)


@contextmanager
def upstreams(order: str = "") -> Iterator[Upstreams]:
    """nginx for whole answers (nothing is faster to hand), provider.py for the rest; both on the load's core.

    `order`: flags for provider.py.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        whole, paced = free_port(), free_port()
        body = provider.completion().decode()
        assert "'" not in body
        config = (
            f"server {{ listen 127.0.0.1:{whole} backlog=4096; location / {{ default_type application/json;"
            f" return 200 '{body}'; }} }}"
        )
        stack.enter_context(nginx(folder, config, LOAD_CORE, f"http://127.0.0.1:{whole}/"))
        command = [sys.executable, str(ROOT / "bench" / "provider.py"), "--port", str(paced), *order.split()]
        process = start(command, LOAD_CORE)
        stack.callback(end, process)
        wait_for(f"http://127.0.0.1:{paced}/", process)
        yield Upstreams(f"http://127.0.0.1:{whole}", f"http://127.0.0.1:{paced}")


# --- systems ----------------------------------------------------------------------------------

OPEN, QUIET = "open", "quiet"
"""Further gateways of the product under test: authentication off, request log off."""
TOKEN_FIELD = "cf-aig-authorization"
WRONG_SHAPE = (TOKEN_FIELD, "Bearer wrong")


@contextmanager
def direct(up: Upstreams) -> Iterator[System]:
    """No proxy: the load generator's own floor."""
    fields = (KEY_FIELD, (TOKEN_FIELD, "Bearer none"))
    targets = (Target(f"{origin}/v1/chat/completions", fields) for origin in (up.whole, up.paced))
    yield System("direct", *targets, tokens=("none",) * CLIENTS)


@contextmanager
def gateway(up: Upstreams) -> Iterator[System]:
    """This product as it is shipped: one worker, authentication on, logs on, all else at its default."""
    with serving(up) as service:
        yield service.system()


class Serving:
    """The product, running, with three gateways and as many tokens as wanted."""

    def __init__(self, service: Service, roles: dict[str, list[int]]) -> None:
        self.management = service.management
        self._service, self._roles = service, roles
        self._token = self.new_token()
        self._tokens = tuple(self.new_token() for _ in range(CLIENTS))

    def new_token(self) -> str:
        return self.management.create_token("bench").value

    def system(self, name: str = "gateway", *, gateway_id: str = GATEWAY, token: str = "") -> System:
        fields = (KEY_FIELD, (TOKEN_FIELD, f"Bearer {token or self._token}"))
        whole = f"{self._service.native(gateway_id, 'openai')}/chat/completions"
        paced = f"{self._service.native(gateway_id, 'mistral')}/v1/chat/completions"
        refused = Target(whole, (KEY_FIELD, WRONG_SHAPE))
        return System(name, Target(whole, fields), Target(paced, fields), self._roles, refused, tokens=self._tokens)


@contextmanager
def serving(up: Upstreams, *, workers: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """`gateway serve` with its edges on the first cores (the last one if there are no more), control beside the load."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        providers = {"openai": f"{up.whole}/v1", "mistral": up.paced}
        service = Service(
            Path(folder) / "data", providers=providers, workers=workers, prefix=_pinned(PROXY_CORE), environment=environment
        )
        with service:
            management = service.management
            management.create_gateway(GATEWAY)
            management.create_gateway(OPEN, authentication=False)
            management.create_gateway(QUIET, collect_logs=False)
            assert service.process is not None
            roles = _roles(service.process.pid)
            for pid in (service.process.pid, *roles["control"]):
                _move(pid, LOAD_CORE)
            for pid, core in zip(roles["proxy"], CORES, strict=False):
                _move(pid, core)
            yield Serving(service, roles)


def _pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if len(CORES) > 1 else []


def _move(pid: int, core: int) -> None:
    """Hold a running process, all its threads, to a core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def _roles(supervisor: int) -> dict[str, list[int]]:
    """Edges are told from control by their command line; what cannot be told apart counts as proxy."""
    roles: dict[str, list[int]] = {"proxy": [], "control": []}
    for pid in children(supervisor):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        roles["control" if b"control" in words else "proxy"].append(pid)
    return roles


def missing_tools() -> list[str]:
    return [tool for tool in ("nginx", "wrk", "taskset") if shutil.which(tool) is None]
