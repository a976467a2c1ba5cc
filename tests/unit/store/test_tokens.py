"""In memory; both databases are asked in tests/contract/store."""

from dataclasses import replace

from fakes.store import MemoryStore

from gateway.model.stored import StoredSession
from gateway.model.tokens import NewDigest, Token

TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"d", status="active", policies=[], condition=None,
    issued_on=1, modified_on=1, pepper="p", older_digest=b"o",
)  # fmt: skip


async def test_a_token_is_found_by_either_of_its_digests() -> None:
    store = MemoryStore("a")
    await store.tokens.insert(TOKEN)
    assert await store.tokens.by_digest([b"d", b"o", b"x"]) == {b"d": TOKEN, b"o": TOKEN}
    assert await store.tokens.by_digest([b"o"]) == {b"o": TOKEN}
    await store.tokens.forget_older_digests()
    assert await store.tokens.by_digest([b"o"]) == {}


async def test_a_digest_is_renewed_only_where_it_is_still_the_one() -> None:
    store = MemoryStore("a")
    await store.tokens.insert(TOKEN)
    await store.tokens.renew_digests([NewDigest(b"gone", b"x", "q", None), NewDigest(b"d", b"n", "q", b"d")])
    assert store.all_tokens == {"t": replace(TOKEN, digest=b"n", pepper="q", older_digest=b"d")}


async def test_use_is_only_ever_later_and_sessions_end_with_their_token() -> None:
    store = MemoryStore("a")
    await store.tokens.insert(TOKEN)
    for moment in (5.0, 3.0):
        await store.tokens.touch({"t": moment, "gone": moment})
    assert store.all_tokens["t"].last_used_on == 5.0
    await store.sessions.insert(StoredSession(key=b"k", token_id="t", rolls=0, secure=True, opened_at=1, seen_at=1), 5)
    await store.tokens.delete("t")
    assert (store.all_tokens, store.all_sessions) == ({}, {})
