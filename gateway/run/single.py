"""`gateway serve --single-process`: both planes in one process, without a supervisor."""

import asyncio
import logging
import signal
from typing import Final

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.model.service import BOOTSTRAP_NAME
from gateway.run.config import ServiceConfig
from gateway.run.hot_path import log_unless_compiled
from gateway.run.listening import Listeners
from gateway.run.systemd import Notifier
from gateway.run.worker import Stop, serve_both

_WATCHDOG_S: Final = 1.0

_log = logging.getLogger("gateway.run")


async def serve_single(config: ServiceConfig, listeners: Listeners, notifier: Notifier) -> None:
    """Until SIGTERM or SIGINT; the second one cuts what is under way."""
    stop = Stop(signal.SIGTERM, signal.SIGINT)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: _log.warning("one process cannot reload its configuration: restart it"))

    def beat() -> None:
        notifier.beat()
        loop.call_later(_WATCHDOG_S, beat)

    async def on_ready(bootstrapped: bool) -> None:
        log_unless_compiled()
        print(f"gateway ready on {listeners.origin()} (single process)", flush=True)
        print(f"dashboard: {config.dashboard_url}/dashboard", flush=True)
        if bootstrapped:
            print(f"first API token: {config.data_dir / BOOTSTRAP_NAME}", flush=True)
        notifier.ready("single process")

    async def tell_when_stopping() -> None:
        await stop.once.wait()
        notifier.stopping("draining")

    beat()
    telling = spawn(tell_when_stopping(), "stopping")
    await serve_both(config.edge, config.control, (listeners.sockets, listeners.admin), stop=stop, on_ready=on_ready)
    await cancel_and_wait(telling)
