"""Promise: whatever the store raises, nobody it did not vouch for is let in, nobody is told 401 for it, and who is known goes
on (1, 2): every kind of exception its drivers have, as the store passes it on and as it would be if it did not.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain

import asyncpg
import pytest
import sqlalchemy.exc
from fakes.control import running_control
from fakes.edge import ACCOUNT, RunningEdge, gateway
from fakes.provider import FakeProvider
from fakes.store import MemoryStore

from gateway.control.permissions import PERMISSION_GROUPS
from gateway.link.loopback import loopback
from gateway.link.port import EdgeLink, LinkHandler, OnFrame
from gateway.model.tokens import Permission, Token, mint_token
from gateway.store.border import border
from gateway.store.errors import Conflict, StoreDown

RUN = next(group for group in PERMISSION_GROUPS if group.name == Permission.RUN)
DRIVERS = frozenset({"builtins", "sqlite3", "sqlalchemy", "asyncpg", "asyncio"})
OTHERS = (StoreDown, Conflict, RuntimeError, KeyError, ValueError, MemoryError, RecursionError, AssertionError, EOFError)


def kinds(root: type[BaseException]) -> Iterator[type[BaseException]]:
    if root.__module__.partition(".")[0] in DRIVERS:
        yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


ROOTS = (sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
KINDS = sorted({*chain(*map(kinds, ROOTS)), *OTHERS}, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


def made(kind: type[BaseException]) -> BaseException:
    """Some want arguments that only their library has."""
    try:
        return kind("a text")
    except (TypeError, AttributeError):
        return kind.__new__(kind, "a text")


class BrokenStore(MemoryStore):
    """Raises what it is told to when it is asked about a token."""

    error: BaseException | None = None
    translated = True

    def __init__(self) -> None:
        super().__init__(ACCOUNT)
        self._by_digest, self.tokens.by_digest = self.tokens.by_digest, self._broken  # type: ignore[method-assign]

    async def _broken(self, digests: Sequence[bytes]) -> dict[bytes, Token]:
        if self.error is not None:
            if not self.translated:
                raise self.error
            with border():
                raise self.error
        return await self._by_digest(digests)


class EdgeOfControl(RunningEdge):
    """An edge that asks a real control, in the same loop."""

    def __init__(self, control: LinkHandler, provider: FakeProvider) -> None:
        self._control = control
        super().__init__(providers={"openai": provider.origin + "/v1"})

    async def _connect(self, on_frame: OnFrame) -> EdgeLink:
        return await loopback(self._control, ask_timeout_s=1.0)(on_frame)

    async def status(self, token: str) -> int:
        headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer sk-x"}
        answer = await self.ask("POST", self.native("g1", "openai/x"), headers, b"{}")
        assert (answer.status == 503) is (answer.header("retry-after") is not None)
        return answer.status


def stored(token_id: str, value: str) -> Token:
    policies = [
        {
            "effect": "allow",
            "permission_groups": [{"id": RUN.id}],
            "resources": {f"com.cloudflare.api.account.{ACCOUNT}": "*"},
        }
    ]
    return Token(
        id=token_id, account_id=ACCOUNT, kind="account", name="n", digest=RunningEdge.digest(value), status="active",
        policies=policies, condition=None, issued_on=1, modified_on=1,
    )  # fmt: skip


def test_the_drivers_have_many_kinds() -> None:
    assert len(KINDS) > 200
    assert {sqlite3.OperationalError, asyncpg.CannotConnectNowError, sqlalchemy.exc.DBAPIError, BrokenPipeError} <= set(KINDS)


@pytest.mark.parametrize("translated", [True, False], ids=["as the store raises it", "untranslated"])
async def test_no_error_is_a_verdict(provider: FakeProvider, translated: bool) -> None:
    store = BrokenStore()
    store.translated = translated
    known, unseen, invented = mint_token(), mint_token(), mint_token()
    await store.tokens.insert(stored("known", known))
    await store.tokens.insert(stored("unseen", unseen))
    async with running_control(store, account_id=ACCOUNT) as rig:
        await rig.make_gateway(gateway("g1").gateway.id, account=ACCOUNT)
        async with EdgeOfControl(rig.control.hub, provider) as edge:
            assert await edge.status(known) == 200
            for kind in (*KINDS, asyncio.CancelledError):
                store.error = made(kind)
                found = [await edge.status(token) for token in (invented, unseen, known)]
                assert found == [503, 503, 200], kind
            assert len(provider.requests) == 1 + len(KINDS) + 1
            store.error = None
            assert [await edge.status(token) for token in (invented, unseen, known)] == [401, 200, 200]
