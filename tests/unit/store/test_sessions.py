"""In memory; both databases are asked in tests/contract/store."""

from fakes.store import MemoryStore

from gateway.model.stored import StoredSession
from gateway.model.tokens import Token
from gateway.store import tables
from gateway.store.tables import sessions

TOKEN = Token(
    id="t", account_id="a", kind="account", name="n", digest=b"d", status="active", policies=[], condition=None,
    issued_on=1, modified_on=1,
)  # fmt: skip


def session(key: bytes, opened_at: float) -> StoredSession:
    return StoredSession(key=key, token_id="t", rolls=0, secure=False, opened_at=opened_at, seen_at=opened_at)


def test_a_session_has_the_columns_of_its_row() -> None:
    assert {column.name for column in sessions.columns} == set(StoredSession.__dataclass_fields__)


async def test_the_newest_sessions_of_a_token_stay() -> None:
    store = MemoryStore("a")
    store.put(tables.tokens, TOKEN)
    for number in range(4):
        await store.sessions.insert(session(bytes([number]), number), 2)
    assert set(store.all_sessions) == {b"\x02", b"\x03"}
    await store.sessions.expire(2.5, 0.0)
    assert set(store.all_sessions) == {b"\x03"}
