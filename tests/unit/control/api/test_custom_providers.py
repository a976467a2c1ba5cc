"""Masked header values keep what is stored; the wire is tested in tests/contract/cloudflare/management."""

import orjson
import pytest
from fakes.control import Rig, running_control
from fakes.store import MemoryStore

CUSTOM = {"name": "n", "slug": "s", "base_url": "https://x.example", "headers": '{"x-key": "one"}'}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ('{"x-key": "***"}', {"x-key": "one"}),
        ('{"x-key": "two"}', {"x-key": "two"}),
        ('{"X-KEY": "***"}', {"X-KEY": "one"}),
        ("***", {"x-key": "one"}),
        ("", {}),
        (None, {}),
    ],
)
async def test_masked_values(sent: str | None, stored: dict[str, str]) -> None:
    async with running_control(MemoryStore()) as rig:
        made = (await rig.ai("POST", "/custom-providers", CUSTOM)).result
        await rig.ai("PATCH", f"/custom-providers/{made['id']}", {"headers": sent})
        (custom,) = rig.control._publisher.accounts[made["account_id"]].custom_providers
        assert custom.headers == stored


async def _with(rig: Rig, headers: str | None) -> str | None:
    shown: str | None = (await rig.ai("POST", "/custom-providers", {**CUSTOM, "headers": headers})).result["headers"]
    return shown


async def test_values_are_never_shown() -> None:
    async with running_control(MemoryStore()) as rig:
        shown = await _with(rig, '{"x-key": "one"}')
        assert orjson.loads(shown or "") == {"x-key": "***"}


async def test_a_private_address_where_it_is_allowed() -> None:
    async with running_control(MemoryStore(), allow_private_custom=True) as rig:
        made = await rig.ai("POST", "/custom-providers", {**CUSTOM, "base_url": "http://127.0.0.1:8000"})
        assert made.result["base_url"] == "http://127.0.0.1:8000"


@pytest.mark.parametrize("headers", ['{"x-new": "***"}', '{"x-key": "***", "x-new": "***"}'])
async def test_a_mask_without_a_value_behind_it(headers: str) -> None:
    async with running_control(MemoryStore()) as rig:
        assert (await rig.ai("POST", "/custom-providers", {**CUSTOM, "headers": headers})).paths == {("body", "headers")}
        made = (await rig.ai("POST", "/custom-providers", CUSTOM)).result
        one = f"/custom-providers/{made['id']}"
        assert (await rig.ai("PATCH", one, {"headers": headers})).paths == {("body", "headers")}
