import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.run import systemd
from gateway.run.systemd import Notifier, inherited_sockets, notifier_from


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield listener


def heard(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().split("\n")


def test_each_word_is_one_datagram(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.ready("2 workers")
    notifier.beat()
    notifier.status("x")
    notifier.stopping("draining 2 workers")
    assert heard(manager) == ["READY=1", "STATUS=2 workers"]
    assert heard(manager) == ["WATCHDOG=1"]
    assert heard(manager) == ["STATUS=x"]
    assert heard(manager) == ["STOPPING=1", "STATUS=draining 2 workers"]


def test_reloading_carries_the_time_that_notify_reload_needs(manager: socket.socket) -> None:
    Notifier(manager.getsockname()).reloading()
    word, stamp = heard(manager)
    assert word == "RELOADING=1"
    name, _, value = stamp.partition("=")
    assert name == "MONOTONIC_USEC"
    assert int(value) > 0


def test_abstract_addresses() -> None:
    name = f"gateway-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(10)
        Notifier("@" + name).beat()
        assert listener.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify"])
def test_nobody_listening_is_no_failure(address: str) -> None:
    Notifier(address).ready("x")


def test_children_do_not_inherit_the_notify_socket(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "PATH": "x"}
    notifier_from(environ).beat()
    assert heard(manager) == ["WATCHDOG=1"]
    assert environ == {"PATH": "x"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x", "LISTEN_FDNAMES": "http"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
    ],
)
def test_sockets_for_nobody_or_another_process_are_left_alone(environ: dict[str, str]) -> None:
    assert inherited_sockets(environ) == ([], [])
    assert environ == {}


@pytest.mark.parametrize("names", ["http", "gateway.socket", "unknown", ""])
def test_sockets_for_us_are_taken_whatever_their_name_and_go_to_no_child_unasked(
    monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, fd = server.getsockname(), os.dup(server.fileno())
        os.set_inheritable(fd, True)
        monkeypatch.setattr(systemd, "_FIRST_FD", fd)
        environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": names, "PATH": "x"}
        ((taken,), _) = inherited_sockets(environ)
    with taken:
        assert (taken.fileno(), taken.getsockname(), taken.type) == (fd, address, socket.SOCK_STREAM)
        assert not taken.get_inheritable()
        assert environ == {"PATH": "x"}
        socket.create_connection(address, 10).close()
