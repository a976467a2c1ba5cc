"""Attacks of people whose token may do little, and who want more."""

import asyncio
import contextlib
import json
import random
from urllib.parse import urlencode

from fakes.attacks.ground import HIDDEN, STORED, Attack, Breach, Ground, Reply
from fakes.attacks.strangers import CHAT, HUGE_NAME_BYTES, bomb, no_fault_of_ours


def with_token(token: str) -> dict[str, str]:
    return {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer sk-own"}


# --- Run


async def run_huge_name(ground: Ground, chance: random.Random) -> str:
    path = ground.native(ground.closed_gateway, "compat/chat/completions")
    body = b'{"model":"groq/' + b"m" * HUGE_NAME_BYTES + b'"}'
    return no_fault_of_ours(await ground.ask("POST", path, with_token(ground.run), body), "a model name of 33 MB")


async def run_bombs(ground: Ground, chance: random.Random) -> str:
    fields = {**with_token(ground.run), "Content-Encoding": "gzip", "cf-aig-collect-log-payload": "true"}
    path = ground.native(ground.closed_gateway, "groq/x")
    outcome = ""
    for _ in range(ground.count(10)):
        outcome = no_fault_of_ours(await ground.ask("POST", path, fields, bomb()), "a gzip bomb")
    return outcome


async def run_deep_json(ground: Ground, chance: random.Random) -> str:
    body = b'{"model":"groq/m","input":' + b"[" * 5_000_000 + b"]" * 5_000_000 + b"}"
    path = ground.management("/ai/run")
    fields = {"Authorization": f"Bearer {ground.run}", "cf-aig-gateway-id": ground.closed_gateway}
    return no_fault_of_ours(await ground.ask("POST", path, fields, body), "deep JSON")


async def run_beyond(ground: Ground, chance: random.Random) -> str:
    """What Run does not allow."""
    path = chance.choice(("/tokens", "/ai-gateway/gateways", "/ai-gateway/gateways/canary/logs", "/logs/audit"))
    return denied(await ground.manage(ground.run, "GET", path), f"Run reads {path}")


def denied(reply: Reply, what: str) -> str:
    if 200 <= reply.status < 300:
        raise Breach(f"{what}: {reply.body[:200]!r}")
    return no_fault_of_ours(reply, what)


# --- Read


async def read_worst(ground: Ground, chance: random.Random) -> str:
    """Values that are in no row, so that every row is read; half of the clients leave."""
    filters = [{
        "key": chance.choice(("metadata.value", "metadata.key", "model", "request_body")),
        "operator": chance.choice(("eq", "contains")),
        "value": [f"nowhere {chance.random()}" for _ in range(chance.choice((1, 40, 400)))],
    }]  # fmt: skip
    query = urlencode({"filters": json.dumps(filters), "per_page": chance.choice((1, 50, 10**9)), "search": "n" * 50})
    gateway = chance.choice((ground.open_gateway, ground.closed_gateway))
    path = f"/ai-gateway/gateways/{gateway}/logs?{query}"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(chance.choice((0.05, 0.3, 60.0))):
            return no_fault_of_ours(await ground.manage(ground.read, "GET", path), "a log query")
    return "left"


async def read_analytics(ground: Ground, chance: random.Random) -> str:
    span = chance.choice(("", "?since=1970-01-01T00:00:00Z", "?group_by=model,provider", "?limit=999999999"))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(chance.choice((0.1, 60.0))):
            path = f"/ai-gateway/gateways/{ground.open_gateway}/analytics{span}"
            return no_fault_of_ours(await ground.manage(ground.read, "GET", path), "analytics")
    return "left"


async def read_writes(ground: Ground, chance: random.Random) -> str:
    method, path = chance.choice((
        ("DELETE", "/ai-gateway/gateways/canary"),
        ("DELETE", "/ai-gateway/gateways/canary/logs"),
        ("POST", "/tokens"),
        ("POST", "/ai-gateway/custom-providers"),
    ))  # fmt: skip
    return denied(await ground.manage(ground.read, method, path, {}), f"Read: {method} {path}")


# --- tokens


async def grants_more(ground: Ground, chance: random.Random) -> str:
    """A token administrator with an address condition makes something stronger than itself."""
    wanted = chance.choice((["AI Gateway Write"], ["AI Gateway Run", "Secrets Store Write"], [*ground.groups]))
    account = chance.choice((ground.account, "f" * 32, "*"))
    body = {
        "name": "stronger",
        "policies": [{
            "effect": "allow",
            "permission_groups": [{"id": ground.groups[name]} for name in wanted],
            "resources": {f"com.cloudflare.api.account.{account}": "*"},
        }],
    }  # fmt: skip
    return denied(await ground.manage(ground.token_admin, "POST", "/tokens", body), f"a token grants {wanted}")


async def ends_others(ground: Ground, chance: random.Random) -> str:
    """It rolls, disables or deletes whatever may do more than it."""
    listed = await ground.manage(ground.token_admin, "GET", "/tokens")
    if listed.status != 200 or listed.size > 60_000:
        return no_fault_of_ours(listed, "tokens listed")
    stronger = [one for one in listed.json()["result"] if one["name"] in ("bootstrap", "attacked-write")]
    if not stronger:
        return "none seen"
    victim = chance.choice(stronger)["id"]
    method, path, body = chance.choice((
        ("DELETE", f"/tokens/{victim}", b""),
        ("PUT", f"/tokens/{victim}/value", b"{}"),
        ("PUT", f"/tokens/{victim}", b'{"name":"x","status":"disabled","policies":[]}'),
    ))  # fmt: skip
    return denied(await ground.manage(ground.token_admin, method, path, body), f"{method} on a stronger token")


# --- Write


async def moves_provider(ground: Ground, chance: random.Random) -> str:
    """A custom provider with a hidden field and a stored key is moved, or made anew, and called: the trap looks on."""
    slug = f"moved-{chance.getrandbits(40):x}"
    body = {"name": slug, "slug": slug, "base_url": f"http://{ground.bad_host}", "enable": True}
    made = await ground.manage(
        ground.admin, "POST", "/ai-gateway/custom-providers", {**body, "headers": json.dumps({"X-Key": HIDDEN})}
    )
    if made.status not in (200, 201):
        raise Breach(f"an administrator cannot make a provider: {made.outcome} {made.body[:300]!r}")
    identity = made.json()["result"]["id"]
    key = {"provider_slug": f"custom-{slug}", "alias": "default", "default_config": True, "secret": STORED}
    stored = await ground.manage(ground.admin, "POST", f"/ai-gateway/gateways/{ground.closed_gateway}/provider_configs", key)
    if stored.status not in (200, 201):
        raise Breach(f"an administrator cannot store a key: {stored.outcome} {stored.body[:300]!r}")
    trap = f"http://{ground.trap}"
    one = f"/ai-gateway/custom-providers/{identity}"
    try:
        if chance.random() < 0.5:
            moved = await ground.manage(ground.write, "PATCH", one, {"base_url": trap})
        else:
            await ground.manage(ground.write, "DELETE", one)
            moved = await ground.manage(ground.write, "POST", "/ai-gateway/custom-providers", {**body, "base_url": trap})
            if moved.status in (200, 201):
                one = f"/ai-gateway/custom-providers/{moved.json()['result']['id']}"
        path = ground.native(ground.closed_gateway, f"custom-{slug}/x")
        await ground.ask("POST", path, {"cf-aig-authorization": f"Bearer {ground.run}"}, CHAT)
        return no_fault_of_ours(moved, "a provider moved")
    finally:
        await ground.manage(ground.admin, "DELETE", one)


ATTACKS = (
    Attack("Run: 33 MB model names", run_huge_name, 2),
    Attack("Run: gzip bombs into the log", run_bombs, 3),
    Attack("Run: deep JSON", run_deep_json, 2),
    Attack("Run: asks for more", run_beyond, 10),
    Attack("Read: worst log filters", read_worst, 12),
    Attack("Read: analytics", read_analytics, 6),
    Attack("Read: writes", read_writes, 8),
    Attack("token administrator: grants more", grants_more, 12),
    Attack("token administrator: ends others", ends_others, 8),
    Attack("Write: moves providers with secrets", moves_provider, 8),
)
