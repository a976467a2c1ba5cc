"""Promise: what is remembered of a token decides like what control would say now (5): whatever was cached when, and whatever
was revoked, changed, expired, switched or reconnected since.
"""

import asyncio
from ipaddress import ip_network
from typing import Any

from fakes.clock import FakeClock
from fakes.link import FakeLink
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.identity import NONE_WANTED, Credential, Identity
from gateway.edge.policy import asks_for_token, authorize
from gateway.model.faults import Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import TokenCaching
from gateway.model.tokens import Permission, Permit, Principal

A, B = "a" * 32, "b" * 32
HERE = "192.0.2.7"
DIGEST = b"d"
START = FakeClock().wall()

MOMENTS = st.none() | st.floats(START - 100, START + 400)
NETWORKS = st.sampled_from([(), (ip_network("192.0.2.0/24"),), (ip_network("203.0.113.0/24"),)])
PERMISSIONS = st.sampled_from([Permission.RUN, Permission.READ, Permission.WORKERS_AI_READ])
GATEWAYS = st.none() | st.frozensets(st.sampled_from(["g1", "g2"]))
PRINCIPALS = st.builds(
    Principal,
    token_id=st.sampled_from(["t", "u"]),
    grants=st.dictionaries(st.sampled_from([A, B, "*"]), st.dictionaries(PERMISSIONS, GATEWAYS, min_size=1), max_size=2),
    not_before=MOMENTS,
    expires_on=MOMENTS,
    ip_in=NETWORKS,
    ip_not_in=NETWORKS,
)
ROUTES = [
    Route(Surface.PROVIDER_NATIVE, A, "g1", "openai"),
    Route(Surface.COMPAT, A, "g2", endpoint=Endpoint.CHAT),
    Route(Surface.REST_V1, A, "g1", endpoint=Endpoint.CHAT),
    Route(Surface.REST_RUN, B, endpoint=Endpoint.RUN),
]
STEPS = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([0.1, 1.0, 14.0, 46.0, 61.0, 300.0])),
    st.tuples(st.just("change"), st.none() | PRINCIPALS),
    st.tuples(st.just("missed"), st.none() | PRINCIPALS),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("ask"), st.tuples(st.sampled_from(ROUTES), st.booleans())),
)


class World:
    """Control's word, one memory that has lived through everything, and a new one for each question."""

    def __init__(self) -> None:
        self.clock, self.link = FakeClock(), FakeLink()
        self.old = self._identity()
        self.kept = Credential(DIGEST)
        """As a connection keeps it, with what was found."""

    def _identity(self) -> Identity:
        return Identity(self.link, self.clock, TokenCaching(), lambda _: None)

    def becomes(self, principal: Principal | None) -> None:
        if principal is None:
            self.link.principals.pop(DIGEST, None)
        else:
            self.link.principals[DIGEST] = principal

    async def step(self, name: str, what: Any) -> None:
        match name:
            case "pass":
                self.clock.advance(what)
            case "change":  # control tells every edge
                self.becomes(what)
                self.old.revoke(DIGEST)
            case "missed":  # while the link was down, for as long as a refusal is remembered
                self.becomes(what)
                self.clock.advance(TokenCaching().negative_ttl_s)
                self.link.rejoin()
            case "settle":
                for _ in range(5):
                    await asyncio.sleep(0)
            case "ask":
                route, authentication = what
                expected = await self._verdict(self._identity(), Credential(DIGEST), route, authentication)
                for credential in (self.kept, Credential(DIGEST)):
                    assert await self._verdict(self.old, credential, route, authentication) == expected

    async def _verdict(self, identity: Identity, credential: Credential, route: Route, authentication: bool) -> Permit | Fault:
        """As the lifecycle does it."""
        wanted = credential if asks_for_token(route, authentication) else NONE_WANTED
        try:
            principal = identity.known(wanted) or (await identity.learn(wanted))[0]
            return authorize(route, authentication, principal, HERE, self.clock.wall())
        except Refusal as refusal:
            return refusal.fault


@settings(deadline=None)
@given(st.none() | PRINCIPALS, st.lists(STEPS, min_size=1, max_size=12))
def test_a_cached_decision_is_the_uncached_one(first: Principal | None, steps: list[tuple[str, Any]]) -> None:
    async def live() -> None:
        world = World()
        world.becomes(first)
        for route in ROUTES:
            await world.step("ask", (route, True))
        for name, what in steps:
            await world.step(name, what)
            for route in ROUTES:
                await world.step("ask", (route, True))

    asyncio.run(live())
