"""API tokens: known by digest only."""

import os
from dataclasses import replace

import pytest

from gateway.model.page import Page
from gateway.model.tokens import NewDigest
from gateway.store.errors import Conflict


async def test_every_field_of_a_token_survives(store, samples):
    full = samples.token()
    bare = samples.token(policies=[], condition=None, last_used_on=None, not_before=None, expires_on=None)
    for token in (full, bare):
        await store.tokens.insert(token)
        assert await store.tokens.get(token.id) == token
        assert await store.tokens.by_digest([token.digest, b"unknown"]) == {token.digest: token}
    assert await store.tokens.get("nothing") is None


@pytest.mark.parametrize("digest", [b"", b"\0" * 32, b"' OR ''='", os.urandom(65_536)])
async def test_an_unknown_digest_is_nobody(store, samples, digest):
    await store.tokens.insert(samples.token())
    assert await store.tokens.by_digest([digest]) == {}


async def test_ids_and_digests_are_unique(store, samples):
    token = samples.token()
    await store.tokens.insert(token)
    for clash in (samples.token(id=token.id), samples.token(digest=token.digest)):
        with pytest.raises(Conflict):
            await store.tokens.insert(clash)
    other = samples.token()
    await store.tokens.insert(other)
    with pytest.raises(Conflict):
        await store.tokens.update(replace(other, digest=token.digest))
    assert await store.tokens.get(other.id) == other


async def test_a_rolled_token_answers_to_its_new_digest_only(store, samples):
    token = samples.token()
    await store.tokens.insert(token)
    rolled = replace(token, digest=os.urandom(32), status="disabled", condition=None)
    await store.tokens.update(rolled)
    assert await store.tokens.by_digest([token.digest, rolled.digest]) == {rolled.digest: rolled}


async def test_a_deleted_token_is_gone(store, samples):
    token, other = samples.token(), samples.token()
    await store.tokens.insert(token)
    await store.tokens.insert(other)
    await store.tokens.delete(token.id)
    await store.tokens.delete(token.id)
    assert await store.tokens.by_digest([token.digest]) == {}
    assert await store.tokens.get(other.id) == other


async def test_tokens_are_listed_by_issue_date_kind_and_expiry(store, samples):
    await store.accounts.insert(samples.account(id="b" * 32))
    await store.tokens.insert(samples.token(account_id="b" * 32))
    for number, (kind, expires_on) in enumerate([("user", None), ("account", 50.0), ("account", 100.0), ("user", 150.0)]):
        await store.tokens.insert(samples.token(name=str(number), kind=kind, issued_on=float(number), expires_on=expires_on))

    async def names(page=Page(), **how):
        rows, count = await store.tokens.page(samples.account_id, page, **how)
        return [token.name for token in rows], count

    assert await names() == (["3", "2", "1", "0"], 4)
    assert await names(descending=False) == (["0", "1", "2", "3"], 4)
    assert await names(kind="user") == (["3", "0"], 2)
    assert await names(expired_before=100.0) == (["3", "2", "0"], 3)
    assert await names(kind="account", expired_before=120.0) == ([], 0)
    assert await names(Page(page=2, per_page=3)) == (["0"], 4)
    assert await names(Page(page=1, per_page=3)) == (["3", "2", "1"], 4)


async def test_last_use_only_moves_forward(store, samples):
    fresh, used = samples.token(last_used_on=None), samples.token(last_used_on=500.0)
    await store.tokens.insert(fresh)
    await store.tokens.insert(used)
    await store.tokens.touch({fresh.id: 100.5, used.id: 400.0, "unknown": 1.0})
    assert (await store.tokens.get(fresh.id)).last_used_on == 100.5
    assert (await store.tokens.get(used.id)).last_used_on == 500.0
    await store.tokens.touch({used.id: 600.0})
    assert await store.tokens.get(used.id) == replace(used, last_used_on=600.0)
    await store.tokens.touch({})


async def test_the_tokens_that_some_made(store, samples):
    made = [samples.token(maker_id=maker) for maker in ("one", "one", "two", "three")]
    for token in made:
        await store.tokens.insert(token)
    found = await store.tokens.made_by(["one", "two"])
    assert {token.id for token in found} == {token.id for token in made[:3]}
    assert await store.tokens.made_by([]) == []


async def test_a_token_is_found_by_both_its_digests(store, samples):
    token = samples.token(digest=b"new", pepper="n", older_digest=b"old")
    await store.tokens.insert(token)
    await store.tokens.insert(samples.token(older_digest=None))
    await store.tokens.insert(samples.token(older_digest=None))
    assert await store.tokens.by_digest([b"old"]) == {b"old": token}
    assert await store.tokens.by_digest([b"new", b"old", b"x"]) == {b"new": token, b"old": token}
    with pytest.raises(Conflict):
        await store.tokens.insert(samples.token(older_digest=b"old"))
    await store.tokens.forget_older_digests()
    assert await store.tokens.by_digest([b"old"]) == {}
    assert await store.tokens.by_digest([b"new"]) == {b"new": replace(token, older_digest=None)}


async def test_new_digests_go_to_those_that_have_the_old_one_still(store, samples):
    seen, rolled, gone, other = (samples.token(digest=name, pepper="o") for name in (b"a", b"b", b"c", b"d"))
    for token in (seen, rolled, gone, other):
        await store.tokens.insert(token)
    await store.tokens.update(replace(rolled, digest=b"rolled"))
    await store.tokens.delete(gone.id)
    await store.tokens.renew_digests([NewDigest(was, was + b"2", "n", was) for was in (b"a", b"b", b"c")])
    found = await store.tokens.by_digest([b"a", b"a2", b"b", b"b2", b"c", b"c2", b"d", b"rolled"])
    after = replace(seen, digest=b"a2", pepper="n", older_digest=b"a")
    assert found == {b"a": after, b"a2": after, b"d": other, b"rolled": replace(rolled, digest=b"rolled")}


async def test_tokens_are_counted_by_pepper_until_they_expire(store, samples):
    for pepper, expires_on in (("n", None), ("o", None), ("o", 101.0), ("o", 100.0), ("x", 50.0)):
        await store.tokens.insert(samples.token(pepper=pepper, expires_on=expires_on))
    assert await store.tokens.count_by_pepper(100.0) == {"n": 1, "o": 2}
