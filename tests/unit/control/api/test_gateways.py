from typing import Any

import pytest
from fakes.control import REQUIRED
from pydantic import ValidationError

from gateway.control.api.gateways import GatewayBody, NewGatewayBody
from gateway.model.gateways import Gateway


def test_every_setting_of_a_gateway_can_be_given() -> None:
    own = {"account_id", "id", "internal_id", "created_at", "modified_at"}
    assert GatewayBody.model_fields.keys() == Gateway.__dataclass_fields__.keys() - own


def test_defaults_of_body_and_gateway_agree() -> None:
    for name, field in GatewayBody.model_fields.items():
        if not field.is_required():
            known = Gateway.__dataclass_fields__[name].default
            assert field.default == known or name == "rate_limiting_technique"


@pytest.mark.parametrize(
    "guardrails",
    [None, {}, {"prompt": {}}, {"prompt": {"S1": "FLAG", "P1": "BLOCK"}, "response": {"S13": "BLOCK"}}],
)
def test_guardrails(guardrails: Any) -> None:
    assert GatewayBody.model_validate({**REQUIRED, "guardrails": guardrails}).guardrails == guardrails


@pytest.mark.parametrize("guardrails", [{"x": {}}, {"prompt": []}, {"prompt": {"S14": "FLAG"}}, {"prompt": {"S1": "ALLOW"}}])
def test_guardrails_refused(guardrails: Any) -> None:
    with pytest.raises(ValidationError):
        GatewayBody.model_validate({**REQUIRED, "guardrails": guardrails})


@pytest.mark.parametrize("gateway_id", ["a", "A-b_9", "x" * 64])
def test_ids(gateway_id: str) -> None:
    assert NewGatewayBody.model_validate({**REQUIRED, "id": gateway_id}).id == gateway_id


@pytest.mark.parametrize("gateway_id", ["", "x" * 65, "a b", "a\n", "ä", "a.b", "../x", None, 5])
def test_ids_refused(gateway_id: Any) -> None:
    with pytest.raises(ValidationError):
        NewGatewayBody.model_validate({**REQUIRED, "id": gateway_id})
