"""A stored key is tried where requests with it would go, and nothing of the answer but its status comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fakes.edge import ACCOUNT, RunningEdge, account, custom, gateway, key, until
from fakes.provider import Behaviour, FakeProvider, hang_up, raw, reply, reply_json, stall

from gateway.edge import key_trial
from gateway.link.frames import Tried, TryKey

SECRET = "sk-stored-canary-0123456789"


@asynccontextmanager
async def edge_for(origin: str, **config: Any) -> AsyncIterator[RunningEdge]:
    keys = [
        key("openai", SECRET),
        key("openai", "sk-other", alias="other"),
        key("anthropic", SECRET),
        key("custom-mine", SECRET),
        key("custom-off", SECRET),
        key("perplexity-ai", SECRET),
    ]
    customs = account(
        custom("mine", origin, headers={"X-Team": "blue", "Authorization": "Bearer of-headers"}),
        custom("off", origin, enable=False),
    )
    async with RunningEdge(
        gateways=[gateway("g1", keys=keys)],
        accounts=[customs],
        providers={"openai": origin + "/v1", "anthropic": origin},
        **{"allow_private_custom": True, **config},
    ) as running:
        yield running


async def tried(edge: RunningEdge, provider: str, alias: str = "default", gateway_id: str = "g1") -> Tried:
    edge.link.deliver(TryKey(7, ACCOUNT, gateway_id, provider, alias))
    await until(lambda: any(isinstance(frame, Tried) for frame in edge.link.sent))
    (frame,) = [frame for frame in edge.link.sent if isinstance(frame, Tried)]
    assert SECRET not in repr(frame)
    return frame


@pytest.mark.parametrize(
    ("slug", "alias", "target", "field", "value"),
    [
        ("openai", "default", "/v1/models", "authorization", f"Bearer {SECRET}"),
        ("openai", "other", "/v1/models", "authorization", "Bearer sk-other"),
        ("anthropic", "default", "/v1/models", "x-api-key", SECRET),
        ("custom-mine", "default", "/v1/models", "authorization", f"Bearer {SECRET}"),
    ],
)
async def test_it_is_asked_with_the_key_and_what_else_goes_along(
    provider: FakeProvider, slug: str, alias: str, target: str, field: str, value: str
) -> None:
    provider.script(reply_json({"data": []}))
    async with edge_for(provider.origin) as edge:
        assert await tried(edge, slug, alias) == Tried(7, "accepted", 200)
    asked = provider.only
    assert (asked.method, asked.target, asked.all(field)) == ("GET", target, [value])
    assert asked.all("x-team") == (["blue"] if slug == "custom-mine" else [])
    assert asked.all("anthropic-version") == (["2023-06-01"] if slug == "anthropic" else [])


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "accepted"), (302, "unclear"), (401, "refused"), (404, "unclear"), (429, "unclear"), (500, "unclear")],
)
async def test_the_status_alone_comes_back(provider: FakeProvider, status: int, verdict: str) -> None:
    provider.script(reply(f"Incorrect API key provided: {SECRET}".encode(), status, [("Location", "https://evil.example/")]))
    async with edge_for(provider.origin) as edge:
        assert await tried(edge, "openai") == Tried(7, verdict, status)
    assert len(provider.requests) == 1, "nothing is followed"


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [(hang_up(), "closed"), (hang_up("rst"), "reset"), (raw(b"SSH-2.0-x\r\n"), "not_http")],
)
async def test_why_there_is_no_answer(provider: FakeProvider, behaviour: Behaviour, cause: str) -> None:
    provider.script(behaviour)
    async with edge_for(provider.origin) as edge:
        assert await tried(edge, "openai") == Tried(7, "unreachable", cause=cause)


async def test_who_does_not_answer_is_not_waited_for(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_trial, "DEADLINE_S", 0.05)
    provider.script(stall())
    async with edge_for(provider.origin) as edge:
        assert await tried(edge, "openai") == Tried(7, "unreachable", cause="timeout")
        # Under load the time may be up before it is connected.
        await until(lambda: all(one.peer_closed_at is not None for one in provider.connections))


async def test_nobody_listens(provider: FakeProvider) -> None:
    await provider.refuse()
    async with edge_for(provider.origin) as edge:
        assert await tried(edge, "openai") == Tried(7, "unreachable", cause="refused")


async def test_custom_providers_stay_out_of_private_networks(provider: FakeProvider) -> None:
    async with edge_for(provider.origin, allow_private_custom=False) as edge:
        assert await tried(edge, "custom-mine") == Tried(7, "unreachable", cause="forbidden_address")
    assert provider.requests == []


@pytest.mark.parametrize(
    ("slug", "alias", "gateway_id", "verdict"),
    [
        ("perplexity-ai", "default", "g1", "untestable"),
        ("openai", "nosuch", "g1", "absent"),
        ("groq", "default", "g1", "absent"),
        ("custom-off", "default", "g1", "absent"),
        ("custom-nosuch", "default", "g1", "absent"),
        ("nosuch", "default", "g1", "absent"),
        ("openai", "default", "nosuch", "absent"),
    ],
)
async def test_what_is_not_asked(provider: FakeProvider, slug: str, alias: str, gateway_id: str, verdict: str) -> None:
    async with edge_for(provider.origin) as edge:
        assert await tried(edge, slug, alias, gateway_id) == Tried(7, verdict)
    assert provider.requests == []


async def test_a_drain_ends_it(provider: FakeProvider) -> None:
    provider.script(stall())
    async with edge_for(provider.origin) as edge:
        edge.link.deliver(TryKey(7, ACCOUNT, "g1", "openai", "default"))
        await until(lambda: provider.requests)
    assert not any(isinstance(frame, Tried) for frame in edge.link.sent)
