"""The line that `systemctl status` shows. What it calls streams are requests under way: those that last are streams."""

from collections.abc import Sequence

from gateway.run.children import Child


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
