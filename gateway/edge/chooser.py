"""Which part of the edge finds the upstream of a route: inference, `/ai/run`, control, or nobody but ourselves."""

from collections.abc import Callable
from typing import Final

import orjson

from gateway.edge.exchange import Exchange
from gateway.edge.management import Management
from gateway.edge.run_endpoint import RunEndpoint
from gateway.edge.targeting import Attempt, Targeting
from gateway.model.faults import TO_DASHBOARD, UNKNOWN_ROUTE, Refusal
from gateway.model.routes import Endpoint, Surface
from gateway.model.service import EdgeConfig
from gateway.providers.catalogue import model_list

_JSON: Final = b"application/json"


class Chooser:
    def __init__(self, config: EdgeConfig, health: Callable[[str], bytes], management: Management) -> None:
        """`health` answers `livez` and `readyz`; it raises Refusal for a process that is not ready."""
        self._health = health
        self._management = management
        self._targeting = Targeting(config)
        self._run = RunEndpoint(self._targeting, config.limits.peek_bytes)
        self.known = self._targeting.known
        """The attempts of a request that needs no thinking; empty for any other."""
        self._models = orjson.dumps({"object": "list", "data": model_list()})

    async def __call__(self, x: Exchange) -> tuple[Attempt, ...]:
        """The attempts, or none when `x.answer` was filled. Raises Refusal."""
        route = x.route
        assert route is not None
        if route.surface is Surface.OPS:
            self._answer_health(x, route.tail)
            return ()
        if route.surface is Surface.PREFLIGHT:
            x.answer = (b"", b"")
            return ()
        if route.surface in (Surface.CONTROL, Surface.DASHBOARD):
            return (await self._management.choose(x),)
        if route.endpoint is Endpoint.MODELS:
            x.answer = (_JSON, self._models)
            x.logged = False  # a list of names, no inference
            return ()
        if route.surface is Surface.REST_RUN:
            return await self._run.choose(x)
        return await self._targeting.choose(x)

    def _answer_health(self, x: Exchange, probe: str) -> None:
        if x.request.method not in ("GET", "HEAD"):
            raise Refusal(UNKNOWN_ROUTE)
        if probe == "home":
            shows = Surface.DASHBOARD in x.request.downstream.door.surfaces
            raise Refusal(TO_DASHBOARD if shows and x.head is not None and x.head.page_load else UNKNOWN_ROUTE)
        x.answer = (_JSON, self._health(probe))
