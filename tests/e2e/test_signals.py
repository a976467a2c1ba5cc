"""SIGTERM drains, a second one cuts, SIGHUP rolls to a new configuration or keeps the old one."""

import http.client
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import dialects
from fakes.processes import Stream, alive, children, control, open_stream, until, workers
from fakes.provider import FakeProvider, Gate, stream
from fakes.service import Service, call, free_port

StartService = Callable[..., Service]
UnderWay = Callable[[Service], Stream]
EVENTS = dialects.chat_events("gpt-4o-mini")


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open_wide()


@pytest.fixture(params=[2, None], ids=["processes", "single"])
def running(request: pytest.FixtureRequest, start_service: StartService, upstream: FakeProvider) -> Service:
    return start_service(workers=request.param, providers={"openai": upstream.origin + "/v1"})


@pytest.fixture
def under_way(upstream: FakeProvider, gate: Gate) -> Iterator[Callable[[Service], Stream]]:
    """Opens a stream: its first event has arrived, the others wait for the gate."""
    opened: list[Stream] = []

    def start(service: Service) -> Stream:
        upstream.script(stream(EVENTS, gate=gate))
        gate.open()
        opened.append(open_stream(service, service.management.create_token().value))
        assert opened[-1].status == 200
        assert opened[-1].piece()
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def refuses(service: Service) -> bool:
    """Whether new clients are turned away: no listener any more, or an answer that says so."""
    try:
        return call(service.origin, "GET", "/readyz", timeout_s=5).status == 503
    except (OSError, http.client.HTTPException):
        return True


def send(service: Service, number: int) -> None:
    assert service.process is not None
    service.process.send_signal(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_cleanly(running: Service, number: int) -> None:
    assert running.process is not None
    family = children(running)
    send(running, number)
    assert running.process.wait(60) == 0
    assert not alive(family)


def test_a_stream_under_way_ends_whole_before_the_service_does(running: Service, under_way: UnderWay, gate: Gate) -> None:
    assert running.process is not None
    opened = under_way(running)
    send(running, signal.SIGTERM)
    until(lambda: refuses(running), "new clients are turned away")
    assert running.process.poll() is None
    gate.open_wide()
    assert opened.rest().endswith(EVENTS[-1])
    assert running.process.wait(60) == 0


def test_the_log_of_the_last_stream_is_stored_before_the_end(running: Service, under_way: UnderWay, gate: Gate) -> None:
    assert running.process is not None
    opened = under_way(running)
    send(running, signal.SIGTERM)
    until(lambda: refuses(running))
    gate.open_wide()
    opened.rest()
    assert running.process.wait(60) == 0
    running.start()
    until(lambda: [entry["status_code"] for entry in running.management.logs("default")] == [200], "the row is there")


def test_a_second_signal_cuts_visibly(running: Service, under_way: UnderWay) -> None:
    assert running.process is not None
    opened = under_way(running)
    send(running, signal.SIGTERM)
    until(lambda: refuses(running))
    send(running, signal.SIGTERM)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        opened.rest()
    assert running.process.wait(60) == 0


def test_the_grace_has_an_end(start_service: StartService, upstream: FakeProvider, under_way: UnderWay) -> None:
    service = start_service(
        workers=1, providers={"openai": upstream.origin + "/v1"}, environment={"GATEWAY_TIMEOUTS__DRAIN_S": "1.5"}
    )
    assert service.process is not None
    opened = under_way(service)
    send(service, signal.SIGTERM)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        opened.rest()
    assert service.process.wait(60) == 0


# --- SIGHUP


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text("[log]\nlevel = 'info'\n")
    return path


@pytest.fixture
def rolling(start_service: StartService, upstream: FakeProvider, config: Path) -> Service:
    return start_service(workers=2, providers={"openai": upstream.origin + "/v1"}, arguments=["--config", str(config)])


def test_reload_replaces_the_workers_and_cuts_nothing(rolling: Service, under_way: UnderWay, gate: Gate) -> None:
    before, control_before = workers(rolling), control(rolling)
    opened = under_way(rolling)
    send(rolling, signal.SIGHUP)
    until(lambda: "reloaded: 2 workers" in rolling.log_tail())
    assert call(rolling.origin, "GET", "/readyz").status == 200
    fresh = [pid for pid in workers(rolling) if pid not in before]
    assert len(fresh) == 2
    gate.open_wide()
    assert opened.rest().endswith(EVENTS[-1])
    opened.close()
    until(lambda: not alive(before), "the old workers are gone")
    assert sorted(workers(rolling)) == sorted(fresh)
    assert control(rolling) == control_before
    assert rolling.stop() == 0


def test_no_connection_is_refused_while_rolling(rolling: Service) -> None:
    send(rolling, signal.SIGHUP)
    while "reloaded: 2 workers" not in rolling.log_tail():
        assert call(rolling.origin, "GET", "/livez", timeout_s=60).status == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server\n", "is not valid TOML"),
        ("[server]\nworker = 1\n", "unknown setting"),
        ("[timeouts]\nidle_s = -1\n", "timeouts.idle_s: must be greater than zero"),
    ],
)
def test_a_bad_configuration_is_told_and_the_old_one_stays(rolling: Service, config: Path, text: str, said: str) -> None:
    before = children(rolling)
    config.write_text(text)
    send(rolling, signal.SIGHUP)
    until(lambda: "reload refused, the old configuration stays" in rolling.log_tail())
    assert said in rolling.log_tail()
    assert children(rolling) == before
    assert call(rolling.origin, "GET", "/readyz").status == 200


class OpsByFile(Service):
    """The ops address comes from the file alone, so that a reload may change it."""

    def _settings(self, ops: str) -> dict[str, str]:
        return {"GATEWAY_BOOTSTRAP__ACCOUNT_ID": self.account}


def test_a_new_ops_address_is_taken_up_and_a_taken_one_is_reverted(tmp_path: Path, config: Path) -> None:
    """Control is replaced for it, while the edges serve on."""
    first, second = free_port(), free_port()
    config.write_text(f"[ops]\nlisten = '127.0.0.1:{first}'\n")
    with OpsByFile(tmp_path / "data", workers=1, arguments=["--config", str(config)]) as service:
        until(lambda: _serves_ops(first))
        config.write_text(f"[ops]\nlisten = '127.0.0.1:{second}'\n")
        send(service, signal.SIGHUP)
        until(lambda: "reloaded: 1 workers" in service.log_tail())
        assert _serves_ops(second)
        assert not _serves_ops(first)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            config.write_text(f"[ops]\nlisten = '127.0.0.1:{taken.getsockname()[1]}'\n")
            send(service, signal.SIGHUP)
            until(lambda: "reload failed, the old configuration stays" in service.log_tail())
            until(lambda: _serves_ops(second), "control is back with what worked before")
        assert call(service.origin, "GET", "/readyz").status == 200


def _serves_ops(port: int) -> bool:
    try:
        return call(f"http://127.0.0.1:{port}", "GET", "/livez", timeout_s=5).status == 200
    except OSError:
        return False


def test_notifications_follow_the_life_of_the_service(start_service: StartService) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = f"\0gateway-notify-{os.getpid()}"
        manager.bind(address)
        manager.settimeout(60)
        heard: list[str] = []

        def hear(word: str) -> None:
            while not any(word in line for line in heard):
                heard.extend(manager.recv(4096).decode().split("\n"))

        service = start_service(workers=1, environment={"NOTIFY_SOCKET": "@" + address[1:]})
        hear("READY=1")
        hear("WATCHDOG=1")
        heard.clear()
        send(service, signal.SIGHUP)
        hear("RELOADING=1")
        hear("MONOTONIC_USEC=")
        hear("READY=1")
        heard.clear()
        send(service, signal.SIGTERM)
        hear("STOPPING=1")
        assert service.process is not None
        assert service.process.wait(60) == 0
