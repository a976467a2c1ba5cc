"""`gateway token …` and `gateway env`: what they ask of the service and how they print it."""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
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
    for gateway_id in given.gateway:
        client.require_gateway(account_id, gateway_id)
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
# For eval, a profile or an .env file of a shell. AIG_TOKEN is yours to set; a new token that may run requests:
#   export AIG_TOKEN="$({program} token create my-app)"
# Whether all of it works: {program} env --check

export GATEWAY_URL={url}
export ACCOUNT_ID={account}

# OpenAI's SDKs and their kin: models are named provider/model, provider keys are stored in the gateway.
export OPENAI_BASE_URL={rest}/v1
export OPENAI_API_KEY="$AIG_TOKEN"

# Anthropic's SDKs and Claude Code. With a key of your own set ANTHROPIC_API_KEY in place of ANTHROPIC_AUTH_TOKEN.
export ANTHROPIC_BASE_URL={native}/anthropic
export ANTHROPIC_CUSTOM_HEADERS="cf-aig-authorization: Bearer $AIG_TOKEN"
export ANTHROPIC_AUTH_TOKEN="$AIG_TOKEN"

# Google's SDKs and gemini-cli: cf-aig-authorization goes into their http_options.
export GOOGLE_GEMINI_BASE_URL={native}/google-ai-studio
"""


def environment(client: Client, given: argparse.Namespace) -> None:
    """Print exports for a shell; with --check ask the service about them instead."""
    account_id, gateway_id = client.account_id(given.account), given.gateway or DEFAULT_GATEWAY_ID
    client.require_account(account_id)
    if gateway_id != DEFAULT_GATEWAY_ID:  # which the first request would make
        client.require_gateway(account_id, gateway_id)
    if given.check:
        _check(client, account_id)
        return
    native = f"{client.gateway_url}/v1/{account_id}/{gateway_id}"
    rest = f"{client.gateway_url}/client/v4/accounts/{account_id}/ai"
    print(_ENVIRONMENT.format(program=_program(), url=client.gateway_url, account=account_id, rest=rest, native=native), end="")


def _program() -> str:
    """This command as a shell finds it wherever it is, also outside the virtual environment."""
    return shlex.quote(str(Path(sys.argv[0]).absolute()))


def _check(client: Client, account_id: str) -> None:
    """Ask for the list of models with $AIG_TOKEN: it needs Run, calls no provider and costs nothing."""
    token = os.environ.get("AIG_TOKEN", "")
    if not token:
        raise ApiError("AIG_TOKEN is not set")
    models = Client(client.gateway_url, token).answer("GET", f"/accounts/{quote(account_id)}/ai/v1/models")["data"]
    print(f"{client.url} answers; AIG_TOKEN may run requests in account {account_id}, which has {len(models)} models")
