"""What tokens are known by, before and after a rotation."""

import asyncio
import logging
from dataclasses import replace

import pytest
from fakes.store import MemoryStore

from gateway.control.peppers import Peppers
from gateway.kit.secret import key_id, keyed_digest
from gateway.model.tokens import Token, mint_token
from gateway.store import tables

OLD, MIDDLE, NEW = b"o" * 32, b"m" * 32, b"n" * 32
VALUE = mint_token()
TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"", status="active", policies=[], condition=None,
    issued_on=1, modified_on=1,
)  # fmt: skip


def made_with(store: MemoryStore, *peppers: bytes) -> Token:
    return replace(TOKEN, **Peppers(store.tokens, peppers).kept(VALUE)._asdict())


async def settle(peppers: Peppers) -> None:
    await asyncio.sleep(0)
    await peppers.close()


@pytest.mark.parametrize(("peppers", "older"), [((NEW,), None), ((NEW, OLD), OLD), ((NEW, MIDDLE, OLD), OLD)])
def test_a_new_value_is_known_by_the_newest_and_the_oldest(peppers: tuple[bytes, ...], older: bytes | None) -> None:
    kept = Peppers(MemoryStore().tokens, peppers).kept(VALUE)
    assert (kept.digest, kept.pepper) == (keyed_digest(NEW, VALUE.encode()), key_id(NEW))
    assert kept.older_digest == (None if older is None else keyed_digest(older, VALUE.encode()))


@pytest.mark.parametrize("before", [(OLD,), (MIDDLE, OLD)])
async def test_a_token_that_is_used_gets_the_newest_digest(before: tuple[bytes, ...]) -> None:
    store, peppers = MemoryStore("a"), Peppers(MemoryStore().tokens, [NEW, MIDDLE, OLD])
    peppers._tokens = store.tokens
    token = made_with(store, *before)
    await store.tokens.insert(token)
    peppers.seen(token, peppers.digests(VALUE))
    await settle(peppers)
    assert store.all_tokens["t"] == made_with(store, NEW, MIDDLE, OLD)


async def test_a_worker_that_knows_no_newer_pepper_changes_nothing() -> None:
    """One that was started before the rotation asks about tokens of either kind."""
    store = MemoryStore("a")
    peppers, earlier = Peppers(store.tokens, [NEW, OLD]), Peppers(store.tokens, [OLD])
    for token in (made_with(store, OLD), made_with(store, NEW, OLD)):
        store.put(tables.tokens, token)
        for digests in (earlier.digests(VALUE), {"": earlier.kept(VALUE).digest}):
            found = await store.tokens.by_digest(list(digests.values()))
            assert list(found.values()) == [token], "it finds both"
            peppers.seen(token, digests)
            await settle(peppers)
        assert store.all_tokens["t"] == token


async def test_a_token_rolled_meanwhile_keeps_its_new_value() -> None:
    store = MemoryStore("a")
    peppers, token = Peppers(store.tokens, [NEW, OLD]), made_with(store, OLD)
    rolled = replace(token, digest=b"rolled", rolls=1)
    await store.tokens.insert(rolled)
    peppers.seen(token, peppers.digests(VALUE))
    await settle(peppers)
    assert store.all_tokens["t"] == rolled


async def test_a_store_that_is_down_leaves_it_to_the_next_question(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore("a")
    peppers, token = Peppers(store.tokens, [NEW, OLD]), made_with(store, OLD)
    await store.tokens.insert(token)
    store.down = True
    with caplog.at_level(logging.WARNING):
        peppers.seen(token, peppers.digests(VALUE))
        await settle(peppers)
    assert "keep their older digest" in caplog.text
    store.down = False
    peppers.seen(token, peppers.digests(VALUE))
    await settle(peppers)
    assert store.all_tokens["t"].pepper == key_id(NEW)


async def test_many_at_once_are_written_in_parts() -> None:
    store = MemoryStore("a")
    peppers, written = Peppers(store.tokens, [NEW, OLD]), []

    async def renew(batch: list[object]) -> None:
        written.append(len(batch))

    store.tokens.renew_digests = renew  # type: ignore[method-assign, assignment]
    for number in range(1200):
        peppers.seen(replace(TOKEN, digest=b"%d" % number, pepper=key_id(OLD)), peppers.digests(VALUE))
    await settle(peppers)
    assert written == [500, 500, 200]
