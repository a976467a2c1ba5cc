import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes.store import MemoryStore

from gateway.control.lookups import TokenLookups
from gateway.model.tokens import Token
from gateway.store.errors import StoreDown

TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"d", status="active", policies=[], condition=None,
    issued_on=1, modified_on=1,
)  # fmt: skip


class GatedStore(MemoryStore):
    """Its queries wait for the gate, and are remembered."""

    def __init__(self) -> None:
        super().__init__("a")
        self._by_digest, self.tokens.by_digest = self.tokens.by_digest, self._gated  # type: ignore[method-assign]
        self.gate = asyncio.Event()
        self.gate.set()
        self.queries: list[list[bytes]] = []

    async def _gated(self, digests: Sequence[bytes]) -> dict[bytes, Token]:
        self.queries.append(list(digests))
        found = await self._by_digest(digests)
        await self.gate.wait()
        return found


@pytest.fixture
async def store() -> GatedStore:
    made = GatedStore()
    await made.tokens.insert(TOKEN)
    await made.tokens.insert(replace(TOKEN, id="u", digest=b"e"))
    return made


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_questions_that_come_together_are_one_query(store: GatedStore) -> None:
    lookups = TokenLookups(store.tokens, deadline_s=60)
    found = await asyncio.gather(*(lookups.find(digest) for digest in (b"d", b"e", b"x", b"d")))
    assert [token and token.id for token in found] == ["t", "u", None, "t"]
    assert store.queries == [[b"d", b"e", b"x"]]


async def test_what_comes_while_a_query_runs_is_read_afterwards(store: GatedStore) -> None:
    lookups = TokenLookups(store.tokens, deadline_s=60)
    store.gate.clear()
    early = asyncio.create_task(lookups.find(b"d"))
    await settle()
    await store.tokens.delete("t")
    late = [asyncio.create_task(lookups.find(digest)) for digest in (b"d", b"e", b"y")]
    await settle()
    store.gate.set()
    assert (await early, await late[0]) == (TOKEN, None), "the later question sees the deletion"
    assert store.queries == [[b"d"], [b"d", b"e", b"y"]]


async def test_a_crowd_is_asked_for_in_parts(store: GatedStore) -> None:
    lookups = TokenLookups(store.tokens, deadline_s=60)
    assert set(await asyncio.gather(*(lookups.find(b"%d" % number) for number in range(1200)))) == {None}
    assert [len(query) for query in store.queries] == [500, 500, 200]


async def test_nobody_waits_for_a_store_that_hangs_and_it_is_asked_once(store: GatedStore) -> None:
    lookups = TokenLookups(store.tokens, deadline_s=0.01)
    store.gate.clear()
    for digest in (b"d", b"e", b"d"):
        with pytest.raises(StoreDown):
            await lookups.find(digest)
    assert store.queries == [[b"d"]]
    store.gate.set()
    await settle()
    assert await lookups.find(b"d") == TOKEN


@pytest.mark.parametrize("error", [StoreDown("away"), KeyError("x"), asyncio.CancelledError()])
async def test_an_error_is_no_word_on_a_token(store: GatedStore, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    async def fail(_digests: Sequence[bytes]) -> dict[bytes, Token]:
        raise error

    lookups = TokenLookups(store.tokens, deadline_s=60)
    with monkeypatch.context() as patched:
        patched.setattr(store.tokens, "by_digest", fail)
        found = await asyncio.gather(*(lookups.find(digest) for digest in (b"d", b"x")), return_exceptions=True)
    assert [type(each) for each in found] == [StoreDown, StoreDown]
    assert await lookups.find(b"d") == TOKEN, "and is forgotten"


async def test_a_token_is_found_by_any_of_its_digests_in_one_query(store: GatedStore) -> None:
    lookups = TokenLookups(store.tokens, deadline_s=60)
    asked = ((b"x", b"d"), (b"e", b"y"), (b"x", b"y"), (b"x", b"d"))
    found = await asyncio.gather(*(lookups.find(*digests) for digests in asked))
    assert [token and token.id for token in found] == ["t", "u", None, "t"]
    assert store.queries == [[b"x", b"d", b"e", b"y", b"x", b"y"]]


async def test_a_query_has_no_more_digests_however_many_each_question_has(store: GatedStore) -> None:
    lookups = TokenLookups(store.tokens, deadline_s=60)
    await asyncio.gather(*(lookups.find(b"%d" % number, b"o%d" % number, b"p%d" % number) for number in range(400)))
    assert [len(query) for query in store.queries] == [498, 498, 204]
