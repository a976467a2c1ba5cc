"""The Cloudflare client for JavaScript on the management API."""

from typing import Any

from fakes.sdk import UNKNOWN_TOKEN
from fakes.service import Service

SCRIPT = "cloudflare_client"


def test_gateways_from_birth_to_death(node: Any, service: Service) -> None:
    seen = node.run(SCRIPT, operation="gateways", gateway="from-node", token=service.management.token)
    assert seen == {
        "id": "from-node",
        "listed": ["from-node"],
        "updated": False,
        "read": False,
        "url": service.native("from-node", "openai"),
        "gone": 404,
    }


def test_tokens_from_birth_to_death(node: Any, service: Service) -> None:
    seen = node.run(SCRIPT, operation="tokens", token=service.management.token)
    assert (seen["name"], seen["status"]) == ("from node", "active")
    assert seen["rolled"].startswith("agw_")
    assert seen["rolled"] != seen["value"]
    assert seen["stale"] == 401


def test_a_wrong_token_is_refused(node: Any) -> None:
    refused = node.run(SCRIPT, operation="refused", token=UNKNOWN_TOKEN)
    assert refused["name"] == "AuthenticationError"
    assert refused["status"] == 401
