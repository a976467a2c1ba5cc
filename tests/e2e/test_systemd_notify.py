"""What the service tells a service manager, heard on a datagram socket in systemd's place."""

import os
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.processes import alive, children, until, workers
from fakes.service import Service, call

StartService = Callable[..., Service]
SILENCE_S = 3.0
"""Three times the pause between two beats."""


@dataclass(frozen=True)
class Word:
    text: str
    sender: int
    """Process id, by the kernel's word: NotifyAccess=main hears the main process only."""


class Manager:
    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.address = f"gateway-notify-{os.getpid()}-{time.monotonic_ns()}"
        self.socket.bind("\0" + self.address)
        self.heard: list[Word] = []
        self._seen = 0

    def hear(self, limit_s: float) -> bool:
        """Take the next datagram's lines; whether one came in time."""
        self.socket.settimeout(max(0.001, limit_s))
        try:
            data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
        except TimeoutError:
            return False
        pid = struct.unpack("3i", ancillary[0][2])[0]
        self.heard += [Word(line, pid) for line in data.decode().split("\n")]
        return True

    def until(self, start: str, limit_s: float = 30.0) -> str:
        """The first line since the last one asked for that begins like this."""
        end = time.monotonic() + limit_s
        while True:
            for number in range(self._seen, len(self.heard)):
                if self.heard[number].text.startswith(start):
                    self._seen = number + 1
                    return self.heard[number].text
            left_s = end - time.monotonic()
            if left_s <= 0 or not self.hear(left_s):
                raise AssertionError(f"never heard {start}, but {set(self.texts())}")

    def texts(self) -> list[str]:
        return [word.text for word in self.heard]

    def forget(self) -> None:
        while self.hear(0.0):
            pass
        self.heard.clear()
        self._seen = 0


@pytest.fixture
def manager() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.socket.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text("[log]\nlevel = 'info'\n")
    return path


@pytest.fixture
def notifying(start_service: StartService, manager: Manager, config: Path) -> Service:
    environment = {"NOTIFY_SOCKET": "@" + manager.address, "WATCHDOG_USEC": "30000000"}
    return start_service(workers=2, environment=environment, arguments=["--config", str(config)])


def send(service: Service, number: int) -> None:
    assert service.process is not None
    service.process.send_signal(number)


def test_ready_reload_and_stop_are_told_in_order_by_the_main_process(
    notifying: Service, manager: Manager, config: Path
) -> None:
    assert notifying.process is not None
    manager.until("READY=1")
    assert manager.until("STATUS=") == "STATUS=2 workers, 0 streams open"
    manager.until("WATCHDOG=1")
    assert [text for text in manager.texts() if text.startswith(("RELOADING", "STOPPING"))] == []
    _reload(notifying, manager)
    manager.until("STATUS=2 workers")
    _refused_reload(notifying, manager, config)
    manager.forget()
    send(notifying, signal.SIGTERM)
    assert notifying.process.wait(60) == 0
    manager.until("STOPPING=1")
    assert manager.until("STATUS=").startswith("STATUS=stopping")
    while manager.hear(0.0):
        pass
    assert "READY=1" not in manager.texts()
    assert {word.sender for word in manager.heard} == {notifying.process.pid}


def _reload(service: Service, manager: Manager) -> None:
    """Type=notify-reload waits for RELOADING with a time that is not before its signal's, then for READY."""
    before = workers(service)
    manager.forget()
    asked_at = time.monotonic_ns() // 1000
    send(service, signal.SIGHUP)
    manager.until("RELOADING=1")
    assert asked_at <= int(manager.until("MONOTONIC_USEC=").partition("=")[2]) <= time.monotonic_ns() // 1000
    assert "READY=1" not in manager.texts()
    manager.until("READY=1")
    assert len(set(workers(service)) - set(before)) == 2


def _refused_reload(service: Service, manager: Manager, config: Path) -> None:
    """It ends too: a reload that is never READY hangs until its timeout, and then the service is killed."""
    config.write_text("[server]\nworker = 1\n")
    manager.forget()
    send(service, signal.SIGHUP)
    manager.until("RELOADING=1")
    manager.until("READY=1")
    assert manager.until("STATUS=").endswith("reload refused, the old configuration stays")
    assert call(service.origin, "GET", "/readyz").status == 200


def test_the_watchdog_goes_hungry_when_no_worker_turns(notifying: Service, manager: Manager) -> None:
    """One that stands still is the supervisor's business; when all do, the watchdog is told nothing until one turns again."""
    _no_child_could_speak(notifying)
    manager.until("WATCHDOG=1")
    first, second = workers(notifying)
    try:
        os.kill(first, signal.SIGSTOP)
        manager.forget()
        for _ in range(2):
            manager.until("WATCHDOG=1")
        os.kill(second, signal.SIGSTOP)
        _silent(manager)
    finally:
        for pid in alive([first, second]):
            os.kill(pid, signal.SIGCONT)
    manager.forget()
    manager.until("WATCHDOG=1")
    until(lambda: call(notifying.ops_origin, "GET", "/readyz").status == 200)


def _no_child_could_speak(service: Service) -> None:
    for pid in children(service):
        shown = Path(f"/proc/{pid}/environ").read_bytes()
        assert not re.search(rb"NOTIFY_SOCKET|WATCHDOG_|LISTEN_|CREDENTIALS_DIRECTORY", shown)


def _silent(manager: Manager) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if not manager.hear(SILENCE_S):
            return
    raise AssertionError("the watchdog is fed for workers that stand still")
