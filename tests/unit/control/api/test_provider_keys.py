from typing import Any

import pytest
from fakes.control import Rig, running_control
from fakes.store import MemoryStore
from pydantic import ValidationError

from gateway.control.api.provider_keys import KeyBody, SecretBody


@pytest.mark.parametrize("secret", ["", " ", "a b", "a\r\nb", "é", "a\x00", "x" * 65_537])
def test_secrets_refused(secret: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SecretBody.model_validate({"secret": secret})
    assert secret.strip() == "" or repr(secret) not in str(caught.value)


def test_a_credential_document_may_span_lines() -> None:
    assert SecretBody.model_validate({"secret": '{\n "type": "service_account"}'}).secret.startswith("{")


def test_official_clients_send_floats() -> None:
    body = KeyBody.model_validate(
        {"secret": "k", "provider_slug": "openai", "alias": "a", "default_config": True, "rate_limit": 10.0, "secret_id": "x"}
    )
    assert body.rate_limit == 10


KEYS = "/gateways/g/provider_configs"


async def _store(rig: Rig, slug: str, alias: str = "default", *, default: bool = False, **more: Any) -> Any:
    body = {"provider_slug": slug, "alias": alias, "default_config": default, "secret": f"sk-{alias}", **more}
    return await rig.ai("POST", KEYS, body)


async def _with_customs(rig: Rig) -> None:
    await rig.make_gateway("g")
    for slug in ("kimi", "MyLLM"):
        await rig.ai("POST", "/custom-providers", {"name": "n", "slug": slug, "base_url": "https://x.example"})


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("openai", "openai"),
        ("xai", "grok"),
        ("google", "google-ai-studio"),
        ("azure", "azure-openai"),
        ("custom-kimi", "custom-kimi"),
        ("custom-MyLLM", "custom-MyLLM"),
    ],
)
async def test_keys_are_stored_under_the_providers_own_slug(given: str, stored: str) -> None:
    async with running_control(MemoryStore()) as rig:
        await _with_customs(rig)
        assert (await _store(rig, given)).result["provider_slug"] == stored
        assert (await _store(rig, stored)).status == 409, "it is the same key"


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("opnai", "openai"),
        ("OpenAI", "openai"),
        ("gooogle", "google"),
        ("kimi", "custom-kimi"),
        ("KIMI", "custom-kimi"),
        ("custom-kimmi", "custom-kimi"),
        ("custom-myllm", "custom-MyLLM"),
        ("zzzzzz", None),
        ("custom-", "custom-kimi"),
    ],
)
async def test_what_is_no_provider_is_refused_with_the_nearest(given: str, nearest: str | None) -> None:
    async with running_control(MemoryStore()) as rig:
        await _with_customs(rig)
        reply = await _store(rig, given)
        assert (reply.status, reply.paths) == (400, {("body", "provider_slug")})
        told = reply.json["errors"][0]["message"]
        assert told == ("Unknown provider" if nearest is None else f"Unknown provider; the nearest is {nearest}")


@pytest.mark.parametrize("slug", ["bedrock", "aws-bedrock", "google-vertex"])
async def test_no_key_is_taken_that_could_not_be_used(slug: str) -> None:
    async with running_control(MemoryStore()) as rig:
        await rig.make_gateway("g")
        assert (await _store(rig, slug)).status == 501


async def test_one_key_is_the_default() -> None:
    async with running_control(MemoryStore()) as rig:
        await rig.make_gateway("g")

        async def defaults() -> set[str]:
            return {key["alias"] for key in (await rig.ai("GET", KEYS)).result if key["default_config"]}

        def published() -> dict[str, bool]:
            (entry,) = rig.control._publisher.gateways
            return {key.alias: key.default for key in entry.keys}

        await _store(rig, "openai")
        assert await defaults() == set()
        await _store(rig, "openai", "one", default=True)
        await _store(rig, "groq", "other", default=True)
        assert await defaults() == {"one", "other"}
        await _store(rig, "openai", "two", default=True)
        assert await defaults() == {"two", "other"}
        assert published() == {"default": False, "one": False, "two": True, "other": True}
        await rig.control._changes.reload()
        assert published() == {"default": False, "one": False, "two": True, "other": True}


async def test_hosts_of_a_key() -> None:
    async with running_control(MemoryStore()) as rig:
        await rig.make_gateway("g")
        refused = await _store(rig, "openai", hosts=["api.openai.com"])
        assert refused.paths == {("body", "hosts")}, "nobody but us has a say in that host"
        assert (await _store(rig, "azure", hosts=["bad host"])).paths == {("body", "hosts", "0")}
        made = (await _store(rig, "azure", hosts=["Mine.openai.azure.com"])).result
        assert made["hosts"] == ["mine.openai.azure.com"]
        rotated = (await rig.ai("PUT", f"{KEYS}/{made['id']}", {"secret": "sk-new"})).result
        assert rotated["hosts"] == ["mine.openai.azure.com"]
        moved = (await rig.ai("PUT", f"{KEYS}/{made['id']}", {"secret": "sk-new", "hosts": ["b.openai.azure.com"]})).result
        assert moved["hosts"] == ["b.openai.azure.com"]
        (entry,) = rig.control._publisher.gateways
        assert [key.hosts for key in entry.keys] == [("b.openai.azure.com",)]
