"""Socket activation by systemd's own program: the service serves the socket it is handed, and a restart drops nobody."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.processes import until
from fakes.service import ROOT, call, clean_environment, free_port

RESTARTS = 1
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def activate() -> str:
    path = shutil.which("systemd-socket-activate")
    if path is None and os.environ.get("CI"):
        pytest.fail("systemd-socket-activate is not installed")
    return path or pytest.skip("systemd-socket-activate is not installed")


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """What the unit's directories and credentials become in its environment."""
    names = {
        "STATE_DIRECTORY": "state",
        "RUNTIME_DIRECTORY": "run",
        "CONFIGURATION_DIRECTORY": "etc",
        "CREDENTIALS_DIRECTORY": "c",
    }
    for name in names.values():
        (tmp_path / name).mkdir(mode=0o700)
    for name in ("pepper", "master-key"):
        path = tmp_path / "c" / name
        path.write_text(os.urandom(32).hex())
        path.chmod(0o440)
    (tmp_path / "etc" / "gateway.toml").write_text("[ops]\nlisten = ''\n[server]\nlisten = ['127.0.0.1:1']\nworkers = 1\n")
    return {variable: str(tmp_path / name) for variable, name in names.items()}


class Activated:
    """`gateway serve` behind systemd-socket-activate, which stands for the socket unit."""

    def __init__(self, command: list[str], log: Path, pass_fds: tuple[int, ...] = ()) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=pass_fds,
            )

    def ready(self) -> bool:
        return "gateway ready" in self.log.read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


def serve(folders: dict[str, str], names: str = "http") -> list[str]:
    given = [f"--setenv={name}={value}" for name, value in folders.items()]
    return [f"--fdname={names}", *given, sys.executable, "-m", "gateway", "serve"]


def test_the_first_connection_starts_the_service_and_is_answered(
    activate: str, folders: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    service = Activated([activate, f"--listen=127.0.0.1:{port}", *serve(folders)], tmp_path / "log")
    try:
        until(lambda: "Listening on" in service.log.read_text(), "the port is open")
        assert "gateway ready" not in service.log.read_text()
        assert call(f"http://127.0.0.1:{port}", "GET", "/readyz", timeout_s=60).status == 200
        until(lambda: f"gateway ready on http://127.0.0.1:{port} (1 worker)" in service.log.read_text())
        service.stop()
    finally:
        service.kill()
    # The keys came as credentials: none was made. `server.listen` names a port that nobody may bind. `serve.pid` names
    # who held the folder.
    assert sorted(path.name for path in (tmp_path / "state").iterdir() if path.suffix != ".db") == [
        "bootstrap-token",
        "gateway.db-serve",
        "serve.pid",
    ]


PAGE = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


def test_the_admin_socket_is_taken_over_and_kept_apart(activate: str, folders: dict[str, str], tmp_path: Path) -> None:
    public, admin, configured = free_port(), free_port(), free_port()
    with (tmp_path / "etc" / "gateway.toml").open("a") as file:
        file.write(f"[admin]\nlisten = ['127.0.0.1:{configured}']\n")
    listen = [f"--listen=127.0.0.1:{public}", f"--listen=127.0.0.1:{admin}"]
    service = Activated([activate, *listen, *serve(folders, "http:admin")], tmp_path / "log")
    try:
        until(lambda: "Listening on" in service.log.read_text(), "the ports are open")
        dashboard = call(f"http://127.0.0.1:{admin}", "GET", "/dashboard", headers=PAGE, timeout_s=60)
        assert dashboard.status == 200, "the first connection started the service, and was answered"
        assert call(f"http://127.0.0.1:{public}", "GET", "/dashboard", headers=PAGE).status == 404
        assert call(f"http://127.0.0.1:{public}", "GET", "/readyz").status == 200
        bearer = {"Authorization": f"Bearer {(tmp_path / 'state' / 'bootstrap-token').read_text().strip()}"}
        for port, status in ((admin, 200), (public, 404)):
            assert call(f"http://127.0.0.1:{port}", "GET", "/client/v4/accounts", headers=bearer).status == status
        with pytest.raises(OSError):  # the address belongs to the unit
            socket.create_connection(("127.0.0.1", configured), 5)
        service.stop()
    finally:
        service.kill()


def test_an_admin_socket_without_the_setting_is_refused_by_name(activate: str, folders: dict[str, str], tmp_path: Path) -> None:
    public, admin = free_port(), free_port()
    listen = [f"--listen=127.0.0.1:{public}", f"--listen=127.0.0.1:{admin}"]
    service = Activated([activate, *listen, *serve(folders, "http:admin")], tmp_path / "log")
    try:
        until(lambda: "Listening on" in service.log.read_text(), "the ports are open")
        with socket.create_connection(("127.0.0.1", admin), 5):
            assert service.process.wait(60) == 2, "trying again would not help (RestartPreventExitStatus)"
        assert "a socket named admin was handed over, but admin.listen is not set" in service.log.read_text()
    finally:
        service.kill()


class Clients:
    """Opens a new connection for each request, without a pause, until told to stop."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.answered = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def _ask(self) -> None:
        while not self._stop.wait(0.01):
            try:
                status = call(self.origin, "GET", "/livez", timeout_s=30).status
            except Exception as error:
                self.failures.append(repr(error))
            else:
                self.answered += 1
                if status != 200:
                    self.failures.append(str(status))

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def port_unit() -> Iterator[socket.socket]:
    """The listening socket, held by somebody who outlives the service."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield listener


def test_a_restart_behind_the_socket_refuses_no_connection(
    activate: str, folders: dict[str, str], tmp_path: Path, port_unit: socket.socket
) -> None:
    # The program takes sockets over like any service: as descriptor 3, with LISTEN_PID.
    command = [sys.executable, "-c", HAND_OVER, str(port_unit.fileno()), activate, *serve(folders)]
    running: list[Activated] = []

    def start() -> Activated:
        running.append(Activated(command, tmp_path / f"log{len(running)}", (port_unit.fileno(),)))
        return running[-1]

    try:
        with Clients(f"http://127.0.0.1:{port_unit.getsockname()[1]}") as clients:
            for _ in range(RESTARTS):
                service = start()
                until(service.ready, "the service is ready")
                before = clients.answered
                until(lambda before=before: clients.answered > before + 4, "clients are answered")
                service.stop()
            service = start()
        assert clients.failures == []
        service.stop()
    finally:
        for one in running:
            one.kill()
