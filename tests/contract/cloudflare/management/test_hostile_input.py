"""Whatever comes in: an envelope goes out, never a 500, never the input, and nothing is changed by it."""

import io
import json
import random
from typing import Any

import pytest
from fakes.control import ACCOUNT, REQUIRED, Rig, policy
from yarl import URL

from gateway.model.tokens import Permission

CANARY = "canary-5b1f"
ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 2**80, 1e308, 0.5, "", CANARY, CANARY + "\x00", CANARY + "\ud7ff", "é" * 70,
    CANARY * 10_000,    [], [CANARY], [[[[]]]], {}, {CANARY: CANARY}, {"in": [CANARY]}, "' OR 1=1 --" + CANARY, "%s%n" + CANARY,
    "2026-13-45T99:99:99Z",
]  # fmt: skip
AI = f"/accounts/{ACCOUNT}/ai-gateway"
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", f"{AI}/gateways", {"id": "x", **REQUIRED, "guardrails": None, "dlp": None, "retry_delay": 1, "store_id": None}),
    ("PUT", f"{AI}/gateways/g1", {**REQUIRED, "authentication": True, "spend_limits": None, "otel": None}),
    (
        "POST",
        f"{AI}/gateways/g1/provider_configs",
        {"provider_slug": "openai", "alias": "a", "default_config": True, "secret": "s"},
    ),
    (
        "POST",
        f"{AI}/custom-providers",
        {"name": "n", "slug": "s", "base_url": "https://x.example", "headers": None, "position": 1},
    ),
    ("POST", "/user/tokens", {"name": "t", "policies": [policy(Permission.RUN)], "condition": None, "expires_on": None}),
    ("POST", "/accounts", {"name": "n", "id": "i"}),
]


async def test_bodies(rig: Rig) -> None:
    await rig.make_gateway("g1")
    for method, path, good in BODIES:
        for field in good:
            for odd in ODD:
                reply = await rig.call(method, path, raw=json.dumps({**good, field: odd}).encode())
                assert reply.status in (200, 400, 409, 501), (path, field, odd, reply.body)
                if reply.status == 400:
                    assert CANARY.encode() not in reply.body, (path, field, odd)
                    assert set(reply.codes) == {7001}
                    assert all(found[0] == "body" for found in reply.paths)


def _nested(rng: random.Random, depth: int) -> Any:
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(ODD)
    names = ["effect", "permission_groups", "resources", "request_ip", "in", "not_in", "id", "name"]
    if rng.random() < 0.5:
        return [_nested(rng, depth - 1) for _ in range(rng.randrange(3))]
    return {rng.choice(names): _nested(rng, depth - 1) for _ in range(rng.randrange(4))}


async def test_nested_bodies(rig: Rig) -> None:
    rng = random.Random(7)
    for _ in range(150):
        body = {"name": "t", "policies": [_nested(rng, 3)], "condition": _nested(rng, 3)}
        reply = await rig.call("POST", "/user/tokens", raw=json.dumps(body).encode())
        assert reply.status in (200, 400), (body, reply.body)
        assert CANARY.encode() not in reply.body


@pytest.mark.parametrize(
    "odd", ["%00", "%ff", "..%2f..", "%252e", "a" * 3000, "%27%20OR%201=1", "%E2%80%AE", "*", "g1%00", "%0d%0ax:%20y"]
)
async def test_paths(rig: Rig, odd: str) -> None:
    await rig.make_gateway("g1")
    fields = [("Authorization", f"Bearer {rig.bootstrap}")]
    paths = [
        f"{AI}/gateways/{odd}", f"{AI}/gateways/{odd}/logs", f"{AI}/gateways/g1/logs/{odd}", f"{AI}/custom-providers/{odd}",
        f"{AI}/gateways/{odd}/provider_configs", f"/accounts/{odd}", f"/accounts/{odd}/ai-gateway/gateways",
        f"/user/tokens/{odd}", f"{AI}/gateways?search={odd}", f"/{odd}",
        f"/accounts/{ACCOUNT}/tokens?direction={odd}&include_expired={odd}",
    ]  # fmt: skip
    for path in paths:
        url = URL(f"http://control/client/v4{path}", encoded=True)
        async with rig.client.get(url, headers=fields) as answer:
            body = await answer.read()
            assert answer.status in (200, 400, 404), (path, body)
            assert b'"success":' in body
            assert list(answer.headers).count("x") == 0


async def test_large_bodies_are_refused(rig: Rig) -> None:
    reply = await rig.call("POST", f"{AI}/gateways", raw=io.BytesIO(b" " * (1024 * 1024 + 1)))
    assert (reply.status, reply.codes) == (413, [2912])
