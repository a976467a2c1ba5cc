"""Faults as clients see them: exact bytes where the specification gives them, sound for every row on every surface."""

import itertools

import orjson
import pytest

from gateway.model import faults
from gateway.model.faults import FAULTS, Fault
from gateway.model.routes import Surface
from gateway.protocol.errors import RenderedFault, render
from gateway.protocol.inert import INERT

GATEWAY_TREE = {Surface.PROVIDER_NATIVE, Surface.UNIVERSAL, Surface.COMPAT}
PLAIN_TREE = [Surface.PROVIDER_NATIVE, Surface.UNIVERSAL]
OPENAI_CLIENTS = {Surface.COMPAT, Surface.REST_V1, Surface.NOWHERE}

VECTOR_1 = (
    b'{"success":false,"result":[],"messages":[],"error":[{"code":2009,"message":"Unauthorized"}],"name":"AiGatewayError",'
    b'"httpCode":401,"internalCode":2009,"message":"Unauthorized","description":"Unauthorized"}'
)
SHAPE_A = b'{"result":null,"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[]}'


def lines(rendered: RenderedFault) -> dict[bytes, bytes]:
    assert rendered.fields.endswith(b"\r\n")
    split = [line.partition(b": ") for line in rendered.fields[:-2].split(b"\r\n")]
    found = {name: value for name, _, value in split}
    assert len(found) == len(split)
    return found


@pytest.mark.parametrize("surface", PLAIN_TREE)
@pytest.mark.parametrize("fault", [faults.MISSING_TOKEN, faults.INVALID_TOKEN, faults.FORBIDDEN], ids=lambda fault: fault.name)
def test_vector_1_to_the_byte(fault: Fault, surface: Surface) -> None:
    rendered = render(fault, surface)
    assert (rendered.status, rendered.reason, rendered.body) == (401, b"Unauthorized", VECTOR_1)
    fields = b"content-type: application/json\r\ncontent-length: %d\r\n%b%bx-should-retry: false\r\n"
    assert rendered.fields == fields % (len(VECTOR_1), INERT, b'www-authenticate: Bearer realm="gateway"\r\n')
    assert rendered.end == b"connection: close\r\n"


def test_426_names_the_protocol_to_speak() -> None:
    rendered = render(faults.UPGRADE_REQUIRED, Surface.COMPAT)
    assert lines(rendered)[b"upgrade"] == b"HTTP/1.1"
    assert rendered.end == b"connection: upgrade, close\r\n"


def test_415_names_the_codings_that_are_known() -> None:
    """RFC 9110 section 12.5.3."""
    told = {fault.name: lines(render(fault, Surface.COMPAT)).get(b"accept-encoding") for fault in FAULTS}
    assert {name: value for name, value in told.items() if value} == {"unknown_coding": b"gzip, deflate, br, zstd"}


@pytest.mark.parametrize("surface", [Surface.REST_RUN, Surface.CONTROL])
@pytest.mark.parametrize("fault", [faults.MISSING_TOKEN, faults.INVALID_TOKEN, faults.FORBIDDEN], ids=lambda fault: fault.name)
def test_rest_speaks_the_v4_envelope(fault: Fault, surface: Surface) -> None:
    rendered = render(fault, surface)
    assert (rendered.status, rendered.body) == (401, SHAPE_A)


def test_openai_clients_find_their_error_beside_the_envelope() -> None:
    body = orjson.loads(render(faults.MISSING_TOKEN, Surface.REST_V1).body)
    assert body["errors"] == [{"code": 10000, "message": "Authentication error"}]
    assert body["error"] == {"message": "Authentication error", "type": "authentication_error", "code": "10000"}


@pytest.mark.parametrize(("fault", "surface"), list(itertools.product(FAULTS, Surface)), ids=lambda one: one.name)
def test_every_fault_on_every_surface(fault: Fault, surface: Surface) -> None:
    rendered = render(fault, surface)
    on_tree = surface in GATEWAY_TREE
    code = fault.code if on_tree else fault.rest_code or fault.code
    message = fault.message if on_tree else fault.rest_message or fault.message
    problem = [{"code": code, "message": message}]

    body = orjson.loads(rendered.body)
    assert (rendered.status, body["success"], body["messages"]) == (fault.status, False, [])
    assert body["errors" if not on_tree or surface in OPENAI_CLIENTS else "error"] == problem
    assert body["result"] == ([] if on_tree else None)
    if on_tree:
        assert (body["name"], body["httpCode"], body["internalCode"]) == ("AiGatewayError", fault.status, code)
        assert body["message"] == body["description"] == message
    if surface in OPENAI_CLIENTS:
        assert (body["error"]["message"], body["error"]["code"]) == (message, str(code))
        assert body["error"]["type"]

    fields = lines(rendered)
    assert fields[b"content-type"] == b"application/json"
    assert fields[b"content-length"] == str(len(rendered.body)).encode()
    assert rendered.reason.isascii()
    assert rendered.reason


@pytest.mark.parametrize(("fault", "surface"), list(itertools.product(FAULTS, Surface)), ids=lambda one: one.name)
def test_who_is_not_let_in_is_told_how(fault: Fault, surface: Surface) -> None:
    """RFC 9110 section 15.5.2."""
    challenge = lines(render(fault, surface)).get(b"www-authenticate")
    assert challenge == (b'Bearer realm="gateway"' if fault.status == 401 else None)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_clients_are_told_whether_to_come_back(fault: Fault) -> None:
    fields = lines(render(fault, Surface.PROVIDER_NATIVE))
    if fault.retry_after_s is not None:
        assert fields[b"retry-after"] == str(fault.retry_after_s).encode()
        assert b"x-should-retry" not in fields
    else:
        assert b"retry-after" not in fields
        # SDKs try 408 and 409 again by themselves, rightly; all else is final.
        assert fields.get(b"x-should-retry") == (None if fault.status in (408, 409) else b"false")


@pytest.mark.parametrize("surface", list(Surface))
def test_a_message_of_ones_own_replaces_the_tables(surface: Surface) -> None:
    text = "Provider 'openai' has no BYOK credential named 'other'. Configured aliases: 'default'"
    rendered = render(faults.UNKNOWN_KEY_ALIAS, surface, text)
    body = orjson.loads(rendered.body)
    problems = body.get("errors") or body["error"]
    assert problems == [{"code": 2040, "message": text}]
    assert render(faults.UNKNOWN_KEY_ALIAS, surface).body != rendered.body


def test_messages_are_escaped() -> None:
    text = 'quote " backslash \\ newline \n </script> ü'
    assert orjson.loads(render(faults.UNKNOWN_KEY_ALIAS, Surface.UNIVERSAL, text).body)["message"] == text


def test_a_refusal_is_rendered_once() -> None:
    assert render(faults.INVALID_TOKEN, Surface.UNIVERSAL) is render(faults.INVALID_TOKEN, Surface.UNIVERSAL)
