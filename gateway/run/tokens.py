"""`gateway token …` and `gateway env`: what they ask of the service and how they print it."""

import argparse
import json
import sys
from typing import Any, Final
from urllib.parse import quote

from gateway.model.gateways import DEFAULT_GATEWAY_ID
from gateway.model.tokens import ALL_PERMISSIONS, Permission
from gateway.run.client import ApiError, Client
from gateway.run.layers import ConfigError

_SHORT: Final = {"run": Permission.RUN, "read": Permission.READ, "edit": Permission.WRITE, "write": Permission.WRITE}
_ACCOUNT: Final = "com.cloudflare.api.account."
_GATEWAY: Final = "com.cloudflare.api.ai-gateway."


def create(client: Client, given: argparse.Namespace) -> None:
    account_id = client.account_id(given.account)
    body: dict[str, Any] = {"name": given.name, "policies": [policy(account_id, given.permission, given.gateway)]}
    if given.expires_on:
        body["expires_on"] = given.expires_on
    if given.lasting:
        body["outlives_maker"] = True
    made = client.call("POST", f"/accounts/{quote(account_id)}/tokens", body)
    # The value alone on stdout, so that a shell can catch it.
    print(made["value"])
    print(f"token {made['id']} ({made['name']}): the value is shown this once", file=sys.stderr)


def policy(account_id: str, permissions: list[str], gateways: list[str]) -> dict[str, Any]:
    names = [full for name in permissions or ["run"] for full in (ALL_PERMISSIONS if name == "all" else [_permission(name)])]
    held: Any = {_GATEWAY + name: "*" for name in gateways} if gateways else "*"
    return {
        "effect": "allow",
        "permission_groups": [{"name": name} for name in names],
        "resources": {_ACCOUNT + account_id: held},
    }


def _permission(name: str) -> str:
    full = _SHORT.get(name.lower()) or next((known for known in ALL_PERMISSIONS if known.lower() == name.lower()), "")
    if not full:
        raise ConfigError(f"unknown permission; valid are run, read, edit, all, or in full: {', '.join(ALL_PERMISSIONS)}")
    return full


def list_all(client: Client, given: argparse.Namespace) -> None:
    account_id = client.account_id(given.account)
    tokens = []
    for page in range(1, 1000):
        found = client.call("GET", f"/accounts/{quote(account_id)}/tokens?page={page}&per_page=50&include_expired=true")
        tokens += found
        if not found:
            break
    if given.json:
        print(json.dumps(tokens, indent=2))
        return
    for token in tokens:
        print(f"{token['id']}  {token['status']:<8}  {token.get('last_used_on') or 'never used':<27}  {_plain(token['name'])}")


def _plain(text: str) -> str:
    """Names are customers' input: no escape sequence of theirs reaches the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def revoke(client: Client, given: argparse.Namespace) -> None:
    account_id = client.account_id(given.account)
    client.call("DELETE", f"/accounts/{quote(account_id)}/tokens/{quote(_id(given.id))}")
    print(f"token {given.id} is revoked", file=sys.stderr)


def roll(client: Client, given: argparse.Namespace) -> None:
    account_id = client.account_id(given.account)
    print(client.call("PUT", f"/accounts/{quote(account_id)}/tokens/{quote(_id(given.id))}/value", {}))
    print(f"token {given.id} has a new value, shown this once; the old one ended", file=sys.stderr)


def _id(text: str) -> str:
    if len(text) != 32 or not text.isalnum():
        raise ConfigError("a token is named by its id (32 hexadecimal digits, see `gateway token list`), never by its value")
    return text


_ENVIRONMENT: Final = """\
# A token that may run requests, and nothing else:
export AIG_TOKEN="$(gateway token create my-app)"

# REST: the token is the API key, models are named provider/model, provider keys are stored in the gateway.
export OPENAI_BASE_URL={rest}/v1
export OPENAI_API_KEY="$AIG_TOKEN"
export ANTHROPIC_BASE_URL={rest}
export ANTHROPIC_AUTH_TOKEN="$AIG_TOKEN"
curl -N "{rest}/v1/chat/completions" -H "Authorization: Bearer $AIG_TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"model":"openai/gpt-4o-mini","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'

# Native: the provider's own key stays where it is, the token goes into the header cf-aig-authorization.
# OpenAI SDKs:    base_url={native}/openai  default_headers={{"cf-aig-authorization": "Bearer $AIG_TOKEN"}}
# Anthropic SDKs and Claude Code:
#   export ANTHROPIC_BASE_URL={native}/anthropic
#   export ANTHROPIC_CUSTOM_HEADERS="cf-aig-authorization: Bearer $AIG_TOKEN"
# Gemini SDKs:    http_options base_url={native}/google-ai-studio and the same header
#   export GOOGLE_GEMINI_BASE_URL={native}/google-ai-studio
# curl -N "{native}/openai/chat/completions" -H "cf-aig-authorization: Bearer $AIG_TOKEN" \\
#   -H "Authorization: Bearer $OPENAI_KEY" -H 'Content-Type: application/json' \\
#   -d '{{"model":"gpt-4o-mini","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
"""


def environment(client: Client, given: argparse.Namespace) -> None:
    account_id = client.account_id(given.account)
    gateway_id = given.gateway or DEFAULT_GATEWAY_ID
    if not gateway_id.replace("-", "").replace("_", "").isalnum() or not account_id.isalnum():
        raise ApiError("account and gateway are named by their ids")
    rest = f"{client.url}/client/v4/accounts/{account_id}/ai"
    print(_ENVIRONMENT.format(rest=rest, native=f"{client.url}/v1/{account_id}/{gateway_id}"), end="")
