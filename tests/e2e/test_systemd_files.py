"""What `deploy/` ships is valid in the eyes of the programs it is for, and agrees with the code."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fakes.service import ROOT

from gateway.model.service import ControlConfig, ProviderOverride, Timeouts
from gateway.run import children, cli, control_process, generation
from gateway.run.config import Settings, vocabulary

DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
SOCKETS = ("gateway.socket", "gateway-admin.socket")
INSTALLED = "/opt/gateway/current/bin/gateway"
NOTIFY_RELOAD_SINCE = 253


def program(name: str) -> str:
    """Where it is. Its absence is a failure where everything is to be checked, and a visible skip elsewhere."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    return path or pytest.skip(f"{name} is not installed")


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )


def systemd_version() -> int:
    return int(run(program("systemd-analyze"), "--version").stdout.split()[1])


def installed(folder: Path, *dropins: str) -> Path:
    """The units as they would lie in /etc/systemd/system, with a stand-in for the program they start."""
    stand_in = folder / "gateway"
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    for name in ("gateway.service", *SOCKETS):
        (folder / name).write_text((SYSTEMD / name).read_text().replace(INSTALLED, str(stand_in)))
    (folder / "gateway.service.d").mkdir()
    for name in dropins:
        text = (SYSTEMD / "dropins" / name).read_text().replace(INSTALLED, str(stand_in))
        (folder / "gateway.service.d" / name).write_text(text)
    return folder


def verify(folder: Path) -> str:
    """What systemd has to say. Its exit code says nothing: a misspelt directive is 0."""
    units = [str(folder / name) for name in ("gateway.service", *SOCKETS) if (folder / name).exists()]
    return run(program("systemd-analyze"), "verify", *units).stdout


@pytest.mark.parametrize("dropins", [(), ("fixed-user.conf",)], ids=["dynamic", "fixed"])
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path, dropins: tuple[str, ...]) -> None:
    assert verify(installed(tmp_path, *dropins)) == ""


def test_the_admin_port_may_be_left_out(tmp_path: Path) -> None:
    folder = installed(tmp_path)
    (folder / "gateway-admin.socket").unlink()
    assert verify(folder) == ""


def test_the_service_and_its_sockets_name_each_other() -> None:
    unit = directives(SYSTEMD / "gateway.service", "Unit")
    pulled = " ".join((*unit["Requires"], *unit["Wants"])).split()
    for name, called, default in zip(SOCKETS, ("http", "admin"), ("127.0.0.1:8787", "127.0.0.1:8789"), strict=True):
        socket = directives(SYSTEMD / name, "Socket")
        assert name in pulled
        assert name in unit["After"][0].split()
        assert socket["FileDescriptorName"] == [called]
        assert socket["ListenStream"] == [default]
        assert name == "gateway.socket" or socket["Service"] == ["gateway.service"]
    public, admin = (directives(SYSTEMD / name, "Socket") for name in SOCKETS)
    for setting in ("Backlog", "NoDelay", "KeepAlive", "ReusePort"):
        assert public[setting] == admin[setting]


def test_notify_reload_is_known_where_it_exists(tmp_path: Path) -> None:
    said = verify(installed(tmp_path, "notify-reload.conf")).splitlines()
    if systemd_version() >= NOTIFY_RELOAD_SINCE:
        assert said == []
    else:
        assert len(said) == 2
        assert "notify-reload" in said[0]
        assert "ReloadSignal" in said[1]


@pytest.mark.parametrize("dropin", [False, True])
def test_a_misspelt_directive_would_be_noticed(tmp_path: Path, dropin: bool) -> None:
    folder = installed(tmp_path)
    wrong = folder / ("gateway.service.d/wrong.conf" if dropin else "gateway.service")
    with wrong.open("a") as file:
        file.write("\n[Service]\nProtectSytem=strict\n")
    assert "ProtectSytem" in verify(folder)


@pytest.mark.parametrize("dropins", [(), ("fixed-user.conf",)], ids=["dynamic", "fixed"])
def test_exposure_is_at_most_one_and_a_half(tmp_path: Path, dropins: tuple[str, ...]) -> None:
    unit = installed(tmp_path) / "gateway.service"
    with unit.open("a") as file:
        # The offline analysis reads no drop-ins.
        file.writelines((SYSTEMD / "dropins" / name).read_text() for name in dropins)
    done = run(program("systemd-analyze"), "security", "--offline=true", "--threshold=15", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for gateway\.service: ([\d.]+)", done.stdout)
    assert found, done.stdout
    assert float(found[1]) <= 1.5
    assert done.returncode == 0


def directives(path: Path, section: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    inside = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            inside = line.strip("[]")
        elif "=" in line and not line.startswith("#") and inside == section:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text.removesuffix("s"))


def test_the_unit_leaves_time_for_what_the_service_does() -> None:
    service = directives(SYSTEMD / "gateway.service", "Service")
    control_s = ControlConfig(control_socket="/x").shutdown_s + control_process._KILL_MARGIN_S
    assert seconds(service["TimeoutStopSec"][0]) > Timeouts().drain_s + generation._KILL_MARGIN_S + control_s
    assert seconds(service["WatchdogSec"][0]) >= 2 * children._BEAT_LIMIT_S
    assert seconds(service["TimeoutStartSec"][0]) > children._START_LIMIT_S


def test_the_unit_starts_and_reloads_by_the_command_line_there_is(tmp_path: Path) -> None:
    service = directives(SYSTEMD / "gateway.service", "Service")
    (start,), (check, hang_up) = service["ExecStart"], service["ExecReload"]
    # With the newer type systemd sends the signal itself, and what the command finds is still what a reload reports.
    assert directives(SYSTEMD / "dropins" / "notify-reload.conf", "Service")["ExecReload"] == ["", check]
    assert hang_up == "/bin/kill -HUP $MAINPID"
    for command, entry in ((start, cli._serve), (check, cli._check_config)):
        assert command.startswith(f"{INSTALLED} ")
        given = cli._parser().parse_args(command.split()[1:])
        assert (given.run, given.config) == (entry, "/etc/gateway/gateway.toml")


def test_the_fixed_user_is_the_one_that_sysusers_makes() -> None:
    service = directives(SYSTEMD / "dropins" / "fixed-user.conf", "Service")
    assert service == {"DynamicUser": ["no"], "User": ["gateway"], "Group": ["gateway"]}
    done = run(program("systemd-sysusers"), "--dry-run", str(SYSTEMD / "sysusers.d" / "gateway.conf"))
    assert done.returncode == 0, done.stdout


# --- the guide

GUIDE = (DEPLOY / "README.md").read_text()


def test_the_guides_commands_know_where_the_installed_service_has_its_state() -> None:
    """The default is the home of whoever asks: there is nothing of a service's there."""
    commands = re.findall(r"^(?:.*\| `|`)?((?:\w+=\S+ )?gateway (?:token|env|doctor)\b[^`\n]*)", GUIDE, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        assert "--data-dir /var/lib/gateway" in command
        assert ("doctor" in command) == command.startswith("CREDENTIALS_DIRECTORY=/etc/gateway/credentials ")
        words = shlex.split(command.removeprefix("CREDENTIALS_DIRECTORY=/etc/gateway/credentials "))
        cli._parser().parse_args(words[1:])


def test_the_guide_makes_the_folders_it_installs_into() -> None:
    """A fresh Debian 12 has /etc/systemd/system and no other."""
    installed_files = re.findall(r"^\s*(?:test .*\|\| )?install (.*-m 06.*) (/\S+)$", GUIDE, re.MULTILINE)
    assert len(installed_files) >= 6
    made = re.findall(r"^install -d -m \d+ (\S+)$", GUIDE, re.MULTILINE)
    for options, target in installed_files:
        there = target.startswith("/etc/systemd/system/") and target.count("/") == 4
        there = there or target.startswith(("/var/lib/gateway/", *(f"{folder}/" for folder in made)))
        assert there or options.startswith("-D "), target


# --- the configuration file

CONFIG = DEPLOY / "gateway.toml"


def uncommented() -> dict[str, Any]:
    """With its keys switched on: `#key = value` is a key, `# Words` are words."""
    return tomllib.loads(re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", CONFIG.read_text()))


def test_the_configuration_file_has_every_key_and_no_other() -> None:
    tree = uncommented()
    words = vocabulary()
    assert {name: set(keys) for name, keys in tree.items() if name != "providers"} == {
        name: set(keys) for name, keys in words.sections.items()
    }
    assert [set(keys) for keys in tree["providers"].values()] == [set(words.provider_keys)]


def test_the_configuration_file_shows_the_defaults() -> None:
    tree = uncommented()
    (provider,) = tree.pop("providers").values()
    assert Settings.model_validate(tree) == Settings()
    assert provider["keyless"] == ProviderOverride().keyless


@pytest.mark.parametrize("keys", ["commented", "switched on"])
def test_the_configuration_file_is_accepted(tmp_path: Path, keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.os, "environ", {})
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG.read_text() if keys == "commented" else re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", CONFIG.read_text()))
    assert cli.main(["check-config", "--config", str(path)]) == 0


# --- the container


def test_the_image_runs_as_a_number_and_asks_our_own_command_line() -> None:
    lines = (DEPLOY / "container" / "Dockerfile").read_text().splitlines()
    (check,) = (line for line in lines if line.startswith("HEALTHCHECK"))
    assert cli._parser().parse_args(json.loads(check.partition("CMD ")[2])[1:]).run is cli._health
    (user,) = (line.split()[1] for line in lines if line.startswith("USER"))
    assert all(part.isdigit() and int(part) > 0 for part in user.split(":"))
    assert "COPY . ." not in lines
    copied = [name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    seen = [line[1:] for line in (DEPLOY / "container" / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"]
    assert sorted(seen) == sorted(copied)
