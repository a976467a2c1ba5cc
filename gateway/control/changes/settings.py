"""All that edges have: the commands for each kind of setting, and reading everything again."""

from gateway.control.audit import Audit
from gateway.control.changes.accounts import AccountChanges
from gateway.control.changes.custom_providers import CustomProviderChanges
from gateway.control.changes.gateways import GatewayChanges
from gateway.control.changes.keys import KeyChanges
from gateway.control.changes.turn import Turn
from gateway.control.published import PublishedSettings
from gateway.control.publisher import Publisher
from gateway.control.seals import Seals
from gateway.kit.clock import Clock
from gateway.store.store import Store


class SettingsChanges:
    def __init__(self, store: Store, seals: Seals, publisher: Publisher, audit: Audit, clock: Clock) -> None:
        turn, published = Turn(), PublishedSettings(publisher, seals)
        self.turn = turn
        self.publisher = publisher
        self.clock = clock
        self.accounts = AccountChanges(turn, store.accounts, published, audit)
        self.gateways = GatewayChanges(turn, store.gateways, published, audit, clock)
        self.keys = KeyChanges(turn, store.gateways, store.keys, published, seals, audit)
        self.custom_providers = CustomProviderChanges(turn, store.custom_providers, store.keys, published, seals, audit)
        self._store = store
        self._published = published

    async def reload(self) -> None:
        """Read all settings and send them to every edge. Raises StoreDown."""
        store = self._store
        async with self.turn.taken():
            accounts, providers = await store.accounts.all(), await store.custom_providers.all()
            gateways, keys = await store.gateways.all(), await store.keys.all()
            self.turn.stale = False
            self._published.load(accounts, gateways, keys, providers)
