"""Dashboard sessions in the store: bounded for each token, gone with it, and after their time."""

from dataclasses import replace

from gateway.model.stored import StoredSession

T0 = 1_700_000_000.0


def session(key: str, token_id: str, *, opened_at: float = T0, seen_at: float = T0) -> StoredSession:
    return StoredSession(key=key.encode(), token_id=token_id, rolls=0, secure=True, opened_at=opened_at, seen_at=seen_at)


async def test_a_session_is_found_by_its_key(store, samples):
    one = session("a", "t")
    await store.sessions.insert(one, 20)
    assert await store.sessions.get(b"a") == one
    assert await store.sessions.get(b"b") is None
    await store.sessions.delete(b"a")
    await store.sessions.delete(b"a")
    assert await store.sessions.get(b"a") is None


async def test_the_oldest_of_the_same_token_goes_and_never_anothers(store, samples):
    await store.sessions.insert(session("administrator", "admin", opened_at=1.0), 3)
    for number in range(10):
        await store.sessions.insert(session(f"s{number}", "t", opened_at=T0 + number), 3)
    alive = [number for number in range(10) if await store.sessions.get(f"s{number}".encode())]
    assert alive == [7, 8, 9]
    assert await store.sessions.get(b"administrator") is not None


async def test_use_is_written_and_only_forward(store, samples):
    for key in ("a", "b"):
        await store.sessions.insert(session(key, "t"), 20)
    await store.sessions.touch({b"a": T0 + 5, b"b": T0 - 5, b"gone": T0})
    assert [(await store.sessions.get(key)).seen_at for key in (b"a", b"b")] == [T0 + 5, T0]


async def test_they_expire_by_age_and_by_silence(store, samples):
    await store.sessions.insert(session("old", "t", opened_at=T0 - 100, seen_at=T0), 20)
    await store.sessions.insert(session("silent", "t", opened_at=T0, seen_at=T0 - 100), 20)
    await store.sessions.insert(session("alive", "t"), 20)
    await store.sessions.expire(T0 - 50, T0 - 50)
    assert [await store.sessions.get(key) is not None for key in (b"old", b"silent", b"alive")] == [False, False, True]


async def test_they_go_with_their_token(store, samples):
    token = samples.token()
    await store.tokens.insert(token)
    await store.sessions.insert(session("mine", token.id), 20)
    await store.sessions.insert(replace(session("other", "another")), 20)
    await store.tokens.delete(token.id)
    assert await store.sessions.get(b"mine") is None
    assert await store.sessions.get(b"other") is not None
