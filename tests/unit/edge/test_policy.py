"""The decision table, row by row and surface by surface. The first four rows are the product's promise."""

from ipaddress import ip_network

import pytest

from gateway.edge.policy import asks_for_token, authorize
from gateway.model.faults import FORBIDDEN, INVALID_TOKEN, MISSING_TOKEN, Fault, Refusal
from gateway.model.routes import REST_SURFACES, Endpoint, Route, Surface
from gateway.model.tokens import ANONYMOUS, INVALID, Permission, Permit, Principal

A, B = "a" * 32, "b" * 32
NOW = 1_700_000_000.0
HERE = "192.0.2.7"
TREE = (Surface.PROVIDER_NATIVE, Surface.COMPAT, Surface.UNIVERSAL)
REST = (Surface.REST_RUN, Surface.REST_V1)
OPEN = (Surface.CONTROL, Surface.DASHBOARD, Surface.OPS, Surface.PREFLIGHT)
VALID = Principal(token_id="t", grants={A: {Permission.RUN: None}})


def granted(*permissions: str, account: str = A, gateways: frozenset[str] | None = None) -> Principal:
    return Principal(token_id="t", grants={account: dict.fromkeys(permissions, gateways)})


def verdict(surface: Surface, authentication: bool, principal: Principal, *, gateway: str = "g1") -> Permit | Fault:
    endpoint = Endpoint.CHAT if surface is not Surface.PROVIDER_NATIVE else None
    route = Route(surface, A, gateway, endpoint=endpoint)
    try:
        return authorize(route, authentication, principal, HERE, NOW)
    except Refusal as refusal:
        return refusal.fault


PERMIT = Permit(authenticated=True, token_id="t")
ANONYMOUS_PERMIT = Permit(authenticated=False, token_id="")


@pytest.mark.parametrize("surface", TREE)
@pytest.mark.parametrize(
    ("authentication", "principal", "outcome"),
    [
        (True, VALID, PERMIT),
        (True, ANONYMOUS, MISSING_TOKEN),
        (False, VALID, ANONYMOUS_PERMIT),
        (False, INVALID, ANONYMOUS_PERMIT),
        (False, ANONYMOUS, ANONYMOUS_PERMIT),
        (True, INVALID, INVALID_TOKEN),
    ],
)
def test_the_promise_on_the_gateway_tree(
    surface: Surface, authentication: bool, principal: Principal, outcome: Permit | Fault
) -> None:
    assert verdict(surface, authentication, principal) == outcome


@pytest.mark.parametrize("surface", REST)
@pytest.mark.parametrize("authentication", [True, False])
@pytest.mark.parametrize(("principal", "outcome"), [(VALID, PERMIT), (ANONYMOUS, MISSING_TOKEN), (INVALID, INVALID_TOKEN)])
def test_the_promise_on_rest(surface: Surface, authentication: bool, principal: Principal, outcome: Permit | Fault) -> None:
    """The gateway's toggle makes no difference."""
    assert verdict(surface, authentication, principal) == outcome


CONDITIONS: list[tuple[Principal, Permit | Fault]] = [
    (Principal(token_id="t", grants=VALID.grants, expires_on=NOW + 0.1), PERMIT),
    (Principal(token_id="t", grants=VALID.grants, expires_on=NOW), INVALID_TOKEN),
    (Principal(token_id="t", grants=VALID.grants, expires_on=NOW - 1), INVALID_TOKEN),
    (Principal(token_id="t", grants=VALID.grants, not_before=NOW), PERMIT),
    (Principal(token_id="t", grants=VALID.grants, not_before=NOW + 0.1), INVALID_TOKEN),
    (Principal(token_id="t", grants=VALID.grants, ip_in=(ip_network("192.0.2.0/24"),)), PERMIT),
    (Principal(token_id="t", grants=VALID.grants, ip_in=(ip_network("203.0.113.0/24"),)), INVALID_TOKEN),
    (Principal(token_id="t", grants=VALID.grants, ip_not_in=(ip_network("192.0.2.7/32"),)), INVALID_TOKEN),
    (granted(Permission.READ, Permission.WRITE), FORBIDDEN),
    (Principal(token_id="t"), FORBIDDEN),
    (granted(Permission.RUN, account=B), FORBIDDEN),
    (granted(Permission.RUN, account="*"), PERMIT),
    (granted(Permission.RUN, gateways=frozenset({"g1"})), PERMIT),
    (granted(Permission.RUN, gateways=frozenset({"g2"})), FORBIDDEN),
    (granted(Permission.RUN, gateways=frozenset()), FORBIDDEN),
]


@pytest.mark.parametrize("surface", [*TREE, *REST])
@pytest.mark.parametrize(("principal", "outcome"), CONDITIONS)
def test_conditions_hold_on_every_surface(surface: Surface, principal: Principal, outcome: Permit | Fault) -> None:
    assert verdict(surface, True, principal) == outcome


@pytest.mark.parametrize("surface", [*TREE, *REST])
def test_workers_ai_read_serves_on_rest_only(surface: Surface) -> None:
    expected = PERMIT if surface in REST_SURFACES else FORBIDDEN
    assert verdict(surface, True, granted(Permission.WORKERS_AI_READ)) == expected
    assert verdict(surface, True, granted(Permission.WORKERS_AI_WRITE)) == FORBIDDEN


def test_no_gateway_named_means_default() -> None:
    only_default = granted(Permission.RUN, gateways=frozenset({"default"}))
    assert verdict(Surface.REST_V1, True, only_default, gateway="") == PERMIT
    assert verdict(Surface.REST_V1, True, only_default, gateway="g1") == FORBIDDEN


@pytest.mark.parametrize("surface", OPEN)
@pytest.mark.parametrize("principal", [ANONYMOUS, INVALID, VALID])
def test_control_checks_its_own_requests(surface: Surface, principal: Principal) -> None:
    assert verdict(surface, True, principal) == ANONYMOUS_PERMIT


@pytest.mark.parametrize("surface", Surface)
def test_who_asks(surface: Surface) -> None:
    """Closed unless it is listed as open: a new surface asks for a token until somebody decides otherwise."""
    assert asks_for_token(Route(surface, A, "g1"), True) is (surface not in OPEN)
    assert asks_for_token(Route(surface, A, "g1"), False) is (surface in REST_SURFACES)


def test_the_three_refusals_cannot_be_told_apart() -> None:
    told = {
        (fault.status, fault.code, fault.message, fault.rest_code, fault.rest_message)
        for fault in (MISSING_TOKEN, INVALID_TOKEN, FORBIDDEN)
    }
    assert told == {(401, 2009, "Unauthorized", 10000, "Authentication error")}
