"""`gateway doctor` on the real thing: no marked secret is anywhere, and one that leaks is found."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.processes import until
from fakes.service import Service, clean_environment

from gateway.run import canary


def doctor(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gateway", "doctor", *arguments]
    return subprocess.run(command, env=clean_environment(environment), capture_output=True, text=True, timeout=100, check=False)


def test_no_secret_leaks(tmp_path: Path) -> None:
    done = doctor("--data-dir", str(tmp_path / "data"))
    assert "BAD   a secret" not in done.stdout
    assert "ok    no marked secret was found" in done.stdout
    assert done.stderr == ""
    assert not (tmp_path / "data").exists(), "the doctor changes nothing"


def test_what_leaks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fly, pages = canary._fly, []

    def careless(service: Any, sinks: canary.Sinks) -> Mapping[str, str]:
        canaries = fly(service, sinks)
        (service.data_dir / "traces").write_text(canaries["a gateway token"])
        pages.append(canaries)
        return canaries

    monkeypatch.setattr(canary, "_fly", careless)
    assert canary.leaks() == ["a gateway token is in the file traces"]
    assert set(pages[0]) >= {"the first token", "an unknown token", "a stored provider key"}


def test_what_it_says_of_a_service_that_runs(start_service: Callable[..., Service]) -> None:
    service = start_service(workers=1, environment={"GATEWAY_BOOTSTRAP__STAYS": "false"})

    def said() -> str:
        where = {
            "GATEWAY_SERVER__LISTEN": service.origin.removeprefix("http://"),
            "GATEWAY_OPS__LISTEN": service.ops_origin.removeprefix("http://"),
        }
        return doctor("--quick", "--data-dir", str(service.data_dir), **where).stdout

    first = said()
    assert f"ok    {service.ops_origin} is ready" in first
    assert "ok    one master-key is in use" in first
    assert "ok    one pepper is in use" in first
    assert f"ok    account {service.account}: the audit log is written, last at 20" in first
    assert re.search(rf"look  account {service.account}: the first token \(id \w+\) may do everything until 20", first)
    assert f"look  {service.data_dir / 'bootstrap-token'} may do everything" in first
    command = [sys.executable, "-m", "gateway", "token", "create", "admin", "--permission", "all"]
    where = ["--url", service.origin, "--data-dir", str(service.data_dir)]
    subprocess.run([*command, *where], env=clean_environment(), check=True, capture_output=True, timeout=60)
    until(lambda: (service.data_dir / "bootstrap-token").read_text() == "", "the file of the first token is emptied")
    assert "was emptied" in service.log_tail()
    second = said()
    assert "the first token (id" not in second
    assert f"ok    {service.data_dir / 'bootstrap-token'} is empty: the first token has ended" in second


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_it_says_what_is_wrong_and_exits_with_1(tmp_path: Path, mode: int) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "pepper").write_text("0" * 64)
    (data / "pepper").chmod(mode)
    done = doctor("--quick", "--data-dir", str(data))
    assert (f"chmod 600 {data / 'pepper'}" in done.stdout) == (mode == 0o644)
    assert done.returncode == (1 if "BAD " in done.stdout else 0)


def test_a_bad_configuration_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[server]\nworkrs = 1\n")
    done = doctor("--config", str(tmp_path / "gateway.toml"))
    assert done.returncode == 2
    assert "workrs" in done.stderr
