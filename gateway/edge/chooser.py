"""Which part of the edge finds the upstream of a route: inference, `/ai/run`, control, or nobody but ourselves."""

from collections.abc import Callable
from typing import Final

import orjson

from gateway.edge.clients import Clients
from gateway.edge.exchange import Exchange
from gateway.edge.run_endpoint import RunEndpoint
from gateway.edge.targeting import Attempt, Targeting, request_block
from gateway.model.faults import UNKNOWN_ROUTE, Refusal
from gateway.model.routes import Endpoint, Surface
from gateway.model.service import EdgeConfig
from gateway.model.targets import BEARER, Dialect, Origin, Provider, Target
from gateway.providers.catalogue import model_list

_JSON: Final = b"application/json"
_CONTROL: Final = Provider(slug="control", dialect=Dialect.NONE, keyless_ok=True)


class Chooser:
    def __init__(self, config: EdgeConfig, health: Callable[[str], bytes]) -> None:
        """`health` answers `livez` and `readyz`; it raises Refusal for a process that is not ready."""
        self._health = health
        self._clients = Clients(config.trusted_proxies)
        self._targeting = Targeting(config)
        self._run = RunEndpoint(self._targeting, config.limits.peek_bytes)
        self._control = Origin("unix", config.control_socket, 0)
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
        if route.surface in (Surface.CONTROL, Surface.DASHBOARD):
            return (await self._to_control(x),)
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
        x.answer = (_JSON, self._health(probe))

    async def _to_control(self, x: Exchange) -> Attempt:
        """The management API lives in another process; the same relay carries its requests there."""
        head = x.head
        assert head is not None
        lines = b"x-gateway-client: %b\r\n" % self._clients.address(x.request.downstream.address, head).encode()
        lines += b"x-gateway-host: %b\r\n" % head.value(b"host").removesuffix(b":")
        if cookie := head.value(b"cookie"):
            lines += b"cookie: %b\r\n" % cookie
        target = Target(provider=_CONTROL, origin=self._control, path=x.request.target, credential=BEARER)
        await self._targeting.open(x)
        return Attempt(target, request_block(x.request.method, target, head.crossing() + lines), Dialect.NONE)
