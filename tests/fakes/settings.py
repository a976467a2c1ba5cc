"""Rows of settings, and the commands over a store in memory."""

from dataclasses import dataclass, field, replace

from fakes.control import MovableClock
from fakes.store import MemoryStore

from gateway.control.audit import Audit, Author
from gateway.control.changes.settings import SettingsChanges
from gateway.control.published import PublishedSettings
from gateway.control.publisher import Publisher
from gateway.control.seals import Seals
from gateway.control.vault import Vault
from gateway.model.gateways import Gateway, GatewayEntry
from gateway.model.stored import StoredCustomProvider, StoredKey

AUTHOR = Author("a", "t", "tester", "api_token", "192.0.2.1")
PLACE = ("a", "g")
GATEWAY = Gateway(account_id="a", id="g", internal_id="i", created_at=1, modified_at=1)
KEY = StoredKey(
    id="k", account_id="a", gateway_id="g", provider="openai", alias="default", default_config=True, sealed=b"", preview="",
    rate_limit=None, rate_limit_period=None, created_at=1, modified_at=1,
)  # fmt: skip
CUSTOM = StoredCustomProvider(
    id="c", account_id="a", name="n", slug="s", base_url="https://x.example", description=None, link=None, enable=True,
    beta=False, sealed_headers=None, curl_example=None, js_example=None, position=0, logo=None, created_at=1, modified_at=1,
)  # fmt: skip


@dataclass
class SettingsRig:
    """Account `a`, its gateway and nothing else; `publisher` has what edges would have."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore("a"))
    clock: MovableClock = field(default_factory=MovableClock)
    seals: Seals = field(default_factory=lambda: Seals(Vault(b"m" * 32)))

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.clock, expected_edges=0, revoke_timeout_s=1)
        self.published = PublishedSettings(self.publisher, self.seals)
        self.audit = Audit(self.store.audit, self.clock)
        self.changes = SettingsChanges(self.store, self.seals, self.publisher, self.audit, self.clock)

    async def fill(self) -> None:
        """The gateway with a key, and a custom provider with a header."""
        await self.store.gateways.insert(GATEWAY)
        await self.store.keys.insert(self.seals.seal_key(KEY, "sk-1"))
        await self.store.custom_providers.insert(self.seals.seal_headers(CUSTOM, {"x": "1"}))

    @property
    def entry(self) -> GatewayEntry:
        found = self.publisher.gateway("a", "g")
        assert found is not None
        return found

    @property
    def secrets(self) -> dict[str, str]:
        return {key.alias: key.secret for key in self.entry.keys}

    @property
    def told(self) -> list[tuple[str, str]]:
        """Action and resource of each entry of the audit log."""
        return [(entry.action, entry.resource_type) for entry in self.store.audited]


def other(key: StoredKey, alias: str) -> StoredKey:
    return replace(key, id=f"{key.id}-{alias}", alias=alias)
