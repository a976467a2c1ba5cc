"""Fault × surface → status, fields, body (specification section 19.1; what real clients read decides the rest).

Gateway tree: shape B, `error` as an array. REST and management: shape A, the v4 envelope with `errors`. Where OpenAI's
clients are the callers (REST `/ai/v1/*`, compat, and paths that lead nowhere) an OpenAI-style `error` object stands beside
`errors`: they read nothing else, and show "401 status code (no body)" without it.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from gateway.model.faults import Fault
from gateway.model.routes import Surface
from gateway.protocol.inert import INERT
from gateway.protocol.inflate import ACCEPTED


class RenderedFault(NamedTuple):
    status: int
    reason: bytes
    fields: bytes
    """Header lines, each ending with CRLF, content-length included."""
    body: bytes
    end: bytes
    """The field that ends the connection."""


_V4: Final = frozenset(
    {Surface.REST_RUN, Surface.REST_V1, Surface.CONTROL, Surface.DASHBOARD, Surface.OPS, Surface.NOWHERE, Surface.PREFLIGHT}
)
_OPENAI: Final = frozenset({Surface.REST_V1, Surface.COMPAT, Surface.NOWHERE})
CHALLENGE: Final = 'Bearer realm="gateway"'
"""WWW-Authenticate of every 401 (RFC 9110 section 15.5.2); Bearer needs a parameter (RFC 6750 section 3)."""
_OPENAI_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
}


@lru_cache(maxsize=1024)
def render(fault: Fault, surface: Surface, message: str | None = None) -> RenderedFault:
    """The answer to a refused request. Rendered once for each pair, so refusing costs next to nothing."""
    code, text = fault.code, message or fault.message
    if surface in _V4:
        code = fault.rest_code or code
        text = message or fault.rest_message or text
    body = orjson.dumps(_shape(fault.status, code, text, surface))
    lines = [b"content-type: application/json\r\n", b"content-length: %d\r\n" % len(body), INERT]
    if fault.status == 401:
        lines.append(f"www-authenticate: {CHALLENGE}\r\n".encode())
    if fault.status == 415:
        lines.append(b"accept-encoding: %b\r\n" % ACCEPTED)
    if fault.retry_after_s is not None:
        lines.append(b"retry-after: %d\r\n" % fault.retry_after_s)
    elif fault.status not in (408, 409):
        lines.append(b"x-should-retry: false\r\n")
    if fault.location:
        lines.append(b"location: %b\r\n" % fault.location.encode())
    end = b"connection: close\r\n"
    if fault.upgrade:
        lines.append(b"upgrade: %b\r\n" % fault.upgrade.encode())
        end = b"connection: upgrade, close\r\n"
    return RenderedFault(fault.status, HTTPStatus(fault.status).phrase.encode(), b"".join(lines), body, end)


def _shape(status: int, code: int, text: str, surface: Surface) -> dict[str, Any]:
    problem = [{"code": code, "message": text}]
    openai = {"message": text, "type": _OPENAI_TYPES.get(status, "api_error"), "code": str(code)}
    if surface in _V4:
        envelope: dict[str, Any] = {"result": None, "success": False, "errors": problem, "messages": []}
        return envelope | {"error": openai} if surface in _OPENAI else envelope
    told = {"name": "AiGatewayError", "httpCode": status, "internalCode": code, "message": text, "description": text}
    if surface in _OPENAI:
        return {"success": False, "result": [], "messages": [], "errors": problem, "error": openai} | told
    return {"success": False, "result": [], "messages": [], "error": problem} | told
