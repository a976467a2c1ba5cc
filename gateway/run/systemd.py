"""What systemd wants of a service, without its library: sd_notify(3) and sd_listen_fds(3)."""

import logging
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final, NamedTuple

_FIRST_FD: Final = 3
_PATIENCE_S: Final = 1.0
"""A manager that is busy has a full queue for a moment; what is said once, like READY, must not be lost to it."""

_log = logging.getLogger("gateway.run")


class Notifier:
    """Speaks to the service manager; does nothing when there is none."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        # Without the timestamp a Type=notify-reload unit waits for its timeout.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def beat(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.settimeout(_PATIENCE_S)
                speaker.connect(self._address)
                speaker.send("\n".join(lines).encode())
        except OSError as error:
            _log.warning("the service manager cannot be told: %s", error.strerror or "it does not listen")


def notifier_from(environ: MutableMapping[str, str]) -> Notifier:
    """Takes NOTIFY_SOCKET out of the environment: children do not speak for the service."""
    return Notifier(environ.pop("NOTIFY_SOCKET", ""))


class Inherited(NamedTuple):
    public: list[socket.socket]
    admin: list[socket.socket]
    """Of the units with `FileDescriptorName=admin`."""


def inherited_sockets(environ: MutableMapping[str, str]) -> Inherited:
    """The listening sockets of socket units; empty when there are none, or when they are meant for another process."""
    mine = environ.pop("LISTEN_PID", "") == str(os.getpid())
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if not mine or not count.isdigit():
        return Inherited([], [])
    sockets = [socket.socket(fileno=fd) for fd in range(_FIRST_FD, _FIRST_FD + int(count))]
    for listener in sockets:
        listener.set_inheritable(False)
    admin = [sock for sock, name in zip(sockets, names, strict=False) if name == "admin"]
    return Inherited([sock for sock in sockets if sock not in admin], admin)
