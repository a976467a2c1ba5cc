"""The Cloudflare client for Python against the running service: gateways, tokens of both kinds, provider keys, logs, `ai.run`.

What each call answers in detail is checked by test_cloudflare_management.py; here the changes must also take effect.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import cloudflare
import pytest
from fakes import dialects
from fakes.provider import FakeProvider, reply_json
from fakes.sdk import OWN_KEY, STORED_KEYS, UNKNOWN_TOKEN, assert_clean, assert_forwarded
from fakes.service import RUN, Answer, Service, Token, call

MODEL = "gpt-4.1-mini"
_names = itertools.count(1)

REQUIRED: dict[str, Any] = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "collect_logs": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
    "rate_limiting_technique": "fixed",
}


def _client(service: Service, token: str) -> cloudflare.Cloudflare:
    return cloudflare.Cloudflare(api_token=token, base_url=f"{service.origin}/client/v4", max_retries=0)


@pytest.fixture
def client(service: Service) -> Iterator[cloudflare.Cloudflare]:
    with _client(service, service.management.token) as made:
        yield made


@pytest.fixture
def made_gateway(client: cloudflare.Cloudflare, service: Service) -> Iterator[str]:
    """A gateway with authentication on, made by the client."""
    made = client.ai_gateway.create(account_id=service.account, id=f"py-{next(_names)}", authentication=True, **REQUIRED)
    assert made.authentication is True
    yield made.id
    client.ai_gateway.delete(made.id, account_id=service.account)
    with pytest.raises(cloudflare.NotFoundError):
        client.ai_gateway.get(made.id, account_id=service.account)


def _chat(service: Service, gateway_id: str, token: str | None = None, key: str | None = OWN_KEY) -> Answer:
    headers = {} if token is None else {"cf-aig-authorization": f"Bearer {token}"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    return call(service.origin, "POST", path, headers=headers, body={"model": MODEL, "messages": []})


def _policies(client: cloudflare.Cloudflare, account: str) -> list[dict[str, Any]]:
    (group,) = client.accounts.tokens.permission_groups.list(account_id=account, name=RUN)
    resources = {f"com.cloudflare.api.account.{account}": "*"}
    return [{"effect": "allow", "permission_groups": [{"id": group.id}], "resources": resources}]


def test_the_toggle_takes_effect(
    client: cloudflare.Cloudflare, service: Service, made_gateway: str, upstream: FakeProvider
) -> None:
    assert _chat(service, made_gateway).status == 401
    client.ai_gateway.update(made_gateway, account_id=service.account, authentication=False, **REQUIRED)
    assert _chat(service, made_gateway).status == 200
    client.ai_gateway.update(made_gateway, account_id=service.account, authentication=True, **REQUIRED)
    assert _chat(service, made_gateway).status == 401
    assert len(upstream.requests) == 1


def test_listing_ends(client: cloudflare.Cloudflare, service: Service, made_gateway: str) -> None:
    assert made_gateway in [gateway.id for gateway in client.ai_gateway.list(account_id=service.account, per_page=1)]


def test_url_of_a_provider(client: cloudflare.Cloudflare, service: Service, made_gateway: str) -> None:
    url = client.ai_gateway.urls.get("openai", account_id=service.account, gateway_id=made_gateway)
    assert url == service.native(made_gateway, "openai")


def test_account_token_from_birth_to_death(
    client: cloudflare.Cloudflare, service: Service, made_gateway: str, upstream: FakeProvider
) -> None:
    tokens, account = client.accounts.tokens, service.account
    made = tokens.create(account_id=account, name="py", policies=_policies(client, account))
    assert made is not None
    assert made.value
    assert _chat(service, made_gateway, made.value).status == 200
    with _client(service, made.value) as own:
        verified = own.accounts.tokens.verify(account_id=account)
    assert verified is not None
    assert verified.status == "active"

    rolled = tokens.value.update(made.id, account_id=account)
    assert _chat(service, made_gateway, made.value).status == 401
    assert _chat(service, made_gateway, rolled).status == 200

    assert made.id in [token.id for token in tokens.list(account_id=account)]
    assert "value" not in tokens.get(made.id, account_id=account).to_dict()
    tokens.delete(made.id, account_id=account)
    assert _chat(service, made_gateway, rolled).status == 401
    assert len(upstream.requests) == 2


def test_a_disabled_token_is_refused_until_enabled(
    client: cloudflare.Cloudflare, service: Service, made_gateway: str, upstream: FakeProvider
) -> None:
    account, policies = service.account, _policies(client, service.account)
    made = client.accounts.tokens.create(account_id=account, name="py", policies=policies)
    for status, wanted in (("disabled", 401), ("active", 200)):
        client.accounts.tokens.update(made.id, account_id=account, name="py", policies=policies, status=status)
        assert _chat(service, made_gateway, made.value).status == wanted
    client.accounts.tokens.delete(made.id, account_id=account)
    assert len(upstream.requests) == 1


def test_user_token(client: cloudflare.Cloudflare, service: Service, made_gateway: str, upstream: FakeProvider) -> None:
    made = client.user.tokens.create(name="py user", policies=_policies(client, service.account))
    assert made is not None
    with _client(service, made.value) as own:
        verified = own.user.tokens.verify()
    assert verified is not None
    assert verified.status == "active"
    assert _chat(service, made_gateway, made.value).status == 200
    client.user.tokens.delete(made.id)
    assert _chat(service, made_gateway, made.value).status == 401


def test_a_stored_key_is_used_and_replaced(
    client: cloudflare.Cloudflare, service: Service, made_gateway: str, upstream: FakeProvider, run_token: Token
) -> None:
    configs = client.ai_gateway.provider_configs
    made = configs.create(
        made_gateway,
        account_id=service.account,
        alias="default",
        default_config=True,
        provider_slug="openai",
        secret=STORED_KEYS["openai"],
    )
    assert STORED_KEYS["openai"] not in made.to_json()
    assert _chat(service, made_gateway, run_token.value, key=None).status == 200
    assert_forwarded(upstream, run_token, path="/v1/chat/completions", model=MODEL, key=STORED_KEYS["openai"])
    assert [config.id for config in configs.list(made_gateway, account_id=service.account)] == [made.id]


def test_logs_show_what_was_served_only(
    client: cloudflare.Cloudflare, service: Service, made_gateway: str, upstream: FakeProvider, run_token: Token
) -> None:
    served = _chat(service, made_gateway, run_token.value)
    assert _chat(service, made_gateway, UNKNOWN_TOKEN).status == 401
    log_id = served.headers["cf-aig-log-id"]
    logged = service.management.wait_for_log(made_gateway, log_id)
    read = client.ai_gateway.logs.get(log_id, account_id=service.account, gateway_id=made_gateway)
    listed = list(client.ai_gateway.logs.list(made_gateway, account_id=service.account))
    assert [entry.id for entry in listed] == [log_id] == [read.id]
    assert (logged["tokens_in"], logged["tokens_out"]) == (dialects.TOKENS_IN, dialects.TOKENS_OUT)
    assert (read.provider, read.success) == ("openai", True)


def test_ai_run_routes_the_encoded_model(
    service: Service, keyed_gateway_id: str, upstream: FakeProvider, run_token: Token
) -> None:
    """Specification section 22, row 23: the client writes the model's slashes as `%2F`."""
    service.management.store_key(keyed_gateway_id, "workers-ai", "stored-workers-ai")
    upstream.script(reply_json({"result": {"response": dialects.TEXT}, "success": True, "errors": [], "messages": []}))
    with _client(service, run_token.value) as own:
        answer = own.ai.run(
            "@cf/meta/llama-3.1-8b-instruct",
            account_id=service.account,
            prompt="Hi",
            extra_headers={"cf-aig-gateway-id": keyed_gateway_id},
        )
    assert answer == {"response": dialects.TEXT}
    assert_clean(upstream.only, run_token)
    assert upstream.only.path.endswith("/ai/run/@cf/meta/llama-3.1-8b-instruct")
    assert upstream.only.header("authorization") == "Bearer stored-workers-ai"


def test_a_wrong_token_is_an_authentication_error(service: Service) -> None:
    with _client(service, UNKNOWN_TOKEN) as client, pytest.raises(cloudflare.AuthenticationError):
        client.ai_gateway.get("any", account_id=service.account)


def test_a_run_token_may_not_manage(service: Service, made_gateway: str, run_token: Token) -> None:
    with _client(service, run_token.value) as client, pytest.raises(cloudflare.PermissionDeniedError):
        client.ai_gateway.delete(made_gateway, account_id=service.account)
