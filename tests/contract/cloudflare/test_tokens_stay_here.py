"""Promise: no token of ours reaches a provider, whatever the route, the field, its spelling and how often it comes (9, R-30).

AIG_LONG=1 sends ten thousand requests.
"""

import os
import random
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from urllib.parse import unquote

from fakes.edge import ACCOUNT, RunningEdge, custom, gateway, key
from fakes.edge import account as account_of
from fakes.provider import FakeProvider

REQUESTS = 10_000 if os.environ.get("AIG_LONG") else 1_000
SEED = 9
BODY = b'{"model":"openai/m","messages":[]}'
STORED = ("openai", "anthropic", "google-ai-studio", "groq", "workers-ai", "fal", "custom-mine")
TREE = (
    "openai/chat/completions",
    "anthropic/v1/messages",
    "google-ai-studio/v1beta/models/m:generateContent",
    "groq/chat/completions",
    "workers-ai/v1/chat/completions",
    "fal/fal-ai/flux",
    "custom-mine/anything",
    "compat/chat/completions",
)
REST = ("v1/chat/completions", "v1/responses", "v1/embeddings", "v1/messages", "run")
ENTRANCES = ("cf-aig-authorization", "authorization", "x-api-key", "api-key", "x-goog-api-key")
SCHEMES = ("Bearer {}", "bearer {}", "{}", "Key {}")
DISGUISES: tuple[Callable[[str], str], ...] = (
    lambda token: f'Bearer "{token}"',
    lambda token: f"Bearer\t{token}",
    lambda token: f"Bearer  {token}",
    lambda token: "Basic " + b64encode(f"user:{token}".encode()).decode(),
    lambda token: "Basic " + b64encode(f"{token}:".encode()).decode().rstrip("="),
    lambda token: token.replace("_", "%5F"),
    lambda token: token.replace("_", "%255f"),
    lambda token: "".join(f"%{ord(char):02x}" for char in token),
    lambda token: f"a={token}; b",
)
ANYWHERE = (
    "user-agent",
    "x-anything",
    "x-request-id",
    "openai-organization",
    "anthropic-beta",
    "accept-language",
    "xi-api-key",
)
"""Fields that cross unless they hold a token."""
OTHERS = (
    *ENTRANCES, "cookie", "proxy-authorization", "forwarded", "x-forwarded-for", "x-forwarded-user", "x-real-ip",
    "cf-access-jwt-assertion", "cf-aig-metadata", "cf-aig-event-id", "cf-aig-anything", "x-gateway-client", "te", "trailer",
    "x-hop",
)  # fmt: skip
ESCAPED = ("?key={}", "?alt=sse&key={}&b=1", "?k%65y={}", "?{}", "?api_key={}&key={}")
QUERIES = ("", "?key={}", "?alt=sse&key={}", "?token={}", "?api_key={}&key={}", "?access_token={}")


def hidden(token: str) -> Callable[[str], bool]:
    """Reads as a provider might, by means of its own."""

    def holds(text: str) -> bool:
        for _ in range(4):
            text = unquote(text)
        words = text.replace('"', " ").replace("=", " ").split()
        decoded = [b64decode(word + "=" * (-len(word) % 4)).decode("latin-1") for word in words if BASE64.fullmatch(word)]
        return any(token[4:] in seen for seen in (text, *decoded))

    return holds


BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}){8,}[A-Za-z0-9+/]{0,3}")


def spelt(draw: random.Random, name: str) -> str:
    return draw.choice((name, name.upper(), name.title(), "".join(draw.choice((one, one.upper())) for one in name)))


def request(draw: random.Random, edge: RunningEdge, token: str) -> tuple[str, list[tuple[str, str]]]:
    fields = {name: draw.choice(SCHEMES).format(token) for name in draw.sample(OTHERS, draw.randrange(5))}
    if draw.random() < 0.3:
        fields["authorization"] = f"Bearer {token}"
        target = edge.rest(draw.choice(REST))
    else:
        gateway_id = draw.choice(("on", "off"))
        if gateway_id == "on" or draw.random() < 0.5:
            fields[draw.choice(ENTRANCES)] = draw.choice(SCHEMES).format(token)
        target = edge.native(gateway_id, draw.choice(TREE)) + draw.choice(QUERIES).replace("{}", token)
        if "?" not in target and draw.random() < 0.3:
            target += draw.choice(ESCAPED).replace("{}", draw.choice(DISGUISES[5:8])(token))
    for name in draw.sample(ANYWHERE, draw.randrange(3)):
        fields.setdefault(name, draw.choice((*DISGUISES, str))(token))
    if "authorization" not in fields and draw.random() < 0.3:
        fields["authorization"] = draw.choice(DISGUISES)(token)
    fields["connection"] = "keep-alive, x-hop"
    listed = [(spelt(draw, name), value) for name, value in fields.items()]
    # Those that may come more than once do.
    repeated = [(spelt(draw, name), value) for name, value in listed if name.lower() in ("cookie", "x-forwarded-for", "x-hop")]
    listed += repeated
    draw.shuffle(listed)
    return target, [*listed, ("Content-Type", "application/json")]


async def test_no_token_of_ours_is_at_the_provider(provider: FakeProvider) -> None:
    draw = random.Random(SEED)
    keys = [key(slug, "sk-stored") for slug in STORED]
    bases = dict.fromkeys(STORED[:-1], provider.origin)
    async with RunningEdge(
        gateways=[gateway("on", keys=keys), gateway("off", authentication=False, keys=keys), gateway("default", keys=keys)],
        accounts=[account_of(custom("mine", provider.origin), account_id=ACCOUNT)],
        providers=bases,
        allow_private_custom=True,
    ) as edge:
        token = edge.admit()
        arrived, statuses = 0, dict[int, int]()
        async with edge.client() as wire:
            for _ in range(REQUESTS):
                target, fields = request(draw, edge, token)
                answer = await wire.ask("POST", target, fields, BODY)
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                for seen in provider.requests:
                    shown = f"{seen.target} {seen.headers} {seen.body!r}"
                    assert token[4:] not in shown, (target, fields)
                    assert not any(hidden(token)(text) for text in (seen.target, *(value for _, value in seen.headers)))
                arrived += len(provider.requests)
                provider.requests.clear()
    print(f"{REQUESTS} requests, {arrived} at the provider, none with a token: {statuses}")
    assert arrived > REQUESTS / 2
