"""The gate's own part; as a whole it is tried in tests/contract/cloudflare/management."""

import pytest
from fakes.control import ACCOUNT, running_control
from fakes.store import MemoryStore

from gateway.kit.secret import key_id

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.mark.parametrize("peppers", [(OLD,), (NEW, OLD), (NEW, b"x" * 32, OLD)])
async def test_a_token_lets_in_by_any_pepper_in_use(peppers: tuple[bytes, ...]) -> None:
    store = MemoryStore()
    async with running_control(store, pepper=OLD) as rig:
        value = rig.bootstrap
    pepper, *older = peppers
    async with running_control(store, pepper=pepper, older_peppers=tuple(older)) as rig:
        assert (await rig.call("GET", f"/accounts/{ACCOUNT}/tokens", token=value)).status == 200
    assert {token.pepper for token in store.all_tokens.values()} == {key_id(pepper)}, "seen once, it is known by the newest"


async def test_a_token_lets_nobody_in_by_a_pepper_that_is_gone() -> None:
    store = MemoryStore()
    async with running_control(store, pepper=OLD) as rig:
        value = rig.bootstrap
    for name in await store.facts.beginning("key-check/"):
        await store.facts.delete(name)
    async with running_control(store, pepper=NEW) as rig:
        assert (await rig.call("GET", f"/accounts/{ACCOUNT}/tokens", token=value)).status == 401
