"""Exchange: all state of one request. The only mutable value on the way; each slot names the phase that fills it."""

from gateway.edge.body import Body
from gateway.edge.request import Request
from gateway.edge.seats import Seat
from gateway.edge.settings import GatewayPlan
from gateway.edge.taps.sample import Sample
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid7
from gateway.model.faults import Fault
from gateway.model.routes import Route
from gateway.model.targets import Provider
from gateway.model.tokens import Permit, Principal
from gateway.protocol.headers import RequestHead
from gateway.protocol.options import NO_OPTIONS, RequestOptions


class Exchange:
    __slots__ = (
        "address",
        "answer",
        "asked_at",
        "auth_state",
        "body",
        "cached",
        "committed",
        "error_cause",
        "error_message",
        "events",
        "fault",
        "first_byte_at",
        "head",
        "id",
        "logged",
        "model",
        "options",
        "outcome",
        "overhead_s",
        "permit",
        "plan",
        "principal",
        "provider",
        "request",
        "request_bytes",
        "response_bytes",
        "response_encoding",
        "response_sample",
        "response_type",
        "route",
        "samples",
        "seat",
        "started_at",
        "started_wall",
        "status",
        "streamed",
        "tap",
    )

    def __init__(self, request: Request, clock: Clock) -> None:
        self.request = request
        self.started_wall = clock.wall()
        self.started_at = clock.monotonic()
        self.id = uuid7(self.started_wall)
        """`cf-aig-request-id`, and the log's id when one is written."""
        self.head: RequestHead | None = None
        """classify"""
        self.route: Route | None = None
        """classify"""
        self.plan: GatewayPlan | None = None
        """settle"""
        self.options: RequestOptions = NO_OPTIONS
        """settle"""
        self.principal: Principal | None = None
        """identify"""
        self.auth_state = "hit"
        """identify: how the token was found, as records.LogRecord says"""
        self.address = ""
        """authorize: the client's"""
        self.permit: Permit | None = None
        """authorize"""
        self.answer: tuple[bytes, bytes] | None = None
        """target: content type and body of an answer of our own (health, the list of models)"""
        self.body: Body | None = None
        """target"""
        self.seat: Seat | None = None
        """target: a stranger's place at control, left at the end"""
        self.provider: Provider | None = None
        """target"""
        self.model = ""
        """target; the usage tap may name it better"""
        self.logged = self.samples = False
        """after the plan's phases: whether this request gets a row in the log, and whether its bodies are logged"""
        self.asked_at: float | None = None
        """attempt: when the first connection to a provider was looked for"""
        self.committed = False
        """commit: the head went out, nothing can be retried or refused any more"""
        self.status = 0
        """commit or refuse; 499 when the client left before an answer"""
        self.first_byte_at: float | None = None
        """commit"""
        self.request_bytes = self.response_bytes = self.events = 0
        """pour"""
        self.overhead_s: float | None = None
        """attempt: what we took until the request could leave; None where the client was waited for"""
        self.response_encoding = self.response_type = ""
        """commit"""
        self.streamed = self.cached = False
        """commit"""
        self.response_sample: Sample | None = None
        """commit: where bodies are logged"""
        self.tap: object | None = None
        """commit: the usage tap"""
        self.fault: Fault | None = None
        """refuse"""
        self.error_cause = self.error_message = ""
        """attempt or pour: why the provider gave no answer (model/causes.py); refuse: words other than the fault's own"""
        self.outcome = "client_gone"
        """Said by whoever ends the request; a cancelled one says nothing."""
