import asyncio
import os
import signal
import socket
import stat
from pathlib import Path

import aiohttp.http_parser
import pytest

from gateway.model.service import ControlConfig
from gateway.run import children
from gateway.run.layers import ConfigError
from gateway.run.worker import Channel, Stop, _drain, keep_bootstrap_token, reason_of, require_c_parser, run_loop, unless


async def test_stop_counts_signals() -> None:
    stop = Stop(signal.SIGUSR1)
    try:
        signal.raise_signal(signal.SIGUSR1)
        await asyncio.wait_for(stop.once.wait(), 10)
        assert not stop.twice.is_set()
        stop.ask()
        assert stop.twice.is_set()
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)


async def test_work_is_done_unless_the_event_comes_first() -> None:
    never, now = asyncio.Event(), asyncio.Event()
    now.set()
    ended: list[str] = []

    async def quick() -> None:
        ended.append("quick")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("given up")

    assert await unless(never, quick()) is True
    assert await unless(now, endless()) is False
    assert ended == ["quick", "given up"]


async def test_errors_of_the_work_are_raised_and_not_logged_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise OSError(98, "Address already in use")

    with pytest.raises(OSError):
        await unless(asyncio.Event(), broken())
    assert caplog.records == []


async def test_draining_is_cut_by_the_second_signal() -> None:
    graces: list[float] = []
    stop = Stop()

    async def drain(grace_s: float) -> None:
        graces.append(grace_s)
        if grace_s:
            stop.ask()
            stop.ask()
            await asyncio.Event().wait()

    await _drain(drain, 600.0, stop)
    assert graces == [600.0, 0.0]


async def test_the_channel_beats_and_says_what_it_is_told() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel = Channel(theirs)
        channel.attend(lambda: 12)
        channel.say(children.READY)
        channel.refuse("two\nlines")
        assert ours.recv(100) == children.beat(12) + children.READY + children.REFUSED + b"two lines\n"
        asyncio.get_running_loop().remove_reader(theirs.fileno())


def test_a_supervisor_that_is_gone_is_no_error_for_a_last_word() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        Channel(theirs).say(children.READY)


def test_without_the_c_parser_there_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    require_c_parser()
    monkeypatch.delattr(aiohttp.http_parser, "HttpRequestParserC")
    with pytest.raises(ConfigError, match="C parser is missing"):
        require_c_parser()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConfigError("gateway.toml: no"), "gateway.toml: no"),
        (OSError(98, "Address already in use"), "edge-0: address already in use"),
        (ValueError("hunter2"), "edge-0: ValueError, see the log"),
        (OSError("hunter2"), "edge-0: OSError, see the log"),
    ],
)
def test_reasons_never_repeat_the_text_of_foreign_errors(error: Exception, reason: str) -> None:
    assert reason_of("edge-0", error) == reason


def test_the_loop_is_uvloop() -> None:
    async def name() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run_loop(name()) == "uvloop"


def test_the_first_token_is_kept_for_the_operator_alone(tmp_path: Path) -> None:
    keep_bootstrap_token(ControlConfig(control_socket="", data_dir=str(tmp_path)), "agw_x")
    path = tmp_path / "bootstrap-token"
    assert path.read_text() == "agw_x\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("unread", [b"", b"a beat"])
def test_a_process_ends_with_its_supervisor_whatever_that_had_not_read(unread: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    channel.say(unread)
    ours.close()
    channel._on_readable()
    theirs.close()
    assert ended == [1]
