"""Envelope → HTTP response, and the one place where a failure in control becomes an answer."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from typing import Any, Final

from aiohttp import web

from gateway.control.publisher import Revocation
from gateway.model.faults import (
    BODY_TOO_LARGE,
    INTERNAL,
    INVALID_BODY,
    METHOD_NOT_ALLOWED,
    NOT_IMPLEMENTED,
    STORE_DOWN,
    UNKNOWN_ROUTE,
    Fault,
    Refusal,
)
from gateway.model.not_here import is_off
from gateway.protocol.envelope import CursorInfo, PageInfo, Problem, failure, problem_of, success
from gateway.protocol.errors import CHALLENGE
from gateway.protocol.inert import INERT_FIELDS
from gateway.store.errors import StoreDown

REVOCATION_FIELD: Final = "x-gateway-revocation"
"""Our extension: how many edges confirmed a revocation, how many did not, and how long it took."""
_NO_STORE: Final = {"Cache-Control": "no-store"}
_HTTP_FAULTS: Final = {404: UNKNOWN_ROUTE, 405: METHOD_NOT_ALLOWED, 413: BODY_TOO_LARGE}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger("gateway.control")


class Invalid(Exception):
    """The request's body or query breaks rules (`fault` INVALID_BODY), or asks for what is not here; every place is told."""

    def __init__(self, problems: Iterable[Problem], fault: Fault = INVALID_BODY) -> None:
        super().__init__("invalid request")
        self.problems = tuple(problems)
        self.fault = fault


def invalid(message: str, *path: str | int) -> Invalid:
    """One broken rule. The message never repeats input."""
    return Invalid([Problem(INVALID_BODY.code, message, path)])


def refuse_absent(body: Mapping[str, Any], absent: Set[str], defaults: Mapping[str, Any]) -> None:
    """Raises Invalid with 501 and the path of each field in `absent` whose value is not "off"."""
    asked = [name for name, value in body.items() if name in absent and not is_off(value, defaults.get(name))]
    if asked:
        text = "Not available in this version: {}"
        problems = [Problem(NOT_IMPLEMENTED.code, text.format(name), ("body", name)) for name in asked]
        raise Invalid(problems, NOT_IMPLEMENTED)


def answer(
    result: object,
    *,
    info: PageInfo | CursorInfo | None = None,
    messages: Sequence[str] = (),
    revocation: Revocation | None = None,
) -> web.Response:
    """200 with the envelope. Never cached: settings change, and some answers hold a secret shown once."""
    told = {} if revocation is None else {REVOCATION_FIELD: revocation.shown()}
    return web.Response(body=success(result, info, messages), content_type="application/json", headers=_NO_STORE | told)


def refused(fault: Fault, message: str | None = None, problems: Sequence[Problem] = ()) -> web.Response:
    """The fault's status with the v4 envelope, and whether trying again helps (design: clients retry 429, 503, 5xx)."""
    headers = dict(_NO_STORE)
    if fault.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if fault.retry_after_s is not None:
        headers["Retry-After"] = str(fault.retry_after_s)
    elif fault.status not in (408, 409):
        headers["x-should-retry"] = "false"
    body = failure(problems or [problem_of(fault, message)])
    return web.Response(status=fault.status, body=body, content_type="application/json", headers=headers)


@web.middleware
async def enveloped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure leaves as a v4 envelope; none shows a traceback or what came in."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refused(refusal.fault, refusal.message)
    except Invalid as error:
        return refused(error.fault, problems=error.problems)
    except StoreDown:
        return refused(STORE_DOWN)
    except web.HTTPException as error:
        return _from_aiohttp(error)
    except Exception as error:
        # The error's own words may repeat a secret that came in: only its kind and its way through the code are told.
        way = "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s failed: %s\n%s", _route_name(request), type(error).__name__, way)
        return refused(INTERNAL)


def _from_aiohttp(error: web.HTTPException) -> web.StreamResponse:
    fault = _HTTP_FAULTS.get(error.status, INVALID_BODY if error.status < 500 else INTERNAL)
    response = refused(fault)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _route_name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else '?'}"


async def bare_heads(_request: web.Request, response: web.StreamResponse) -> None:
    """Signal: say nothing about the software; and no browser may run or show an answer as a page, whoever wrote what it
    holds, but for the dashboard's, which have a policy of their own."""
    response.headers.popall("Server", None)
    for name, value in INERT_FIELDS.items():
        response.headers.setdefault(name, value)
