"""The way of a request, from its first byte to its log record. Read this function first.

classify → settle → identify → authorize → plan phases → target → attempt, commit, pour (relay) → report.
A phase is a plain call; what it needs to know is in the Exchange, what it refuses is a Refusal, and `report` is reached
by every request whatever happened. A warm request awaits nothing here but its upstream.
"""

import logging

from gateway.edge.chooser import Chooser
from gateway.edge.clients import Clients
from gateway.edge.exchange import Exchange
from gateway.edge.identity import Identity, Reader
from gateway.edge.policy import asks_for_token, authorize
from gateway.edge.relay import Relay
from gateway.edge.report import Reporter
from gateway.edge.request import Request
from gateway.edge.routing import classify, surface_of
from gateway.edge.settings import GatewayPlan, Settings
from gateway.model.faults import INTERNAL, OVERLOADED, PAGE_LOAD, Refusal
from gateway.model.routes import CROSS_ORIGIN_SURFACES, OPEN_SURFACES, PAGE_SURFACES, Route, Surface
from gateway.protocol.headers import RequestHead
from gateway.protocol.options import NO_OPTIONS, RequestOptions

_log = logging.getLogger("gateway.edge")
_PREFLIGHT = Route(Surface.PREFLIGHT)


class Lifecycle:
    def __init__(
        self,
        settings: Settings,
        credentials: Reader,
        identity: Identity,
        choose: Chooser,
        relay: Relay,
        report: Reporter,
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self.identity = identity
        self.choose = choose
        self.relay = relay
        self.report = report
        self.clients = Clients(())
        self.in_flight = 0
        self.overloaded = False
        """Memory is short: who is being served is served to the end, nobody else is let in."""

    async def serve(self, request: Request) -> bool:
        x = Exchange(request, self.report.clock)
        self.in_flight += 1
        try:
            x.head = request.downstream.head_of(request)
            if x.head.final:
                return self.relay.tell_methods(x)
            x.route = route_of(request, x.head)
            x.plan = self.settings.plan_for(x.route)
            x.options = options_of(x.head)

            asked = asks_for_token(x.route, x.plan.authentication)
            credential = self.credentials.wanted(x.route, x.head, asked)
            x.address = self.clients.address(request.downstream.address, x.head)
            x.principal = self.identity.known(credential)
            if x.principal is None:
                x.principal, x.auth_state = await self.identity.learn(credential, x.address)
            x.permit = authorize(x.route, x.plan.authentication, x.principal, x.address, x.started_wall)
            if x.permit.authenticated:
                request.downstream.known = True
            elif x.options is not NO_OPTIONS:
                x.options = options_of_stranger(x.head, x.options)

            if self.overloaded and self.in_flight > 1 and x.route.surface not in OPEN_SURFACES:
                raise Refusal(OVERLOADED)  # but a request alone is served: no other could make room by its end
            for phase in x.plan.phases:  # empty when nothing is switched on
                if (pending := phase(x)) is not None:
                    await pending
            x.logged, x.samples = collection_of(x.plan, x.options)

            attempts = self.choose.known(x) or await self.choose(x)
            if x.answer is not None:
                return await self.relay.deliver(x, *x.answer)
            return await self.relay.carry(x, x.permit, attempts)
        except Refusal as refusal:
            return await self.relay.refuse(x, refusal)
        except Exception as error:  # ours, never the client's: say so, keep serving the others
            _log.exception("unexpected %s", type(error).__name__)
            return await self.relay.refuse(x, Refusal(INTERNAL))
        finally:
            self.in_flight -= 1
            if x.seat is not None:
                x.seat.leave()
            self.report(x)


def collection_of(plan: GatewayPlan, options: RequestOptions) -> tuple[bool, bool]:
    """Whether this request gets a row in the log, and its bodies with it: a request's word beats its gateway's setting."""
    logged = plan.collect_logs if options.collect_log is None else options.collect_log
    payloads = plan.collect_log_payloads if options.collect_log_payload is None else options.collect_log_payload
    return logged, logged and payloads


def route_of(request: Request, head: RequestHead) -> Route:
    """The route; worked out once for a head that a connection repeats (a remembered head is the same request line)."""
    route = head.route
    if route is None:
        if head.preflight and _asks_leave(request, head):
            head.route = _PREFLIGHT
            return _PREFLIGHT
        gateway_header = head.control.get(b"cf-aig-gateway-id", b"")
        route = classify(request.method, request.target, gateway_header)
        request.downstream.door.check(route.surface, head)
        if head.page_load and route.surface not in PAGE_SURFACES:
            raise Refusal(PAGE_LOAD)
        head.route = route
    return route


def _asks_leave(request: Request, head: RequestHead) -> bool:
    """Whether this is a CORS preflight of inference, which carries no credentials and is answered here (decision 0025)."""
    return request.method == "OPTIONS" and head.origin != b"" and surface_of(request.target) in CROSS_ORIGIN_SURFACES


def options_of(head: RequestHead) -> RequestOptions:
    """The request's options, likewise."""
    options = head.options
    if options is None:
        options = head.options = RequestOptions.read(head.control)
    return options


def options_of_stranger(head: RequestHead, options: RequestOptions) -> RequestOptions:
    """As many of them as count for a caller without a token, likewise."""
    known = head.memo.get("stranger")
    if known is None:
        known = head.memo["stranger"] = options.of_stranger()
    assert isinstance(known, RequestOptions)
    return known
