"""Cloudflare's own `ai-gateway-provider`: each call is a universal request, an array of steps on `/v1/{account}/{gateway}`.

The universal endpoint comes later: an admitted request is refused with 501 in the gateway tree's shape, which this client
must be able to read; authentication is decided first.
"""

from typing import Any

from fakes.provider import FakeProvider
from fakes.sdk import OWN_KEY, UNKNOWN_TOKEN
from fakes.service import Token

SCRIPT = "ai_gateway_provider"
MODELS = ["gpt-4.1-mini", "gpt-4.1-nano"]


def refused(node: Any, gateway: str, **more: Any) -> dict[str, Any]:
    given = {"gateway": gateway, "apiKey": OWN_KEY, "models": MODELS, **more}
    told: dict[str, Any] = node.run(SCRIPT, operation="refused", **given)
    return told


def test_an_admitted_request_is_told_that_it_comes_later(
    node: Any, gateway_id: str, run_token: Token, upstream: FakeProvider
) -> None:
    told = refused(node, gateway_id)
    assert (told["name"], told["status"]) == ("APICallError", 501), told
    assert upstream.requests == []


def test_a_wrong_token_is_its_typed_error(node: Any, gateway_id: str, upstream: FakeProvider) -> None:
    assert refused(node, gateway_id, token=UNKNOWN_TOKEN)["name"] == "AiGatewayUnauthorizedError"
    assert upstream.requests == []


def test_an_open_gateway_ignores_the_text_bearer_undefined(node: Any, open_gateway_id: str, upstream: FakeProvider) -> None:
    """It is what the client sends without a key (specification section 20)."""
    assert refused(node, open_gateway_id, token=None)["status"] == 501
    assert upstream.requests == []
