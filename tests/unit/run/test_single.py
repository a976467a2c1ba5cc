import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.model.service import ControlConfig, EdgeConfig
from gateway.run import single
from gateway.run.config import ServiceConfig
from gateway.run.listening import Listeners
from gateway.run.systemd import Notifier
from gateway.run.worker import Stop


async def test_it_says_ready_and_obeys_signals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    served: list[Any] = []

    async def serve_both(*given: Any, stop: Stop, on_ready: Callable[[bool], Awaitable[None]]) -> None:
        served.extend(given)
        await on_ready(True)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.once.wait()
        await asyncio.sleep(0)  # as draining does: others who wait for the stop are served too

    monkeypatch.setattr(single, "serve_both", serve_both)
    listeners = Listeners()
    listeners.open(["127.0.0.1:0"])
    config = ServiceConfig(
        edge=EdgeConfig(),
        control=ControlConfig(control_socket=""),
        workers=1,
        log_level="info",
        data_dir=tmp_path,
        public_url="",
        dashboard_url="http://127.0.0.1:8787",
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(10)
        await single.serve_single(config, listeners, Notifier(str(tmp_path / "n")))
        heard = [manager.recv(1000).decode().split("\n")[0] for _ in range(3)]
    assert heard == ["WATCHDOG=1", "READY=1", "STOPPING=1"]
    assert served == [config.edge, config.control, (listeners.sockets, listeners.admin)]
    assert capsys.readouterr().out.splitlines() == [
        f"gateway ready on {listeners.origin()} (single process)",
        "dashboard: http://127.0.0.1:8787/dashboard",
        f"first API token: {tmp_path / 'bootstrap-token'}",
    ]
    listeners.close()
