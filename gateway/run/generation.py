"""Edges that run with one configuration, from their start to their end."""

from dataclasses import dataclass
from typing import Final

from gateway.run.children import Child
from gateway.run.config import ServiceConfig

_KILL_MARGIN_S: Final = 5.0


class Generation:
    def __init__(self, config: ServiceConfig, edges: list[Child]) -> None:
        self.config = config
        self.edges = edges

    @property
    def ready(self) -> bool:
        return len(self.edges) >= self.config.workers and all(edge.ready for edge in self.edges)

    def drain(self) -> None:
        """Let requests under way finish, for as long as the configuration says."""
        for edge in self.edges:
            edge.drain(self.config.edge.timeouts.drain_s + _KILL_MARGIN_S)

    def kill(self) -> None:
        for edge in self.edges:
            edge.kill()


@dataclass(frozen=True, slots=True)
class Rollout:
    """The next generation, until all of it is ready."""

    new: Generation
    until: float
    """When it is given up, if it is not ready by then."""
