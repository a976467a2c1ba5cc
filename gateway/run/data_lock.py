"""One service for one data folder: a lock on the folder, which the kernel takes back when its holder ends, however it ends.

Two of them would share a store, but not what they remember of it: a token revoked at one would go on at the other.
"""

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from gateway.run.layers import ConfigError

PID_NAME: Final = "serve.pid"
"""Who holds the lock: process id and host. For the message alone; removing it frees nothing."""

_log = logging.getLogger("gateway.run")


@contextmanager
def only_service(data_dir: Path) -> Iterator[None]:
    """Hold the folder, which exists; ConfigError names the process that holds it already.

    The descriptor is closed in children (PEP 446), so the lock ends with this process and not with one of them.
    """
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, data_dir)
        with suppress(OSError):  # on a read-only file system the lock holds, and is nobody's by name
            (data_dir / PID_NAME).write_text(f"{os.getpid()} {socket.gethostname()}\n")
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"{data_dir} is in use by another gateway serve{_holder(data_dir)}") from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise ConfigError(f"{data_dir}: the data folder cannot be locked ({error.strerror})") from None
        # NFS has no lock on a folder (flock(2)).
        _log.warning("%s is on a file system without locks: nothing keeps a second gateway serve away from it", data_dir)


def _holder(data_dir: Path) -> str:
    try:
        pid, host = (data_dir / PID_NAME).read_text().split()
    except (OSError, ValueError):
        return ""
    return f" (pid {pid})" if host == socket.gethostname() else f" (pid {pid} on {host})"
