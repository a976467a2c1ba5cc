"""The Cloudflare client for JavaScript on the management API."""

from typing import Any

from fakes.provider import FakeProvider
from fakes.sdk import OWN_KEY, UNKNOWN_TOKEN
from fakes.service import Service, Token, call

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


def test_logs_are_filtered_rated_and_deleted(
    node: Any, service: Service, gateway_id: str, upstream: FakeProvider, run_token: Token
) -> None:
    headers = {"cf-aig-authorization": f"Bearer {run_token.value}", "Authorization": f"Bearer {OWN_KEY}"}
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    ids = [
        call(service.origin, "POST", path, headers=headers, body={"model": "m", "messages": []}).headers["cf-aig-log-id"]
        for _ in range(2)
    ]
    for log_id in ids:
        service.management.wait_for_log(gateway_id, log_id)
    seen = node.run(SCRIPT, operation="logs", gateway=gateway_id, log=ids[0], token=service.management.token)
    assert seen == {
        "found": ids[::-1],
        "missed": [],
        "disliked": [ids[0]],
        "metadata": '{"by":"ann"}',
        "success": True,
        "left": [],
    }


def test_a_wrong_token_is_refused(node: Any) -> None:
    refused = node.run(SCRIPT, operation="refused", token=UNKNOWN_TOKEN)
    assert refused["name"] == "AuthenticationError"
    assert refused["status"] == 401
