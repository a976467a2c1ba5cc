"""The error table: what section 19 fixes, and what holds for every row."""

from http import HTTPStatus

import pytest

from gateway.model import faults
from gateway.model.faults import FAULTS, Fault, Refusal, Source

FIXED = [
    # name, status, code, message: specification section 19.2
    ("missing_token", 401, 2009, "Unauthorized"),
    ("invalid_token", 401, 2009, "Unauthorized"),
    ("forbidden", 401, 2009, "Unauthorized"),
    (
        "unknown_gateway",
        400,
        2001,
        "No gateway of this id in this account: create it in the dashboard, or check account and gateway in the base URL",
    ),
    (
        "unknown_provider",
        400,
        2008,
        "Invalid provider: name one in the base URL, or before the first slash of the model, as in openai/gpt-4.1-mini",
    ),
    ("provider_key_rejected", 401, 2009, "Unauthorized"),
    ("unknown_model", 404, 7003, "model not found"),
    ("management_unauthenticated", 401, 10000, "Authentication error"),
    ("management_forbidden", 403, 10000, "Authentication error"),
    ("invalid_api_token", 401, 1000, "Invalid API Token"),
]
BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.mark.parametrize(("name", "status", "code", "message"), FIXED)
def test_what_the_specification_fixes(name: str, status: int, code: int, message: str) -> None:
    fault = BY_NAME[name]
    assert (fault.status, fault.code, fault.message) == (status, code, message)


def test_names_are_unique_and_match_their_constants() -> None:
    assert len(BY_NAME) == len(FAULTS)
    constants = {name: value for name, value in vars(faults).items() if isinstance(value, Fault)}
    assert {name: value for name, value in constants.items() if BY_NAME[value.name] is not value} == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_row_is_sound(fault: Fault) -> None:
    assert HTTPStatus(fault.status).phrase
    assert 400 <= fault.status < 600 or (fault.status == 302 and fault.location.startswith("/"))
    assert fault.message
    assert "%" not in fault.message
    assert "{" not in fault.message
    assert (fault.rest_code is None) == (fault.rest_message is None)
    if fault.status in (502, 503, 504):
        assert fault.retry_after_s, "clients should come back"


def test_who_is_not_admitted_cannot_tell_why() -> None:
    told = {(f.status, f.code, f.message, f.rest_code, f.rest_message, f.closes, f.retry_after_s, f.logged)
            for f in (faults.MISSING_TOKEN, faults.INVALID_TOKEN, faults.FORBIDDEN)}  # fmt: skip
    assert len(told) == 1
    assert faults.INVALID_TOKEN.rest_code == 10000
    assert not faults.INVALID_TOKEN.logged


def test_our_own_codes_are_unique_and_from_2900() -> None:
    known = {1000, 2001, 2005, 2008, 2009, 2040, 7001, 7002, 7003, 7009, 10000}
    own = [fault.code for fault in FAULTS if fault.code not in known]
    assert len(own) == len(set(own))
    assert all(2900 <= code < 3000 for code in own)


def test_framing_in_doubt_closes() -> None:
    for fault in (faults.MALFORMED, faults.HEADERS_TOO_LARGE, faults.BODY_TOO_LARGE, faults.EXPECTATION_FAILED):
        assert fault.closes
        assert fault.source is Source.CLIENT


def test_a_refusal_carries_fault_and_message() -> None:
    plain, named = Refusal(faults.DRAINING), Refusal(faults.UNKNOWN_KEY_ALIAS, "no key named 'x'")
    assert (plain.fault, plain.message, str(plain)) == (faults.DRAINING, None, "draining")
    assert (named.fault, named.message) == (faults.UNKNOWN_KEY_ALIAS, "no key named 'x'")
