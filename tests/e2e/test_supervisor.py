"""The service as it runs in production: a supervisor, edges and control as real processes."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fakes.processes import alive, children, control, until, workers
from fakes.provider import FakeProvider
from fakes.service import Service, call, clean_environment

StartService = Callable[..., Service]


@pytest.fixture
def pair(start_service: StartService, upstream: FakeProvider) -> Service:
    return start_service(workers=2, providers={"openai": upstream.origin + "/v1"})


def test_one_control_and_the_edges_asked_for_serve_together(pair: Service) -> None:
    assert (len(control(pair)), len(workers(pair))) == (1, 2)
    token = pair.management.create_token()
    headers = {"cf-aig-authorization": token.bearer, "Authorization": "Bearer key"}
    answer = call(pair.origin, "POST", _path(pair), headers=headers, body={"model": "m"})
    assert answer.status == 200
    until(lambda: call(pair.ops_origin, "GET", "/readyz").status == 200, "both edges are ready")
    assert pair.stop() == 0


def _path(service: Service) -> str:
    return f"/v1/{service.account}/default/openai/chat/completions"


def test_control_steps_behind_the_edges(pair: Service) -> None:
    (controlling,) = control(pair)
    edges = [os.getpriority(os.PRIO_PROCESS, worker) for worker in workers(pair)]
    assert os.getpriority(os.PRIO_PROCESS, controlling) == min(19, max(edges) + 5)


def test_it_says_once_that_it_is_ready_and_where_the_first_token_is(pair: Service) -> None:
    until(lambda: "first API token" in pair.log_tail())
    lines = pair.log_tail().splitlines()
    ready = [line for line in lines if line.startswith("gateway ready on")]
    assert ready == [f"gateway ready on {pair.origin} (2 workers)"]
    path = pair.data_dir / "bootstrap-token"
    assert f"first API token: {path}" in lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pair.stop() == 0
    before = len(pair.log_tail())
    pair.start()
    until(lambda: "gateway ready on" in pair.log_tail()[before:])
    assert "first API token" not in pair.log_tail()[before:]


def test_no_secret_is_in_arguments_or_environment_of_any_process(pair: Service) -> None:
    assert pair.process is not None
    secrets = [(pair.data_dir / name).read_text().strip() for name in ("pepper", "master-key", "bootstrap-token")]
    for pid in (pair.process.pid, *children(pair)):
        shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert not [secret for secret in secrets if secret.encode() in shown]


def test_children_end_with_a_killed_supervisor(pair: Service) -> None:
    assert pair.process is not None
    family = children(pair)
    assert len(family) == 3
    pair.process.kill()
    pair.process.wait()
    until(lambda: not alive(family), "the children are gone")


def test_a_new_store_is_begun_beside_old_keys_where_that_is_meant(tmp_path: Path) -> None:
    data_dir = made_before(tmp_path)
    first = (data_dir / "bootstrap-token").read_text()
    for path in data_dir.glob("gateway.db*"):
        path.unlink()
    with Service(data_dir, workers=1, arguments=["--new-store"]) as service:
        assert service.management.create_token().value
        assert (data_dir / "bootstrap-token").read_text() != first
        # It was meant for the start, not for a control that finds nothing later.
        (victim,) = control(service)
        for path in data_dir.glob("gateway.db*"):
            path.unlink()
        os.kill(victim, signal.SIGKILL)
        until(lambda: (found := control(service)) and victim not in found, "control is back")
        until(lambda: "its file is gone" in service.log_tail(), "it says what is wrong")
        assert not (data_dir / "gateway.db").exists()


def test_a_service_that_is_killed_leaves_its_folder_to_the_next(pair: Service) -> None:
    pair.kill()
    pair.start()
    assert pair.management.create_token().value


def test_a_frozen_worker_is_killed_and_replaced(pair: Service) -> None:
    until(lambda: "gateway ready on" in pair.log_tail(), "both are ready: one that still starts may stand still for a minute")
    frozen = workers(pair)[0]
    os.kill(frozen, signal.SIGSTOP)
    until(lambda: frozen not in alive([frozen]), "the frozen worker is killed")
    until(lambda: len(workers(pair)) == 2)
    until(lambda: call(pair.ops_origin, "GET", "/readyz").status == 200)


def serve(data_dir: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gateway", "serve", "--data-dir", str(data_dir), *arguments]
    env = clean_environment({"GATEWAY_OPS__LISTEN": "", **environment})
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def made_before(tmp_path: Path) -> Path:
    """The data folder of a service that ran once."""
    with Service(tmp_path / "d") as service:
        return service.data_dir


@pytest.mark.parametrize("mode", [("--workers", "2"), ("--single-process",)], ids=["processes", "single"])
class TestRefusals:
    """Each with one clear line on stderr; what went well before may be logged."""

    def test_a_taken_port(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            listen = f"127.0.0.1:{server.getsockname()[1]}"
            done = serve(tmp_path / "d", "--listen", listen, *mode)
        assert (done.returncode, done.stderr) == (2, f"gateway: cannot listen on {listen}: address already in use\n")

    def test_a_taken_ops_port(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ops = f"127.0.0.1:{server.getsockname()[1]}"
            done = serve(tmp_path / "d", "--listen", "127.0.0.1:0", *mode, GATEWAY_OPS__LISTEN=ops)
        assert done.returncode == 1
        (line,) = [line for line in done.stderr.splitlines() if '"level": "info"' not in line]
        assert line.startswith("gateway: cannot start: ")
        assert "in use" in line

    def test_a_missing_c_parser(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        done = serve(tmp_path / "d", "--listen", "127.0.0.1:0", *mode, AIOHTTP_NO_EXTENSIONS="1")
        assert done.returncode != 0
        (line,) = done.stderr.splitlines()
        assert "aiohttp's C parser is missing" in line

    def test_a_secret_that_others_may_read(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        data_dir = tmp_path / "d"
        data_dir.mkdir()
        (data_dir / "pepper").write_text("ab" * 32)
        (data_dir / "pepper").chmod(0o644)
        done = serve(data_dir, "--listen", "127.0.0.1:0", *mode)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line == f"gateway: {data_dir}/pepper: others may read this secret; run: chmod 600 {data_dir}/pepper"

    @pytest.mark.parametrize("key", ["pepper", "master-key"])
    def test_a_store_without_its_key(self, tmp_path: Path, mode: tuple[str, ...], key: str) -> None:
        data_dir = made_before(tmp_path)
        (data_dir / key).unlink()
        done = serve(data_dir, "--listen", "127.0.0.1:0", *mode)
        said = f"gateway: {data_dir}/{key} is missing: the store needs the key it was made with\n"
        assert (done.returncode, done.stderr) == (2, said)
        assert not (data_dir / key).exists()

    def test_a_data_folder_that_is_in_use(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        with Service(tmp_path / "d", workers=1) as first:
            assert first.process is not None
            done = serve(first.data_dir, "--listen", "127.0.0.1:0", *mode)
            said = f"gateway: {first.data_dir} is in use by another gateway serve (pid {first.process.pid})\n"
            assert (done.returncode, done.stderr) == (2, said)
            assert first.management.create_token().value, "the first one serves on, and so do its commands"

    @pytest.mark.parametrize("with_keys", [True, False], ids=["keys", "token alone"])
    def test_keys_without_their_store(self, tmp_path: Path, mode: tuple[str, ...], with_keys: bool) -> None:
        data_dir = made_before(tmp_path)
        for path in data_dir.glob("gateway.db*" if with_keys else "[gpm]*"):
            path.unlink()
        done = serve(data_dir, "--listen", "127.0.0.1:0", *mode)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        if with_keys:
            assert line == (
                f"gateway: {data_dir}/gateway.db is missing, but {data_dir} holds what an earlier start left: "
                "restore the store, or start with --new-store to begin a new one"
            )
        assert not (data_dir / "gateway.db").exists()

    def test_an_empty_store_beside_old_keys(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        data_dir = made_before(tmp_path)
        token = (data_dir / "bootstrap-token").read_text()
        (data_dir / "gateway.db").write_bytes(b"")
        done = serve(data_dir, "--listen", "127.0.0.1:0", *mode)
        assert done.returncode == 2
        line = done.stderr.splitlines()[-1]
        assert line.startswith("gateway: ")
        assert f"the store is empty, but the keys in {data_dir} were made before" in line
        assert (data_dir / "bootstrap-token").read_text() == token

    @pytest.mark.parametrize("key", ["pepper", "master-key"])
    def test_keys_of_another_store(self, tmp_path: Path, mode: tuple[str, ...], key: str) -> None:
        data_dir = made_before(tmp_path)
        (data_dir / key).write_text("cd" * 32)
        done = serve(data_dir, "--listen", "127.0.0.1:0", *mode)
        assert done.returncode == 2
        line = done.stderr.splitlines()[-1]
        assert f"{data_dir}/{key} (or the credential {key}) is not the {key} that the store was made with" in line

    def test_a_filled_store_elsewhere_and_an_empty_data_folder(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        store = made_before(tmp_path) / "gateway.db"
        empty = tmp_path / "empty"
        done = serve(empty, "--listen", "127.0.0.1:0", *mode, GATEWAY_STORE__URL=f"sqlite:///{store}")
        assert (done.returncode, done.stderr) == (
            2,
            f"gateway: {empty}/pepper is missing: the store needs the key it was made with\n",
        )

    def test_a_store_of_a_newer_release(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        data_dir = made_before(tmp_path)
        with closing(sqlite3.connect(data_dir / "gateway.db")) as store, store:
            store.execute("UPDATE alembic_version SET version_num = '9999'")
        done = serve(data_dir, "--listen", "127.0.0.1:0", *mode)
        assert done.returncode == 2, "systemd does not try again"
        (line,) = [line for line in done.stderr.splitlines() if '"level": "info"' not in line]
        assert line.startswith("gateway: ")
        assert line.endswith("the store was migrated by a later version of the gateway: install that one, or restore a backup")

    def test_an_unknown_setting(self, tmp_path: Path, mode: tuple[str, ...]) -> None:
        done = serve(tmp_path / "d", *mode, GATEWAY_SERVER__WORKER="1")
        assert (done.returncode, done.stderr) == (
            2,
            "gateway: unknown setting GATEWAY_SERVER__WORKER; did you mean GATEWAY_SERVER__WORKERS?\n",
        )


def test_a_socket_handed_over_by_systemd_is_served(tmp_path: Path) -> None:
    """The way sd_listen_fds(3) describes, without systemd: descriptor 3 and LISTEN_PID of the process itself."""
    launcher = tmp_path / "activate.py"
    launcher.write_text(
        "import os, sys\n"
        "os.dup2(int(sys.argv[1]), 3, inheritable=True)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='http')\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])\n"
    )
    # The configured address is not bound: the socket unit decides.
    env = clean_environment({"GATEWAY_OPS__LISTEN": "", "GATEWAY_SERVER__LISTEN": "127.0.0.1:1"})
    with socket.create_server(("127.0.0.1", 0)) as server, (tmp_path / "log").open("wb") as log:
        port, fd = server.getsockname()[1], server.fileno()
        serve = ["-m", "gateway", "serve", "--workers", "1", "--data-dir", str(tmp_path / "data")]
        process = subprocess.Popen(
            [sys.executable, str(launcher), str(fd), *serve], env=env, stdout=log, stderr=log, pass_fds=(fd,)
        )
    try:
        origin = f"http://127.0.0.1:{port}"
        until(lambda: call(origin, "GET", "/readyz", timeout_s=60).status == 200, "the inherited socket answers")
        until(lambda: f"gateway ready on {origin} (1 worker)" in (tmp_path / "log").read_text())
    finally:
        process.terminate()
        assert process.wait(60) == 0
