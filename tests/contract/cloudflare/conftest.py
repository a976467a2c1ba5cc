"""One edge in front of a scripted provider, for the data plane's contract."""

from collections.abc import AsyncIterator

import pytest
from fakes.edge import ACCOUNT, RunningEdge, account, custom, gateway, key
from fakes.provider import FakeProvider


@pytest.fixture
async def edge(provider: FakeProvider) -> AsyncIterator[RunningEdge]:
    """Gateways: `g1` (on), `open` (off), `stored` and `open-stored` (keys for openai), `byok`, `open-byok`, `silent`."""
    stored = (key("openai", "sk-stored"), key("openai", "sk-work", alias="work"), key("anthropic", "sk-ant-stored"))
    bases = {"openai": "/v1", "anthropic": "", "google-ai-studio": "", "groq": "/openai/v1", "workers-ai": "/ai", "fal": ""}
    async with RunningEdge(
        gateways=[
            gateway("g1"),
            gateway("open", authentication=False),
            gateway("stored", keys=stored),
            gateway("open-stored", authentication=False, keys=stored),
            gateway("byok", byok_only=True),
            gateway("open-byok", authentication=False, byok_only=True),
            gateway("silent", collect_logs=False),
        ],
        accounts=[account(custom("mine", provider.origin, headers={"X-Mine": "yes"}), account_id=ACCOUNT)],
        providers={slug: provider.origin + path for slug, path in bases.items()},
        allow_private_custom=True,
    ) as running:
        yield running
