"""Who may pass: the decision table of architecture section 5, and the only place that makes a Permit.

| Authenticated Gateway | credential | native, compat, universal | REST |
|---|---|---|---|
| off | any, even invalid, or none | permit, anonymous | as "on" |
| on | none | MISSING_TOKEN | MISSING_TOKEN |
| on | unknown, revoked, disabled, outside its dates or addresses | INVALID_TOKEN | INVALID_TOKEN |
| on | valid, but not for this account, gateway or permission | FORBIDDEN | FORBIDDEN |
| on | valid | permit | permit |

The three refusals are the same bytes on the wire: nobody learns which row it was.
"""

from functools import lru_cache
from typing import Final

from gateway.model.faults import FORBIDDEN, INVALID_TOKEN, MISSING_TOKEN, Refusal
from gateway.model.gateways import DEFAULT_GATEWAY_ID
from gateway.model.routes import OPEN_SURFACES, REST_SURFACES, Route
from gateway.model.tokens import ANONYMOUS, INVALID, Permission, Permit, Principal

_UNAUTHENTICATED: Final = Permit(authenticated=False, token_id="")


def asks_for_token(route: Route, authentication: bool) -> bool:
    """Whether this request needs a token: REST always does (specification section 2.3)."""
    return route.surface in REST_SURFACES or (authentication and route.surface not in OPEN_SURFACES)


def authorize(route: Route, authentication: bool, principal: Principal, address: str, wall_s: float) -> Permit:
    """The verdict. `authentication` is the gateway's toggle, `address` the client's, `wall_s` now: a cached principal is
    judged afresh on every request. Raises Refusal."""
    if not asks_for_token(route, authentication):
        return _UNAUTHENTICATED
    if principal is ANONYMOUS:
        raise Refusal(MISSING_TOKEN)
    if principal is INVALID or not principal.in_force(wall_s) or not principal.accepts_address(address):
        raise Refusal(INVALID_TOKEN)
    if not _permitted(route, principal):
        raise Refusal(FORBIDDEN)
    return _permit(principal.token_id)


@lru_cache(maxsize=1024)
def _permit(token_id: str) -> Permit:
    return Permit(authenticated=True, token_id=token_id)


def _permitted(route: Route, principal: Principal) -> bool:
    gateway = route.gateway_id or DEFAULT_GATEWAY_ID
    if principal.may(route.account_id, Permission.RUN, gateway):
        return True
    # Cloudflare's newest document asks for Workers AI Read on REST, older ones for Run: either will do (section 2.3).
    return route.surface in REST_SURFACES and principal.may(route.account_id, Permission.WORKERS_AI_READ, gateway)
