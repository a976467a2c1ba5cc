"""Entry of the child processes, and the one-process form of both: where edge and control are put together."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.kit.clock import SystemClock
from gateway.link.port import EdgeLink, OnFrame
from gateway.model.service import BOOTSTRAP_NAME, ControlConfig, EdgeConfig
from gateway.run import children, orders
from gateway.run.keyfiles import write_secret
from gateway.run.layers import ConfigError
from gateway.run.tls import server_context
from gateway.telemetry import logging as json_logging
from gateway.telemetry.loop_lag import LoopLag
from gateway.telemetry.metrics import Metrics

_BEAT_S: Final = 1.0
_CLOSE_MARGIN_S: Final = 1.0
_CONTROL_NICENESS: Final = 5
"""Leaves control a quarter of a core that it has to share (sched(7)): enough for 10,000 log records a second."""

_log = logging.getLogger("gateway.run")
T = TypeVar("T")


class Stop:
    """Told to stop: `once` asks to finish what is under way, `twice` to cut it. For use inside a running loop."""

    def __init__(self, *signals: int) -> None:
        self.once = asyncio.Event()
        self.twice = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in signals:
            loop.add_signal_handler(number, self.ask)

    def ask(self) -> None:
        (self.twice if self.once.is_set() else self.once).set()


async def unless(stopped: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, or give it up when the event comes first; whether it was done. Raises what the work raises."""
    doing, waiting = spawn(_caught(work), "work"), spawn(stopped.wait(), "stop")
    try:
        await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_and_wait(doing, waiting)
    if doing.cancelled():
        return False
    if (error := doing.result()) is not None:
        raise error
    return True


async def _caught(work: Coroutine[Any, Any, None]) -> Exception | None:
    """The error as a value: it is told once, by who asked for the work."""
    try:
        await work
    except Exception as error:
        return error
    return None


class Channel:
    """The child's end of the channel to the supervisor."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        channel.setblocking(False)

    def say(self, mark: bytes) -> None:
        with contextlib.suppress(OSError):
            self._channel.send(mark)

    def refuse(self, reason: str) -> None:
        self.say(children.REFUSED + " ".join(reason.split()).encode() + b"\n")

    def attend(self, in_flight: Callable[[], int] = lambda: 0) -> None:
        """Beat from the loop, and end with the supervisor: without it nobody would stop or replace this process.

        Each beat says how many requests are under way."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._channel.fileno(), self._on_readable)
        self._beat(loop, in_flight)

    def _beat(self, loop: asyncio.AbstractEventLoop, in_flight: Callable[[], int]) -> None:
        self.say(children.beat(in_flight()))
        loop.call_later(_BEAT_S, self._beat, loop, in_flight)

    def _on_readable(self) -> None:
        try:
            gone = not self._channel.recv(64)
        except ConnectionError:  # not its end but a reset, where it died with a beat of ours unread
            gone = True
        if gone:
            os._exit(1)


def require_c_parser() -> None:
    """aiohttp's parser in Python is slower and more lenient: smuggling defences count on the C one."""
    from aiohttp import http_parser

    if not hasattr(http_parser, "HttpRequestParserC"):
        raise ConfigError("aiohttp's C parser is missing; install aiohttp from a wheel and unset AIOHTTP_NO_EXTENSIONS")


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def main(arguments: Sequence[str]) -> int:
    """`_worker|_control ORDERS_FD CHANNEL_FD [LISTEN_FD…] [admin LISTEN_FD…]`, started by the supervisor only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    split = arguments.index(children.ADMIN) if children.ADMIN in arguments else len(arguments)
    orders_fd, channel_fd, *listen_fds = (int(text) for text in arguments[:split])
    given = orders.take(orders_fd)
    json_logging.configure(given.log_level)
    channel = Channel(socket.socket(fileno=channel_fd))
    try:
        require_c_parser()
        if isinstance(given.config, ControlConfig):
            _step_behind_the_edges()
            run_loop(_serve_control(given.config, channel, given.restarts))
        else:
            sockets = [socket.socket(fileno=fd) for fd in listen_fds]
            admin = [socket.socket(fileno=int(text)) for text in arguments[split + 1 :]]
            run_loop(_serve_edge(given, given.config, (sockets, admin), channel))
    except (ConfigError, OSError, ValueError, ImportError) as error:
        return _refused(channel, given.name, error)
    except Exception as error:
        _log.critical("%s cannot go on", given.name, exc_info=error)
        return _refused(channel, given.name, error)
    return 0


def _step_behind_the_edges() -> None:
    """Where control and an edge share a core, traffic goes first: nobody waits for a row of the log, everybody for bytes."""
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.nice(_CONTROL_NICENESS)


def _refused(channel: Channel, name: str, error: Exception) -> int:
    channel.refuse(reason_of(name, error))
    return children.HOPELESS if isinstance(error, ConfigError) else 1


def reason_of(name: str, error: Exception) -> str:
    """One line for the operator. Texts of foreign errors may repeat input, so only ours and the system's are shown."""
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror.lower()}"
    return f"{name}: {type(error).__name__}, see the log"


Sockets = tuple[Sequence[socket.socket], Sequence[socket.socket]]
"""The public ones, and those of the admin listener."""


async def _serve_edge(given: orders.Orders, config: EdgeConfig, sockets: Sockets, channel: Channel) -> None:
    from gateway.edge.listener import Edge
    from gateway.link.client import UnixLink, connect_unix

    stop = Stop(signal.SIGTERM)
    name = given.name
    links: list[UnixLink] = []

    async def connect(on_frame: OnFrame) -> EdgeLink:
        link = await connect_unix(config.control_socket, on_frame, worker=name, ask_timeout_s=config.token_cache.ask_timeout_s)
        links.append(link)
        return link

    edge = Edge(config, SystemClock(), connect, worker=name)
    channel.attend(lambda: edge.in_flight)
    edge.reporter.metrics.gauge("worker_restarts", lambda: given.restarts)
    watch_loop(edge.reporter.metrics)
    try:
        if await unless(stop.once, edge.start(sockets[0], tls_of(config), sockets[1])):
            # What lives now lives for ever: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            # Requests make few cycles; looking for them every 700 objects took 4 % of a busy worker.
            gc.set_threshold(20_000, 50, 50)
            channel.say(children.READY)
            await stop.once.wait()
        await _drain(edge.drain, config.timeouts.drain_s, stop)
    finally:
        for link in links:
            await link.close()


def tls_of(config: EdgeConfig) -> ssl.SSLContext | None:
    return server_context(config.tls_certificate, config.tls_key) if config.tls_key else None


def watch_loop(metrics: Metrics) -> None:
    """Measure how late this loop is, until it ends."""
    LoopLag(metrics.histogram("event_loop_lag_seconds", "edge").observe).start()


async def _drain(drain: Callable[[float], Coroutine[Any, Any, None]], grace_s: float, stop: Stop) -> None:
    if not await unless(stop.twice, drain(grace_s)):
        await drain(0.0)


async def _serve_control(config: ControlConfig, channel: Channel, restarts: int) -> None:
    stop = Stop(signal.SIGTERM)
    channel.attend()

    def on_bootstrap(token: str) -> None:
        keep_bootstrap_token(config, token)
        channel.say(children.BOOTSTRAPPED)

    control = _build_control(config, on_bootstrap)
    control.counters.count("worker_restarts", by=restarts)
    try:
        if await unless(stop.once, _started(control)):
            channel.say(children.READY)
            await stop.once.wait()
    finally:
        await _within(config.shutdown_s + _CLOSE_MARGIN_S, control.close())


def _build_control(config: ControlConfig, on_bootstrap: Callable[[str], None]) -> Any:
    from gateway.control.app import Control
    from gateway.control.key_check import may_make_store
    from gateway.store.store import open_store

    # A control that was killed leaves its socket behind.
    with contextlib.suppress(FileNotFoundError):
        Path(config.control_socket).unlink()
    store = open_store(config.store_url, create=may_make_store(config.data_dir))
    return Control(config, store, SystemClock(), on_bootstrap=on_bootstrap)


async def _started(control: Any) -> None:
    from gateway.store.errors import Unusable

    try:
        await control.start()
    except Unusable as error:
        raise ConfigError(str(error)) from None


async def _within(limit_s: float, work: Awaitable[None]) -> None:
    """A stop never hangs on what cannot be finished (a store that does not answer)."""
    try:
        async with asyncio.timeout(limit_s):
            await work
    except TimeoutError:
        _log.error("control did not close within %g s", limit_s)


def keep_bootstrap_token(config: ControlConfig, token: str) -> None:
    write_secret(Path(config.data_dir) / BOOTSTRAP_NAME, token)


async def serve_both(
    edge_config: EdgeConfig,
    control_config: ControlConfig,
    sockets: Sockets,
    *,
    stop: Stop,
    on_ready: Callable[[bool], Awaitable[None]],
) -> None:
    """Both planes in this loop over the loopback link, until told to stop. `on_ready` learns whether a first token was made."""
    from gateway.edge.listener import Edge
    from gateway.link.loopback import loopback

    made: list[str] = []

    def on_bootstrap(token: str) -> None:
        keep_bootstrap_token(control_config, token)
        made.append(BOOTSTRAP_NAME)

    control = _build_control(replace(control_config, workers=1), on_bootstrap)
    try:
        if not await unless(stop.once, _started(control)):
            return
        connect = loopback(control.hub, worker="edge-0", ask_timeout_s=edge_config.token_cache.ask_timeout_s)
        edge = Edge(edge_config, SystemClock(), connect, worker="edge-0")
        watch_loop(edge.reporter.metrics)
        try:
            if await unless(stop.once, edge.start(sockets[0], tls_of(edge_config), sockets[1])):
                await on_ready(bool(made))
                await stop.once.wait()
        finally:
            await _drain(edge.drain, edge_config.timeouts.drain_s, stop)
    finally:
        await _within(control_config.shutdown_s + _CLOSE_MARGIN_S, control.close())
