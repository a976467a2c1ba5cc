"""Stored keys and hidden header values go to the provider and the origin they were stored for (decision 0016)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes.control import ObedientEdge, Reply, Rig, policy, running_control
from fakes.store import MemoryStore
from sqlalchemy import create_engine, text

from gateway.link.frames import Patch, Snapshot
from gateway.model.tokens import Permission
from gateway.store.errors import StoreDown
from gateway.store.store import open_store

HOME = "https://llm.example.com"
CUSTOM = {"name": "Mine", "slug": "mine", "base_url": HOME, "enable": True, "headers": '{"X-Key": "HIDDEN", "X-Team": "blue"}'}
KEYS = "/gateways/g1/provider_configs"
ELSEWHERE = [
    "https://evil.example",
    "https://llm.example.com.evil.example",
    "http://llm.example.com",
    "https://llm.example.com:8443",
    "https://llm.example.com./",
    "https://www.llm.example.com",
]


class House:
    """A gateway, a custom provider with hidden headers, perhaps a stored key for it, and what an edge knows of it all."""

    def __init__(self, rig: Rig, writer: str) -> None:
        self.rig = rig
        self.writer = writer
        """A token with AI Gateway Write alone."""
        self.edge = ObedientEdge(rig.control, "e1")
        self.id = ""

    async def add(self, **fields: Any) -> "House":
        self.id = (await self.rig.ai("POST", "/custom-providers", {**CUSTOM, **fields})).result["id"]
        return self

    async def store_key(self, alias: str = "default", secret: str = "sk-stored", slug: str = "custom-mine") -> dict[str, Any]:
        body = {"provider_slug": slug, "alias": alias, "default_config": alias == "default", "secret": secret}
        made: dict[str, Any] = (await self.rig.ai("POST", KEYS, body)).result
        return made

    async def patch(self, token: str | None = None, **fields: Any) -> Reply:
        return await self.rig.ai("PATCH", f"/custom-providers/{self.id}", fields, token=token or self.writer)

    async def delete(self) -> Reply:
        return await self.rig.ai("DELETE", f"/custom-providers/{self.id}", token=self.writer)

    def sent(self) -> list[tuple[str, str]]:
        """(base URL, secret) of all that a request could take along now, as a fresh edge is told."""
        return self._pairs(ObedientEdge(self.rig.control, "fresh"))

    @staticmethod
    def _pairs(edge: ObedientEdge) -> list[tuple[str, str]]:
        snapshot: Snapshot = edge.of(Snapshot)[-1]
        customs = {f"custom-{c.slug}": c for entry in snapshot.accounts for c in entry.custom_providers}
        pairs = [(c.base_url, value) for c in customs.values() for value in c.headers.values()]
        keys = [key for entry in snapshot.gateways for key in entry.keys]
        return sorted(pairs + [(customs[key.provider].base_url, key.secret) for key in keys if key.provider in customs])

    def patched(self) -> list[tuple[str, str]]:
        """The same from the changes that an old edge was sent, one after the other."""
        accounts, gateways = {}, {}
        for frame in self.edge.sent:
            if isinstance(frame, Snapshot | Patch):
                accounts.update({entry.account_id: entry for entry in frame.accounts})
                gateways.update({entry.gateway.id: entry for entry in frame.gateways})
        edge = ObedientEdge(self.rig.control, "replayed")
        edge.sent.append(Snapshot(0, tuple(accounts.values()), tuple(gateways.values())))
        return self._pairs(edge)

    async def settled(self) -> list[tuple[str, str]]:
        """What is sent, when edges that were patched, fresh ones, and those after a restart of control agree on it."""
        sent = self.sent()
        assert self.patched() == sent
        await self.rig.control._changes.reload()
        assert self.sent() == sent
        return sent


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running_control(MemoryStore(), allow_private_custom=True) as running:
        yield running


@pytest.fixture
async def house(rig: Rig) -> House:
    await rig.make_gateway("g1")
    return House(rig, (await rig.make_token(policy(Permission.WRITE)))["value"])


def at(base_url: str, *secrets: str) -> list[tuple[str, str]]:
    return sorted((base_url, secret) for secret in secrets)


ALONG = [{}, {"headers": '{"X-Key": "***"}'}, {"headers": '{"x-KEY": "***"}'}, {"enable": False}, {"slug": "b"}]


@pytest.mark.parametrize("base_url", ELSEWHERE)
async def test_write_alone_moves_no_secret(house: House, base_url: str) -> None:
    await house.add()
    await house.store_key()
    before = await house.settled()
    assert before == at(HOME, "HIDDEN", "blue", "sk-stored")
    for more in ALONG:
        reply = await house.patch(base_url=base_url, **more)
        assert (reply.status, reply.codes) == (403, [10000]), more
        assert "Secrets Store Write" in reply.json["errors"][0]["message"]
    assert (await house.patch(base_url=base_url, headers=None)).status == 403, "the stored key is left"
    assert await house.settled() == before


@pytest.mark.parametrize("base_url", ELSEWHERE)
async def test_a_hidden_value_alone_is_held_back(house: House, base_url: str) -> None:
    await house.add()
    for more in ALONG:
        assert (await house.patch(base_url=base_url, **more)).status == 403, more
    assert await house.settled() == at(HOME, "HIDDEN", "blue")
    moved = await house.patch(base_url=base_url, headers='{"X-Key": "new"}')
    assert moved.status == 200, "with values of its own nothing hidden goes along"
    assert await house.settled() == at(base_url, "new")


async def test_a_provider_without_secrets_moves_with_write_alone(house: House) -> None:
    await house.add(headers=None)
    assert (await house.patch(base_url="https://other.example")).status == 200
    assert await house.settled() == []


@pytest.mark.parametrize("base_url", ["https://llm.example.com@evil.example", "https://u:pw@llm.example.com", HOME + "/../x"])
async def test_an_address_that_is_none_moves_nothing(house: House, base_url: str) -> None:
    await house.add()
    await house.store_key()
    assert (await house.patch(base_url=base_url)).paths == {("body", "base_url")}
    assert await house.settled() == at(HOME, "HIDDEN", "blue", "sk-stored")


@pytest.mark.parametrize(
    "base_url", [HOME, HOME + "/", "https://LLM.Example.COM", "HTTPS://llm.example.com:443", HOME + "/v1", HOME + "/v1/deeper/"]
)
async def test_another_spelling_and_a_path_below_keep_the_secrets(house: House, base_url: str) -> None:
    await house.add()
    await house.store_key()
    assert (await house.patch(base_url=base_url)).status == 200
    assert await house.settled() == at(base_url, "HIDDEN", "blue", "sk-stored")


@pytest.mark.parametrize("base_url", [HOME, HOME + "/tenant-b", HOME + "/tenant", HOME + "/tenant-a2"])
async def test_beside_the_path_it_had_is_elsewhere(house: House, base_url: str) -> None:
    """Hosts are shared: another path may be another's."""
    await house.add(base_url=HOME + "/tenant-a")
    await house.store_key()
    assert (await house.patch(base_url=base_url)).status == 403
    assert (await house.patch(base_url=HOME + "/tenant-a/v1")).status == 200


async def test_who_may_store_secrets_takes_them_along(house: House) -> None:
    await house.add()
    await house.store_key()
    await house.rig.make_gateway("g2")
    await house.rig.ai(
        "POST",
        "/gateways/g2/provider_configs",
        {"provider_slug": "custom-mine", "alias": "b", "default_config": False, "secret": "sk-two"},
    )
    limited = await house.rig.make_token(
        policy(Permission.WRITE), policy(Permission.SECRETS_WRITE, scope={"com.cloudflare.api.ai-gateway.g1": "*"})
    )
    assert (await house.patch(limited["value"], base_url="https://new.example")).status == 403, "of one gateway is not enough"
    able = (await house.rig.make_token(policy(Permission.WRITE, Permission.SECRETS_WRITE)))["value"]
    assert (await house.patch(able, base_url="https://new.example", slug="theirs")).status == 200
    assert await house.settled() == at("https://new.example", "HIDDEN", "blue", "sk-stored", "sk-two")
    assert [key["provider_slug"] for key in (await house.rig.ai("GET", KEYS)).result] == ["custom-theirs"]


async def test_keys_follow_to_another_slug(house: House) -> None:
    await house.add()
    await house.store_key()
    assert (await house.patch(slug="renamed")).status == 200
    assert await house.settled() == at(HOME, "HIDDEN", "blue", "sk-stored")
    again = await house.rig.ai("POST", "/custom-providers", {**CUSTOM, "base_url": "https://evil.example", "headers": None})
    assert again.status == 200, "the slug is free"
    assert await house.settled() == at(HOME, "HIDDEN", "blue", "sk-stored")


async def test_a_slug_made_anew_inherits_nothing(house: House) -> None:
    await house.add()
    await house.store_key()
    assert (await house.delete()).status == 200
    assert await house.settled() == []
    assert (await house.rig.ai("GET", KEYS)).result == [], "its keys are gone with it"
    await house.add(base_url="https://evil.example", headers=None)
    assert await house.settled() == []


async def test_another_provider_does_not_take_over_a_slug(house: House) -> None:
    await house.add()
    await house.store_key()
    evil = (
        await house.rig.ai("POST", "/custom-providers", {**CUSTOM, "slug": "evil", "base_url": "https://evil.example"})
    ).result
    taking = await house.rig.ai("PATCH", f"/custom-providers/{evil['id']}", {"slug": "mine"}, token=house.writer)
    assert taking.status == 409
    assert ("https://evil.example", "sk-stored") not in await house.settled()


async def test_switching_off_and_on_changes_nothing(house: House) -> None:
    await house.add()
    await house.store_key()
    for enable in (False, True):
        assert (await house.patch(enable=enable)).status == 200
        assert await house.settled() == at(HOME, "HIDDEN", "blue", "sk-stored")


async def test_rows_moved_in_the_store_do_not_open(database: Path) -> None:
    """Who can write to the database but has not the master key."""
    url = f"sqlite:///{database}"
    async with running_control(open_store(url)) as rig:
        await rig.make_gateway("g1")
        house = await House(rig, rig.bootstrap).add()
        await house.store_key()
        assert await house.settled() == at(HOME, "HIDDEN", "blue", "sk-stored")
        with create_engine(url).begin() as connection:
            connection.execute(text("UPDATE custom_providers SET base_url = 'https://evil.example'"))
            connection.execute(text("UPDATE provider_keys SET origin = 'https://evil.example'"))
        await rig.control._changes.reload()
        assert house.sent() == []
        assert (await house.delete()).status == 200
        assert (await rig.ai("GET", KEYS)).result == []


async def test_a_store_that_fails_midway_is_mended_by_the_same_request(house: House) -> None:
    await house.add()
    await house.store_key()
    store = house.rig.store
    able = (await house.rig.make_token(policy(Permission.WRITE, Permission.SECRETS_WRITE)))["value"]

    async def fails(*_: object) -> None:
        raise StoreDown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.custom_providers, "update", fails)
        assert (await house.patch(able, base_url="https://new.example")).status == 503
    await house.rig.control._changes.reload()
    assert house.sent() == at(HOME, "HIDDEN", "blue"), "neither here nor there until it is mended"
    assert (await house.patch(able, base_url="https://new.example")).status == 200
    assert await house.settled() == at("https://new.example", "HIDDEN", "blue", "sk-stored")
