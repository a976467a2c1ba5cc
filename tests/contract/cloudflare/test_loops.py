"""A provider that is this gateway is refused at the second pass, however it is reached (RFC 8586, decision 0028)."""

from collections.abc import AsyncIterator

import pytest
from fakes.edge import ACCOUNT, RunningEdge, account, custom, gateway, key
from fakes.provider import FakeProvider

from gateway.link.frames import Patch

BODY = b'{"model":"custom-self/custom-self/custom-self/m","messages":[]}'
OPEN = f"/v1/{ACCOUNT}/open"


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    async with RunningEdge(
        gateways=[gateway("open", authentication=False)],
        providers={"openai": provider.origin, "groq": provider.origin},
        allow_private_custom=True,
    ) as running:
        yield running


def lead(edge: RunningEdge, path: str) -> None:
    """The custom provider `self` is this gateway, below this path."""
    entry = account(custom("self", f"http://127.0.0.1:{edge.port}{path}"), account_id=ACCOUNT)
    edge.link.deliver(Patch(2, accounts=(entry,)))


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        (OPEN + "/custom-self", "custom-self/x"),
        (OPEN, "custom-self/custom-self/custom-self/x"),
        (OPEN + "/openai", "custom-self/x"),
        (OPEN, "custom-self/openai/x"),
        (OPEN + "/compat", "custom-self/chat/completions"),
        (OPEN + "/custom-self", "compat/chat/completions"),
    ],
)
async def test_the_second_pass_is_refused(edge: RunningEdge, provider: FakeProvider, base: str, asked: str) -> None:
    lead(edge, base)
    answer = await edge.ask("POST", edge.native("open", asked), {}, BODY)
    assert answer.status == 508
    assert b"Loop detected" in answer.body
    assert answer.header("x-should-retry") == "false"
    assert provider.requests == []
    await edge.quiet()
    assert [record.status_code for record in edge.records] == [508], "one row, of the first pass"


async def test_a_loop_through_rest_is_refused(edge: RunningEdge) -> None:
    token = edge.admit()
    entry = account(custom("self", f"http://127.0.0.1:{edge.port}{edge.rest('v1')}"), account_id=ACCOUNT)
    stored = gateway("default", keys=[key("custom-self", token)])
    edge.link.deliver(Patch(2, accounts=(entry,), gateways=(stored,)))
    answer = await edge.ask("POST", edge.rest("v1/chat/completions"), {"Authorization": f"Bearer {token}"}, BODY)
    assert answer.status == 508
    native = await edge.ask(
        "POST", edge.native("default", "custom-self/chat/completions"), {"cf-aig-authorization": token}, BODY
    )
    assert native.status == 508


async def test_the_operators_base_url_may_lead_to_another_worker() -> None:
    async with RunningEdge(gateways=[gateway("open", authentication=False)]) as first:
        back = {"openai": f"http://127.0.0.1:{first.port}{OPEN}/groq"}
        async with RunningEdge(gateways=[gateway("open", authentication=False)], providers=back) as second:
            assert (await second.ask("POST", f"{OPEN}/openai/x", {}, b"{}")).status == 508


async def test_marks_of_others_are_passed_on_and_ours_added(edge: RunningEdge, provider: FakeProvider) -> None:
    answer = await edge.ask("POST", edge.native("open", "openai/x"), {"CDN-Loop": "cloudflare; loops=1"}, b"{}")
    assert answer.status == 200
    loop = provider.only.header("cdn-loop")
    assert loop is not None
    assert loop.startswith("cloudflare; loops=1, ")
    assert provider.only.all("via") == []


async def test_a_repeated_head_is_marked_too(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        for number in range(3):
            await wire.ask("POST", edge.native("open", "openai/x"), {"X-Request-Id": str(number)}, b"{}")
    assert [len(seen.all("cdn-loop")) for seen in provider.requests] == [1, 1, 1]
