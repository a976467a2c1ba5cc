from typing import Any

import pytest
from fakes.control import policy
from pydantic import ValidationError

from gateway.control.api.parsing import problems_of
from gateway.control.api.token_bodies import TokenBody, shown, status_of
from gateway.control.grants import principal_of
from gateway.model.tokens import Permission, Principal, Token

TOKEN = Token(
    id="t", account_id="a", kind="user", name="n", digest=b"secret-digest", status="active", policies=[], condition=None,
    issued_on=1, modified_on=2, expires_on=100.0,
)  # fmt: skip


def _body(**fields: Any) -> TokenBody:
    return TokenBody.model_validate({"name": "n", "policies": [policy(Permission.RUN)], **fields})


def test_stored_policies_hold_ids_and_names() -> None:
    (stored,) = _body().stored_policies()
    assert stored["permission_groups"][0]["name"] == Permission.RUN
    assert len(stored["id"]) == len(stored["permission_groups"][0]["id"]) == 32
    again = TokenBody.model_validate({"name": "n", "policies": [stored]})
    assert again.stored_policies() == [stored], "what is shown can be sent back"


@pytest.mark.parametrize(
    ("condition", "stored"),
    [
        (None, None),
        ({}, None),
        ({"request_ip": {}}, None),
        ({"request_ip": {"in": []}}, None),
        ({"request_ip": {"in": ["10.0.0.1"]}}, {"request_ip": {"in": ["10.0.0.1/32"]}}),
        ({"request_ip": {"in": ["10.1.2.3/8"], "not_in": ["2001:db8::1"]}},
         {"request_ip": {"in": ["10.0.0.0/8"], "not_in": ["2001:db8::1/128"]}}),
        ({"request.ip": {"in": ["10.0.0.0/8"]}}, {"request_ip": {"in": ["10.0.0.0/8"]}}),
        ({"request.ip": {"not_in": ["10.0.0.0/8"]}}, {"request_ip": {"not_in": ["10.0.0.0/8"]}}),
        ({"request_ip": {"in": ["::ffff:10.0.0.1"], "not_in": ["::ffff:10.0.0.0/104"]}},
         {"request_ip": {"in": ["10.0.0.1/32"], "not_in": ["10.0.0.0/8"]}}),
    ],
)  # fmt: skip
def test_conditions(condition: Any, stored: Any) -> None:
    assert _body(condition=condition).stored_condition() == stored


@pytest.mark.parametrize("network", ["", "x", "10.0.0.0/33", "10.0.0.0/", "1" * 65, "::ffff:10.0.0.0/8"])
def test_networks_refused(network: str) -> None:
    with pytest.raises(ValidationError):
        _body(condition={"request_ip": {"in": [network]}})


CONDITION = {"request_ip": {"in": ["10.0.0.0/8"]}}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"conditions": CONDITION}, ("conditions",)),
        ({"expires_at": "2030-01-01T00:00:00Z"}, ("expires_at",)),
        ({"condition": {"ip": {"in": []}}}, ("condition", "ip")),
        ({"condition": {"request_ips": {}}}, ("condition", "request_ips")),
        ({"condition": {"request.ip": {}, "request_ip": {}}}, ("condition", "request.ip")),
        ({"condition": {"request_ip": {"notin": ["10.0.0.0/8"]}}}, ("condition", "request_ip", "notin")),
        ({"condition": {"request_ip": {"not in": ["10.0.0.0/8"]}}}, ("condition", "request_ip")),
        ({"condition": {"request.ip": {"allow": ["10.0.0.0/8"]}}}, ("condition", "request.ip", "allow")),
        ({"policies": [policy() | {"resource": {}}]}, ("policies", 0, "resource")),
        ({"policies": [policy() | {"condition": CONDITION}]}, ("policies", 0, "condition")),
        ({"policies": [policy() | {"permission_groups": [{"name": Permission.RUN, "gateways": []}]}]},
         ("policies", 0, "permission_groups", 0, "gateways")),
    ],
)  # fmt: skip
def test_what_would_restrict_is_never_passed_over(fields: dict[str, Any], path: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as error:
        _body(**fields)
    assert [problem.path for problem in problems_of(error.value)] == [("body", *path)]


def test_what_a_token_shows_may_be_sent_back() -> None:
    _body(**shown(TOKEN, principal_of(TOKEN), 5) | {"policies": [policy(Permission.RUN)]})


def test_changes_are_what_was_given() -> None:
    assert _body().changes().keys() == {"name", "policies"}
    assert _body(status="expired").changes().keys() == {"name", "policies"}
    given = _body(status="disabled", condition=None, not_before=None, expires_on="1970-01-01T00:00:05Z").changes()
    assert (given["status"], given["condition"], given["not_before"], given["expires_on"]) == ("disabled", None, None, 5.0)


@pytest.mark.parametrize(
    ("principal", "now", "expected"),
    [
        (Principal(token_id="t", expires_on=100.0), 99, "active"),
        (Principal(token_id="t", expires_on=100.0), 100, "expired"),
        (Principal(token_id="t"), 100, "active"),
        (None, 99, "disabled"),
    ],
)
def test_status(principal: Principal | None, now: float, expected: str) -> None:
    assert status_of(TOKEN, principal, now) == expected


def test_what_is_shown_has_no_digest() -> None:
    result = shown(TOKEN, principal_of(TOKEN), 5)
    assert "digest" not in result
    assert result["expires_on"] == "1970-01-01T00:01:40.000Z"
    assert result["last_used_on"] is None
    assert "not_before" not in result
