"""One child process as the supervisor sees it, and the channel between the two.

The channel is a socket pair. The child writes single bytes: ready, bootstrapped; a beat with the number of its requests
under way; or a refusal with its reason. The supervisor writes nothing; its end of file tells the child that the supervisor
is gone.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import gateway
from gateway.run.orders import Orders, put

READY: Final = b"r"
BEAT: Final = b"."
"""With a number and `;` behind it."""
BOOTSTRAPPED: Final = b"t"
REFUSED: Final = b"!"
"""Followed by one line of text; the child ends after it."""
ADMIN: Final = "admin"
"""Stands before the descriptors of the admin listener among a worker's arguments."""
HOPELESS: Final = 2
"""Exit status for a bad configuration: systemd does not try again either."""

_COUNTED: Final = re.compile(rb"\.([0-9]{1,9});")
_START_LIMIT_S: Final = 60.0
"""Until a child is ready its loop may stand still for so long."""
_BEAT_LIMIT_S: Final = 10.0
_LIVELY_S: Final = 3.0
_PRIVATE_ENVIRONMENT: Final = ("GATEWAY_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "CREDENTIALS_DIRECTORY")


def beat(in_flight: int) -> bytes:
    return b"%b%d;" % (BEAT, in_flight)


class Child:
    def __init__(self, orders: Orders, sockets: Sequence[socket.socket] = (), admin: Sequence[socket.socket] = ()) -> None:
        self.name = orders.name
        self.ready = False
        self.bootstrapped = False
        self.refusal = ""
        self.in_flight = 0
        """Requests under way, by its last beat."""
        self.started_at = time.monotonic()
        self.kill_at: float | None = None
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        self._beat_at: float | None = None
        self._process = _start(orders, theirs, sockets, admin)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def gone(self) -> bool:
        return self._process.poll() is not None

    @property
    def hopeless(self) -> bool:
        """Whether it ended because of what no other try can mend."""
        return self._process.poll() == HOPELESS

    def hear(self) -> bool:
        """Take what the child wrote; False once it has closed its end. Call it when the channel is readable, and once more
        when the child is gone."""
        try:
            while said := self.channel.recv(4096):
                self._beat_at = time.monotonic()
                self._note(said)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _note(self, said: bytes) -> None:
        marks, refused, reason = said.partition(REFUSED)
        self.ready = self.ready or READY in marks
        self.bootstrapped = self.bootstrapped or BOOTSTRAPPED in marks
        if counted := _COUNTED.findall(marks):
            self.in_flight = int(counted[-1])
        if refused:
            self.refusal = reason.decode(errors="replace").strip()

    def overdue(self, now: float) -> bool:
        """Whether it must be killed: its loop stands still, or its grace is over."""
        if self.kill_at is not None and now >= self.kill_at:
            return True
        # A start may hold its loop up: modules are loaded and the store is migrated, and others may have the core meanwhile.
        limit_s = _BEAT_LIMIT_S if self.ready else _START_LIMIT_S
        return now - (self.started_at if self._beat_at is None else self._beat_at) > limit_s

    def lively(self, now: float) -> bool:
        """Whether its loop has turned lately."""
        return self._beat_at is not None and now - self._beat_at <= _LIVELY_S

    def drain(self, grace_s: float) -> None:
        """Ask it to finish; it is killed when the grace is over. A second call asks it to cut."""
        self.kill_at = time.monotonic() + grace_s
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def __repr__(self) -> str:
        return f"<{self.name} pid={self.pid}>"


def _start(
    orders: Orders, theirs: socket.socket, sockets: Sequence[socket.socket], admin: Sequence[socket.socket]
) -> "subprocess.Popen[bytes]":
    orders_fd = put(orders)
    listen_fds = [listener.fileno() for listener in sockets]
    admin_fds = [listener.fileno() for listener in admin]
    role = "_control" if orders.name == "control" else "_worker"
    numbers = [str(fd) for fd in (orders_fd, theirs.fileno(), *listen_fds)] + [ADMIN, *map(str, admin_fds)] * bool(admin_fds)
    try:
        return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-P", "-m", "gateway", role, *numbers],
            stdin=subprocess.DEVNULL,
            env=_environment(),
            pass_fds=(orders_fd, theirs.fileno(), *listen_fds, *admin_fds),
        )
    finally:
        os.close(orders_fd)
        theirs.close()


def _environment() -> dict[str, str]:
    """Ours without what may hold secrets or is meant for the supervisor alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE_ENVIRONMENT)}
    root = Path(gateway.__file__).parent.parent
    if root.name not in ("site-packages", "dist-packages"):
        # Run from a checkout: -P keeps the working directory out of the path, so name the checkout itself.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), environment.get("PYTHONPATH", "")]))
    return environment
