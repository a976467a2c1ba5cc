"""Changes of gateways."""

from collections.abc import Callable

from gateway.control.audit import Audit, Author, Resource, by_service
from gateway.control.changes.turn import Turn
from gateway.control.documents import gateway_json
from gateway.control.published import PublishedSettings
from gateway.kit.clock import Clock
from gateway.kit.ids import uuid4_text
from gateway.model.faults import CONFLICT, NOT_FOUND, Refusal
from gateway.model.gateways import DEFAULT_GATEWAY_ID, Gateway
from gateway.store.errors import Conflict
from gateway.store.gateways import GatewayTable


class GatewayChanges:
    def __init__(self, turn: Turn, table: GatewayTable, published: PublishedSettings, audit: Audit, clock: Clock) -> None:
        self._turn = turn
        self._table = table
        self._published = published
        self._audit = audit
        self._clock = clock

    async def create(self, gateway: Gateway, author: Author) -> None:
        async with self._turn.taken():
            entry = self._audit.entry(author, "create", _resource(gateway.id, after=gateway))
            try:
                await self._audit.commit(entry, self._table.insert(gateway, entry))
            except Conflict:
                raise Refusal(CONFLICT) from None
            self._published.put_gateway(gateway)

    async def update(self, place: tuple[str, str], change: Callable[[Gateway], Gateway], author: Author) -> Gateway:
        """`place`: account and gateway."""
        async with self._turn.taken():
            old = await self._one(place)
            gateway = change(old)
            entry = self._audit.entry(author, "update", _resource(gateway.id, before=old, after=gateway))
            await self._audit.commit(entry, self._table.update(gateway, entry))
            self._published.put_gateway(gateway)
        return gateway

    async def delete(self, place: tuple[str, str], author: Author) -> Gateway:
        async with self._turn.taken():
            gateway = await self._one(place)
            entry = self._audit.entry(author, "delete", _resource(gateway.id, before=gateway))
            await self._audit.commit(entry, self._table.delete(gateway.account_id, gateway.id, entry))
            self._published.remove_gateway(gateway)
        return gateway

    async def open_default(self, account_id: str) -> bool:
        """Create the account's `default` gateway unless it exists (section 4.3); False if there is no such account."""
        async with self._turn.taken():
            if self._published.has_gateway(account_id, DEFAULT_GATEWAY_ID):
                return True
            if not self._published.has_account(account_id):
                return False
            now = self._clock.wall()
            gateway = Gateway(
                account_id=account_id, id=DEFAULT_GATEWAY_ID, internal_id=uuid4_text(), created_at=now, modified_at=now
            )
            resource = Resource("gateway", gateway.id, gateway.id, after={"authentication": gateway.authentication})
            entry = self._audit.entry(by_service(account_id), "create", resource)
            try:
                await self._audit.commit(entry, self._table.insert(gateway, entry))
            except Conflict:
                gateway = await self._table.get(account_id, DEFAULT_GATEWAY_ID) or gateway
            self._published.put_gateway(gateway)
            return True

    async def _one(self, place: tuple[str, str]) -> Gateway:
        gateway = await self._table.get(*place)
        if gateway is None:
            raise Refusal(NOT_FOUND)
        return gateway


def _resource(gateway_id: str, *, before: Gateway | None = None, after: Gateway | None = None) -> Resource:
    states = [None if one is None else gateway_json(one) for one in (before, after)]
    return Resource("gateway", gateway_id, gateway_id, before=states[0], after=states[1])
