import dataclasses
import socket
import time
from collections.abc import Callable

import pytest

from gateway.model.service import ControlConfig, EdgeConfig
from gateway.run import children
from gateway.run.children import BEAT, BOOTSTRAPPED, READY, REFUSED, Child, beat
from gateway.run.orders import Orders

ORDERS = Orders(name="control", log_level="error", config=ControlConfig(control_socket="/nonexistent/x"))


class FakeProcess:
    """Keeps what it is started with; the test speaks for it through `theirs`."""

    def __init__(self, orders: Orders, theirs: socket.socket, sockets: object, admin: object) -> None:
        self.theirs = theirs
        self.sent: list[int] = []
        self.pid = 4711
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        self.sent.append(number)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Child, FakeProcess]]:
    opened: list[socket.socket] = []

    def start() -> tuple[Child, FakeProcess]:
        child = Child(ORDERS)
        process = child._process
        assert isinstance(process, FakeProcess)
        opened.extend((child.channel, process.theirs))
        return child, process

    monkeypatch.setattr(children, "_start", FakeProcess)
    yield start
    for one in opened:
        one.close()


def test_what_a_child_says_is_noted(started: Callable[[], tuple[Child, FakeProcess]]) -> None:
    child, process = started()
    assert (child.ready, child.bootstrapped, child.refusal) == (False, False, "")
    process.theirs.send(BEAT)
    child.hear()
    assert not child.ready
    process.theirs.send(BOOTSTRAPPED + BEAT + READY)
    child.hear()
    assert (child.ready, child.bootstrapped, child.refusal) == (True, True, "")


def test_a_beat_says_how_many_requests_are_under_way(started: Callable[[], tuple[Child, FakeProcess]]) -> None:
    child, process = started()
    process.theirs.send(beat(3) + READY + beat(41))
    child.hear()
    assert (child.in_flight, child.ready) == (41, True)
    process.theirs.send(BEAT + REFUSED + b"see .7; for more\n")
    child.hear()
    assert (child.in_flight, child.refusal) == (41, "see .7; for more")
    process.theirs.send(beat(0))
    child.hear()
    assert child.in_flight == 0


def test_a_refusal_carries_its_reason(started: Callable[[], tuple[Child, FakeProcess]]) -> None:
    child, process = started()
    process.theirs.send(BEAT + REFUSED + b"the port is taken. really\n")
    child.hear()
    assert (child.ready, child.refusal) == (False, "the port is taken. really")


def test_silence_and_an_ended_grace_make_it_overdue(started: Callable[[], tuple[Child, FakeProcess]]) -> None:
    child, process = started()
    now = time.monotonic()
    assert not child.overdue(now + 50)
    assert child.overdue(now + 70)
    process.theirs.send(BEAT)
    child.hear()
    now = time.monotonic()
    assert not child.overdue(now + 50), "a start that migrates the store may hold the loop up"
    assert child.overdue(now + 70)
    process.theirs.send(BEAT + READY)
    child.hear()
    now = time.monotonic()
    assert not child.overdue(now + 9)
    assert child.overdue(now + 11)
    child.drain(5.0)
    assert not child.overdue(now + 4)
    assert child.overdue(now + 6)


def test_lively_is_one_that_spoke_lately(started: Callable[[], tuple[Child, FakeProcess]]) -> None:
    child, _ = started()
    assert not child.lively(time.monotonic())
    child._beat_at = now = time.monotonic()
    assert child.lively(now + 2)
    assert not child.lively(now + 4)


def test_draining_and_killing_send_signals_also_to_one_that_is_gone(
    started: Callable[[], tuple[Child, FakeProcess]],
) -> None:
    child, process = started()
    child.drain(1.0)
    child.kill()
    assert process.sent == [15, 9]
    assert not child.gone
    process.returncode = -9
    child.kill()
    assert child.gone


def test_hearing_a_closed_channel_is_harmless(started: Callable[[], tuple[Child, FakeProcess]]) -> None:
    child, process = started()
    assert child.hear()
    process.theirs.send(REFUSED + b"why")
    process.theirs.close()
    assert not child.hear(), "nothing will come any more"
    assert not child.hear()
    assert (child.ready, child.refusal) == (False, "why")


@pytest.mark.parametrize(("status", "hopeless"), [(None, False), (0, False), (1, False), (2, True), (-9, False)])
def test_the_exit_status_tells_whether_another_try_may_help(
    started: Callable[[], tuple[Child, FakeProcess]], status: int | None, hopeless: bool
) -> None:
    child, process = started()
    process.returncode = status
    assert child.hopeless is hopeless


def test_a_real_child_gets_its_orders_and_says_why_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge without control's socket waits; one told to listen on no socket at all still beats and ends with us."""
    monkeypatch.setenv("GATEWAY_API_TOKEN", "agw_secret")
    monkeypatch.setenv("AIOHTTP_NO_EXTENSIONS", "1")
    child = Child(dataclasses.replace(ORDERS, name="edge-0", config=EdgeConfig(control_socket="/nonexistent/x")))
    child.channel.setblocking(True)
    child.channel.settimeout(60)
    try:
        said = b""
        while not said.endswith(b"\n"):
            said += child.channel.recv(4096)
        assert b"aiohttp's C parser is missing" in said
    finally:
        child.kill()
        child.channel.close()
        child._process.wait(60)


def test_children_get_no_secrets_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_API_TOKEN", "NOTIFY_SOCKET", "LISTEN_FDS", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("TZ", "UTC")
    environment = children._environment()
    assert not [name for name in environment if name.startswith(("GATEWAY_", "NOTIFY", "LISTEN", "CREDENTIALS", "WATCHDOG"))]
    assert environment["TZ"] == "UTC"
