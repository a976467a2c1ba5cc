"""Changes of accounts."""

from gateway.control.audit import Audit, Author, Resource
from gateway.control.changes.turn import Turn
from gateway.control.documents import account_json
from gateway.control.published import PublishedSettings
from gateway.model.faults import CONFLICT, Refusal
from gateway.model.stored import Account
from gateway.store.accounts import AccountTable
from gateway.store.errors import Conflict


class AccountChanges:
    def __init__(self, turn: Turn, table: AccountTable, published: PublishedSettings, audit: Audit) -> None:
        self._turn = turn
        self._table = table
        self._published = published
        self._audit = audit

    async def create(self, account: Account, author: Author) -> None:
        resource = Resource("account", account.id, account.name, after=account_json(account))
        async with self._turn.taken():
            entry = self._audit.entry(author._replace(account_id=account.id), "create", resource)
            try:
                await self._audit.commit(entry, self._table.insert(account, entry))
            except Conflict:
                raise Refusal(CONFLICT) from None
            self._published.put_account(account.id)
