"""The line that `systemctl status` shows. What it calls streams are requests under way: those that last are streams."""

from collections.abc import Sequence
from typing import Final

from gateway.run.children import Child
from gateway.run.systemd import Notifier

_BEAT_S: Final = 1.0


class Told:
    """What the service manager was told last: it hears a line when that changes, and that we live once a second."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._line = ""
        self._beat_due = 0.0

    def beat(self, now: float) -> None:
        if now >= self._beat_due:
            self._beat_due = now + _BEAT_S
            self._notifier.beat()

    def line(self, line: str) -> None:
        if line != self._line:
            self._line = line
            self._notifier.status(line)


def serving(edges: Sequence[Child], outgoing: Sequence[Child], trouble: str) -> str:
    """`outgoing`: an earlier generation that finishes its requests. `trouble`: how the last reload went, if not well."""
    draining = f", {len(outgoing)} draining {_streams(outgoing)}" if outgoing else ""
    return f"{workers(len(edges))}, {_streams(edges)} open{draining}{trouble}"


def stopping(edges: Sequence[Child]) -> str:
    return f"stopping: {workers(len(edges))} draining {_streams(edges)}"


def workers(count: int) -> str:
    return _counted(count, "worker")


def _streams(edges: Sequence[Child]) -> str:
    return _counted(sum(edge.in_flight for edge in edges), "stream")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
