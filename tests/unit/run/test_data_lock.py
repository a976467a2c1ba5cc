import errno
import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.run.data_lock import PID_NAME, only_service
from gateway.run.layers import ConfigError

HOLDER = """
import sys, time
from pathlib import Path
from gateway.run.data_lock import only_service
with only_service(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.stdout.close()
    return holder


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught, only_service(folder):
        pass
    return str(caught.value)


def test_another_process_is_named_and_its_death_frees_the_folder(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    try:
        assert refusal(tmp_path) == f"{tmp_path} is in use by another gateway serve (pid {holder.pid})"
        (tmp_path / PID_NAME).unlink()
        assert refusal(tmp_path) == f"{tmp_path} is in use by another gateway serve"
    finally:
        holder.kill()
        holder.wait()
    with only_service(tmp_path):
        assert (tmp_path / PID_NAME).read_text() == f"{os.getpid()} {socket.gethostname()}\n"


def test_the_folder_under_another_name_is_the_same_folder(tmp_path: Path) -> None:
    folder, link = tmp_path / "data", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    with only_service(folder):
        assert f"(pid {os.getpid()})" in refusal(link)


def test_another_host_is_named(tmp_path: Path) -> None:
    with only_service(tmp_path):
        (tmp_path / PID_NAME).write_text("7 elsewhere\n")
        assert refusal(tmp_path).endswith("(pid 7 on elsewhere)")


def test_it_may_be_held_again_and_children_do_not_keep_it(tmp_path: Path) -> None:
    with only_service(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with only_service(tmp_path):
            assert refusal(tmp_path)
    finally:
        child.communicate(b"\n")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def no_lock(*_: Any) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", no_lock)
    with only_service(tmp_path):
        assert "without locks" in caplog.text


def test_an_unknown_trouble_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    assert refusal(tmp_path) == f"{tmp_path}: the data folder cannot be locked (Input/output error)"


def test_a_folder_that_cannot_be_written_is_held_without_a_name(tmp_path: Path) -> None:
    (tmp_path / PID_NAME).mkdir()
    with only_service(tmp_path):
        assert refusal(tmp_path) == f"{tmp_path} is in use by another gateway serve"
