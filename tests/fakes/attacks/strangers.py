"""Attacks of people without a token."""

import asyncio
import contextlib
import gzip
import json
import random
from collections import Counter
from functools import cache

from fakes.attacks.ground import Attack, Breach, Ground, Reply, request
from mutation import SEEDS, mutated

from gateway.model.tokens import mint_token

HUGE_NAME_BYTES = 33_000_000
SIGN_IN = b"POST /client/v4/user/session HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n"
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
KEY = {"Authorization": "Bearer sk-stranger"}


def refused(reply: Reply, what: str) -> str:
    """Nobody may get in."""
    if 200 <= reply.status < 300:
        raise Breach(f"{what}: {reply.outcome} {reply.body[:200]!r}")
    return reply.outcome


def no_fault_of_ours(reply: Reply, what: str) -> str:
    if reply.status == 500:
        raise Breach(f"{what}: 500 {reply.body[:200]!r}")
    return reply.outcome


async def malformed(ground: Ground, chance: random.Random) -> str:
    data = mutated(chance, chance.choice(SEEDS), SEEDS)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            return no_fault_of_ours(await ground.send(data), f"malformed {data[:300]!r}")
    return "left waiting"


async def hold(ground: Ground, chance: random.Random, data: bytes, count: int) -> str:
    """A crowd of connections that each send this, and stay for a while."""
    ended: Counter[str] = Counter()

    async def member() -> None:
        try:
            async with asyncio.timeout(30), ground.connection() as (reader, writer):
                writer.write(data)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(chance.uniform(1, 5)):
                        answer = await reader.read(4096)
                        ended["answered" if answer else "closed"] += 1
                        return
                ended["held"] += 1
        except (OSError, TimeoutError):
            ended["closed"] += 1

    await asyncio.gather(*(member() for _ in range(ground.count(count))))
    return max(ended, key=lambda outcome: ended[outcome])


async def unfinished_heads(ground: Ground, chance: random.Random) -> str:
    size = chance.choice((10, 7_000, 60_000, 1_000_000))
    fields = b"".join(b"X-%d: %b\r\n" % (at, b"y" * 7_000) for at in range(size // 7_000))
    return await hold(ground, chance, b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + b"X: y", 100)


async def unfinished_bodies(ground: Ground, chance: random.Random) -> str:
    path = ground.native(chance.choice((ground.open_gateway, ground.closed_gateway, "made-up")), "groq/x")
    kind = chance.choice((b"Content-Length: 90000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n13880\r\n"))
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-x\r\n".encode()
    return await hold(ground, chance, head + kind + b"y" * chance.choice((1, 60_000, 79_000)), 100)


async def connections(ground: Ground, chance: random.Random) -> str:
    return await hold(ground, chance, b"", 300)


async def pipelines(ground: Ground, chance: random.Random) -> str:
    one = request("GET", f"/v1/nobody/knows/{chance.random()}", {"X": "y" * 20_000, "Connection": "keep-alive"})
    return await hold(ground, chance, one * 40, 20)


async def endless_sign_ins(ground: Ground, chance: random.Random) -> str:
    ending = chance.choice((
        b'Content-Length: 1048576\r\n\r\n{"token":"',
        b"Content-Length: 1048576\r\nExpect: 100-continue\r\n\r\n{",
        b'Content-Length: 4096\r\n\r\n{"token":"',
        b"Transfer-Encoding: chunked\r\n\r\n400\r\n" + b"x" * 1024 + b"\r\n",
    ))  # fmt: skip
    return await hold(ground, chance, SIGN_IN + ending, 80)


async def sign_ins(ground: Ground, chance: random.Random) -> str:
    fields = {"Sec-Fetch-Site": "same-origin", "X-Gateway-Dashboard": "http"}
    token = chance.choice((mint_token(), "", "x" * 4_000, "agw_' OR 1=1 --"))
    return refused(await ground.ask("POST", "/client/v4/user/session", fields, {"token": token}), "sign-in")


async def invented_tokens(ground: Ground, chance: random.Random) -> str:
    token = mint_token()
    if chance.random() < 0.5:
        token = chance.choice((token[:-1], token + "0", token.swapcase(), "Bearer " + token, "agw_" + "0" * 49))
    fields = {"cf-aig-authorization": f"Bearer {token}", **KEY}
    path = chance.choice((
        ground.native(ground.closed_gateway, "openai/chat/completions"),
        ground.native("canary", "openai/chat/completions"),
        ground.management("/ai/v1/chat/completions"),
        ground.management("/tokens"),
        ground.management("/ai-gateway/gateways"),
    ))  # fmt: skip
    fields |= {"Authorization": f"Bearer {token}"} if path.startswith("/client") else {}
    return refused(await ground.ask("POST", path, fields, CHAT), "an invented token")


async def no_token(ground: Ground, chance: random.Random) -> str:
    path = ground.native(chance.choice((ground.closed_gateway, "canary")), "openai/chat/completions")
    fields = chance.choice(({}, KEY, {"cf-aig-authorization": ""}, {"Cookie": f"__Host-session={mint_token()}"}))
    return refused(await ground.ask("POST", path, fields, CHAT), "no token")


async def made_up_names(ground: Ground, chance: random.Random) -> str:
    """Twenty rows of twenty models and paths that nobody has."""
    outcomes = []
    for _ in range(20):
        name = f"{chance.getrandbits(64):x}" * chance.choice((1, 1, 20))
        path = chance.choice((
            ground.native(ground.open_gateway, f"groq/{name}"),
            ground.native(name[:60], "openai/chat/completions"),
            ground.native(ground.open_gateway, f"{name}/x"),
            f"/{name}",
        ))  # fmt: skip
        fields = {**KEY, "User-Agent": name, "cf-aig-event-id": name}
        outcomes.append(no_fault_of_ours(await ground.ask("POST", path, fields, {"model": name}), f"made-up {path}"))
    return Counter(outcomes).most_common(1)[0][0]


async def huge_model_name(ground: Ground, chance: random.Random) -> str:
    path = ground.native(ground.open_gateway, "compat/chat/completions")
    body = b'{"model":"groq/' + b"m" * HUGE_NAME_BYTES + b'"}'
    return no_fault_of_ours(await ground.ask("POST", path, KEY, body), "a model name of 33 MB")


@cache
def bomb() -> bytes:
    """10 MB of nothing in 10 KB."""
    return gzip.compress(b'{"model":"m","messages":[' + b" " * 10_000_000 + b"]}")


async def gzip_bombs(ground: Ground, chance: random.Random) -> str:
    fields = {**KEY, "Content-Encoding": "gzip", "cf-aig-collect-log-payload": "true"}
    outcome = ""
    for _ in range(ground.count(20)):
        path = ground.native(ground.open_gateway, chance.choice(("groq/x", "compat/chat/completions")))
        outcome = no_fault_of_ours(await ground.ask("POST", path, fields, bomb()), "a gzip bomb")
    return outcome


async def huge_metadata(ground: Ground, chance: random.Random) -> str:
    metadata = chance.choice((
        json.dumps({f"k{at}": "v" * 9_000 for at in range(5)}),
        json.dumps({"k": [[]] * 1_000}),
        "{" * 30_000,
        json.dumps({"k" * 20_000: 1e308}),
    ))  # fmt: skip
    fields = {
        **KEY,
        "cf-aig-metadata": metadata,
        "cf-aig-custom-cost": '{"total_cost":1e308}',
        "cf-aig-max-attempts": "5",
        "cf-aig-request-timeout": "999999999999",
    }
    path = ground.native(ground.open_gateway, "groq/x")
    return no_fault_of_ours(await ground.ask("POST", path, fields, CHAT), "huge metadata")


async def requests_in_bodies(ground: Ground, chance: random.Random) -> str:
    """A GET whose body is another request, to a provider that does not read it."""
    inner = request("GET", "/smuggled", {"Connection": "keep-alive"})
    path = ground.native(ground.open_gateway, "groq/attack/unread")
    reply = await ground.ask(chance.choice(("GET", "DELETE", "HEAD")), path, KEY, inner)
    if b"smuggled" in reply.body:
        raise Breach("the answer to a request within a body came back")
    return no_fault_of_ours(reply, "a request in a body")


async def navigations(ground: Ground, chance: random.Random) -> str:
    fields = {"Sec-Fetch-Dest": chance.choice(("document", "iframe", "serviceworker", "empty")), "Sec-Fetch-Mode": "navigate"}
    if chance.random() < 0.3:
        fields = {}
    path = ground.native(ground.open_gateway, f"{chance.choice((ground.custom, 'groq'))}/attack/html")
    reply = await ground.ask("GET", path, {**KEY, **fields})
    if reply.status == 200 and "sandbox" not in reply.header("content-security-policy"):
        raise Breach("a provider's page is not in a sandbox")
    for name in ("set-cookie", "service-worker-allowed", "refresh", "clear-site-data", "sourcemap"):
        if reply.status == 200 and name in ("service-worker-allowed", "refresh", "clear-site-data", "sourcemap"):
            assert not reply.header(name), f"a provider's {name} crossed"
    return no_fault_of_ours(reply, "a navigation")


async def unknown_surfaces(ground: Ground, chance: random.Random) -> str:
    method = chance.choice(("GET", "POST", "OPTIONS", "PROPFIND", "TRACE", "CONNECT", "PUT", "HEAD"))
    path = chance.choice((
        "/", "*", "/metrics", "/admin", "/link", "/.env", "/client/v4/user", "/client/v4/../../etc/passwd",
        "/dashboard/../link",
        "/v1/%2e%2e/x/y", f"http://{ground.inside}/", f"{ground.inside}", "/client/v4/accounts/x/ai/run/" + "y" * 7_000,
        ground.management("/ai/run"), ground.management("/ai-gateway/gateways/x/logs"),
    ))  # fmt: skip
    fields = chance.choice(({}, {"Upgrade": "websocket", "Connection": "upgrade"}, {"Host": ground.inside}))
    reply = await ground.ask(method, path, fields)
    if path in ("/metrics", "/link", "/.env") and 200 <= reply.status < 300:
        raise Breach(f"{method} {path} is open to strangers")
    return no_fault_of_ours(reply, f"{method} {path}")


async def deep_json(ground: Ground, chance: random.Random) -> str:
    nested = b"[" * 3_000_000
    path = chance.choice((ground.management("/ai/run"), ground.native(ground.open_gateway, "compat/chat/completions")))
    fields = {**KEY, "cf-aig-gateway-id": ground.open_gateway}
    return no_fault_of_ours(await ground.ask("POST", path, fields, b'{"messages":' + nested), "deep JSON")


async def dashboard_files_unread(ground: Ground, chance: random.Random) -> str:
    return await hold(ground, chance, b"GET /dashboard HTTP/1.1\r\nHost: gateway.test\r\n\r\n" * 100, 40)


ATTACKS = (
    Attack("malformed heads", malformed, 60),
    Attack("unfinished heads", unfinished_heads, 4),
    Attack("unfinished bodies", unfinished_bodies, 4),
    Attack("floods of connections", connections, 4),
    Attack("pipelines", pipelines, 3),
    Attack("sign-ins that never end", endless_sign_ins, 6),
    Attack("sign-ins with invented tokens", sign_ins, 15),
    Attack("invented tokens", invented_tokens, 60),
    Attack("no token", no_token, 15),
    Attack("made-up paths and models", made_up_names, 15),
    Attack("33 MB model names", huge_model_name, 2),
    Attack("gzip bombs", gzip_bombs, 4),
    Attack("huge metadata", huge_metadata, 15),
    Attack("requests in GET bodies", requests_in_bodies, 15),
    Attack("navigations", navigations, 15),
    Attack("unknown surfaces", unknown_surfaces, 20),
    Attack("deep JSON", deep_json, 3),
    Attack("dashboard files unread", dashboard_files_unread, 3),
)
