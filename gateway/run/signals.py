"""Signals without an event loop: they wake a selector, and their handlers run between other work, never inside it."""

import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType


@contextmanager
def handled(handlers: Mapping[int, Callable[[], None]], selector: selectors.BaseSelector) -> Iterator[None]:
    """Within the block each of these signals makes the selector ready; the key's data is to be called then."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)

    def call_handlers() -> None:
        for number in ours.recv(4096):
            handlers[number]()

    before = {number: signal.signal(number, _noted) for number in handlers}
    before_fd = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    selector.register(ours, selectors.EVENT_READ, call_handlers)
    try:
        yield
    finally:
        selector.unregister(ours)
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        ours.close()
        theirs.close()


def _noted(number: int, frame: FrameType | None) -> None:
    """A handler must exist for the wakeup descriptor to be written."""
