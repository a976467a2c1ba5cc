"""Changes of tokens. Every edge forgets what one was known by before the answer leaves, and the answer says how that went."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from gateway.control.answers import invalid
from gateway.control.audit import Audit, Author, Resource
from gateway.control.bootstrap import Bootstrap
from gateway.control.changes.turn import Turn
from gateway.control.documents import token_json
from gateway.control.grants import MOST_MAKERS, dependants, makers_in_a_row
from gateway.control.publisher import Publisher, Revocation
from gateway.model.faults import NOT_FOUND, Refusal
from gateway.model.tokens import Token
from gateway.store.errors import StoreDown
from gateway.store.tokens import TokenTable


class Place(NamedTuple):
    """Where a token is looked for."""

    account_id: str
    kind: str
    token_id: str


class TokenChanges:
    def __init__(self, turn: Turn, table: TokenTable, publisher: Publisher, audit: Audit, bootstrap: Bootstrap) -> None:
        self._turn = turn
        self._table = table
        self._publisher = publisher
        self._audit = audit
        self._bootstrap = bootstrap

    async def create(self, token: Token, author: Author) -> None:
        async with self._turn.taken():
            if await makers_in_a_row(self._table, token) > MOST_MAKERS:
                raise invalid(f"Expected no more than {MOST_MAKERS} makers in a row", "body", "outlives_maker")
            entry = self._audit.entry(author, "create", _resource(token, after=token))
            await self._audit.commit(entry, self._table.insert(token, entry))
            ended = await self._bootstrap.succeeded_by(token)
        if ended:
            await self._publisher.revoke_all(ended)

    async def update(
        self, place: Place, action: str, change: Callable[[Token], Awaitable[Token]], author: Author
    ) -> tuple[Token, Revocation]:
        """`change`: from the token, as it is now, to the one it is to be; may refuse. `action`: `update` or `roll`."""
        async with self._turn.taken():
            old = await self._one(place)
            changed = await change(old)
            entry = self._audit.entry(author, action, _resource(changed, before=old, after=changed))
            ended = await self._commit(old, self._audit.commit(entry, self._table.update(changed, entry)))
        return changed, await self._publisher.revoke_all(ended)

    async def delete(self, place: Place, judge: Callable[[Token], None], author: Author) -> tuple[Token, Revocation]:
        """`judge` may refuse."""
        async with self._turn.taken():
            old = await self._one(place)
            judge(old)
            entry = self._audit.entry(author, "delete", _resource(old, before=old))
            ended = await self._commit(old, self._audit.commit(entry, self._table.delete(old.id, entry)))
        return old, await self._publisher.revoke_all(ended)

    async def _commit(self, old: Token, writing: Coroutine[Any, Any, None]) -> Sequence[bytes]:
        """Write; the digests the edges must forget: the token's own and those of all that depend on it. If nobody knows
        whether the write happened, they forget them all the same and ask again."""
        with closing(writing):
            ended = [digest for token in (old, *await dependants(self._table, old.id)) for digest in token.known_by]
            try:
                await writing
            except StoreDown:
                await self._publisher.revoke_all(ended)
                raise
        return ended

    async def _one(self, place: Place) -> Token:
        token = await self._table.get(place.token_id)
        if token is None or (token.account_id, token.kind) != (place.account_id, place.kind):
            raise Refusal(NOT_FOUND)
        return token


def _resource(token: Token, *, before: Token | None = None, after: Token | None = None) -> Resource:
    states = [None if one is None else token_json(one) for one in (before, after)]
    return Resource("token", token.id, token.name, before=states[0], after=states[1])
