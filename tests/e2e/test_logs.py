"""What a request leaves in the log, read back through the management API of the real service."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.processes import until
from fakes.provider import FakeProvider, hang_up, reply_json
from fakes.service import Answer, Service, Token, call

from gateway.model.tokens import HIDDEN_TOKEN, mint_token

CASES = [
    ("openai", "chat/completions", {"model": "gpt-4.1-mini", "messages": []}, "chat"),
    ("openai", "v1/responses", {"model": "gpt-4.1-mini", "input": "hi"}, "chat"),
    ("anthropic", "v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": []}, "chat"),
]


def ask(service: Service, gateway_id: str, token: Token, path: str, body: Any, **more: str) -> Answer:
    headers = {"Authorization": "Bearer sk-x", "x-api-key": "sk-x", "cf-aig-authorization": token.bearer, **more}
    return call(service.origin, "POST", f"/v1/{service.account}/{gateway_id}/{path}", headers=headers, body=body)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("provider", "path", "body", "kind"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_tokens_are_counted(
    service: Service,
    upstream: FakeProvider,
    gateway_id: str,
    run_token: Token,
    provider: str,
    path: str,
    body: dict[str, Any],
    kind: str,
    streamed: bool,
) -> None:
    asked = {**body, "stream": streamed}
    if streamed and "messages" in body and provider == "openai":
        asked["stream_options"] = {"include_usage": True}
    answer = ask(service, gateway_id, run_token, f"{provider}/{path}", asked)
    assert answer.status == 200
    entry = service.management.wait_for_log(gateway_id, answer.headers["cf-aig-log-id"])
    assert (entry["provider"], entry["path"], entry["model_type"]) == (provider, path, kind)
    assert (entry["status_code"], entry["success"], entry["cached"]) == (200, True, False)
    assert entry["tokens_in"] > 0
    assert entry["tokens_out"] > 0
    assert entry["model"]
    assert entry["duration"] >= 0


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse"])
def test_tokens_of_gemini_are_counted(
    service: Service, upstream: FakeProvider, gateway_id: str, run_token: Token, method: str
) -> None:
    path = f"google-ai-studio/v1beta/models/gemini-2.5-flash:{method}"
    answer = ask(service, gateway_id, run_token, path, {"contents": []}, **{"x-goog-api-key": "AIza"})
    assert answer.status == 200
    entry = service.management.wait_for_log(gateway_id, answer.headers["cf-aig-log-id"])
    assert (entry["provider"], entry["path"]) == (
        "google-ai-studio",
        f"v1beta/models/gemini-2.5-flash:{method.partition('?')[0]}",
    )
    assert entry["tokens_in"] > 0
    assert entry["tokens_out"] > 0


def test_errors_are_logged_as_errors(service: Service, upstream: FakeProvider, gateway_id: str, run_token: Token) -> None:
    upstream.always = reply_json({"error": {}}, 429)
    limited = ask(service, gateway_id, run_token, "openai/x", {})
    upstream.always = hang_up("rst")
    broken = ask(service, gateway_id, run_token, "openai/x", {})
    assert (limited.status, broken.status) == (429, 502)
    for answer in (limited, broken):
        entry = service.management.wait_for_log(gateway_id, answer.headers["cf-aig-log-id"])
        assert (entry["status_code"], entry["success"], entry["tokens_in"]) == (answer.status, False, None)


def test_what_leaves_no_entry(service: Service, upstream: FakeProvider, gateway_id: str, run_token: Token) -> None:
    """Refused by authentication, or not wanted; a last, wanted one shows that the others are not merely late."""
    path = f"/v1/{service.account}/{gateway_id}/openai/x"
    assert call(service.origin, "POST", path, headers={"Authorization": "Bearer sk-x"}, body={}).status == 401
    unwanted = ask(service, gateway_id, run_token, "openai/x", {}, **{"cf-aig-collect-log": "false"})
    assert "cf-aig-log-id" not in unwanted.headers
    wanted = ask(
        service, gateway_id, run_token, "openai/x", {}, **{"cf-aig-metadata": '{"user":"u1"}', "cf-aig-event-id": "e1"}
    )
    entry = service.management.wait_for_log(gateway_id, wanted.headers["cf-aig-log-id"])
    assert entry["metadata"] == '{"user":"u1"}'
    assert [row["id"] for row in service.management.logs(gateway_id)] == [entry["id"]]


def test_the_access_log_is_off_unless_it_is_wanted(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    """The lines come from the rows of the request log, so they follow their request by a batch's delay."""
    for share, shown in (("0", False), ("1", True)):
        service = start_service(
            workers=1, providers={"openai": upstream.origin + "/v1"}, environment={"GATEWAY_LOG__ACCESS": share}
        )
        token = service.management.create_token()
        headers = {"cf-aig-authorization": token.bearer, "Authorization": "Bearer sk-provider-key-0123456789"}
        answer = call(service.origin, "POST", f"/v1/{service.account}/default/openai/x", headers=headers, body={})
        service.management.wait_for_log("default", answer.headers["cf-aig-log-id"])
        assert service.stop() == 0
        said = service.log_tail(100_000)
        lines = [json.loads(line) for line in said.splitlines() if '"logger": "gateway.access"' in line]
        assert [line["id"] for line in lines] == ([answer.headers["cf-aig-log-id"]] if shown else [])
        assert token.value not in said
        assert "0123456789" not in said.replace(service.account, "")


@pytest.mark.parametrize(
    ("setting", "header", "kept"),
    [({}, {}, False), ({}, {"cf-aig-collect-log-payload": "true"}, True), ({"collect_log_payloads": True}, {}, True)],
    ids=["at first", "the request says so", "the gateway says so"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_bodies_are_kept_where_somebody_says_so(
    service: Service,
    upstream: FakeProvider,
    gateway_id: str,
    run_token: Token,
    streamed: bool,
    setting: dict[str, bool],
    header: dict[str, str],
    kept: bool,
) -> None:
    if setting:
        service.management.update_gateway(gateway_id, **setting)
    invented = mint_token()
    asked = {"model": "m", "messages": [{"role": "user", "content": f"grüße {invented}"}], "stream": streamed}
    told = ask(service, gateway_id, run_token, "openai/chat/completions", asked, **header)
    assert told.status == 200
    log_id = told.headers["cf-aig-log-id"]
    service.management.wait_for_log(gateway_id, log_id)

    def body(side: str) -> Answer:
        path = f"/client/v4/accounts/{service.account}/ai-gateway/gateways/{gateway_id}/logs/{log_id}/{side}"
        return call(service.origin, "GET", path, headers={"Authorization": f"Bearer {service.management.token}"})

    if kept:
        until(lambda: body("response").status == 200)
        assert body("response").body == told.body
        assert body("request").body == json.dumps(asked).encode().replace(invented.encode(), HIDDEN_TOKEN)
    else:
        assert (body("request").status, body("response").status) == (404, 404)
