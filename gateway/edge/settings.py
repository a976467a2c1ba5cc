"""Settings on the edge: the snapshot control sends, compiled into one plan per gateway and swapped whole.

A request holds the plan it was given: a change reaches the next request and touches no stream under way.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.link.frames import Patch, Snapshot
from gateway.model.faults import UNKNOWN_GATEWAY, Refusal
from gateway.model.gateways import DEFAULT_GATEWAY_ID, AccountEntry, CustomProvider, Gateway, GatewayEntry, ProviderKey
from gateway.model.routes import REST_SURFACES, Route

if TYPE_CHECKING:
    from gateway.edge.exchange import Exchange

Phase = Callable[["Exchange"], Awaitable[None] | None]
NO_ALIAS: Final = ""
DEFAULT_ALIAS: Final = "default"
_NO_CUSTOM: Mapping[str, CustomProvider] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPlan:
    """All a request needs to know of its gateway, decided when the settings changed."""

    authentication: bool
    gateway: Gateway | None = None
    """None: not there (yet), or a surface that has none."""
    collect_logs: bool = False
    collect_log_payloads: bool = False
    phases: tuple[Phase, ...] = ()
    """Only what is switched on; empty for most."""
    keys: Mapping[tuple[str, str], ProviderKey] = field(default_factory=dict)
    """(provider, alias) → stored key; under the alias NO_ALIAS the one for requests that ask for none."""
    custom: Mapping[str, CustomProvider] = field(default_factory=dict)
    """slug → the account's custom providers, the disabled ones left out."""


_WITHOUT_GATEWAY = GatewayPlan(authentication=False)
"""Control, dashboard, ops: they check or open by themselves."""


def compile_plan(entry: GatewayEntry, custom: Mapping[str, CustomProvider]) -> GatewayPlan:
    """The plan of one gateway."""
    return GatewayPlan(
        authentication=entry.gateway.authentication,
        gateway=entry.gateway,
        collect_logs=entry.gateway.collect_logs,
        collect_log_payloads=entry.gateway.collect_log_payloads,
        keys=_keys(entry.keys),
        custom=custom,
    )


def _keys(keys: Sequence[ProviderKey]) -> dict[tuple[str, str], ProviderKey]:
    found = {(key.provider, key.alias): key for key in keys}
    for key in sorted(keys, key=lambda key: key.default):
        if key.default or key.alias == DEFAULT_ALIAS:
            found[key.provider, NO_ALIAS] = key
    return found


def refuse_unknown_gateway(_: "Exchange") -> None:
    raise Refusal(UNKNOWN_GATEWAY)


class Settings:
    """The holder of the newest snapshot. `open_default` is the phase that has a missing default gateway created."""

    def __init__(self, open_default: Phase) -> None:
        self.version = 0
        """0: none came yet."""
        self._entries: dict[tuple[str, str], GatewayEntry] = {}
        self._accounts: dict[str, Mapping[str, CustomProvider]] = {}
        self._plans: Mapping[tuple[str, str], GatewayPlan] = {}
        # Both are reached by authenticated requests only: strangers learn nothing and create nothing.
        self._missing_default = GatewayPlan(authentication=True, phases=(open_default,))
        self._missing = GatewayPlan(authentication=True, phases=(refuse_unknown_gateway,))

    def plan_for(self, route: Route) -> GatewayPlan:
        """The plan of the route's gateway. Raises UNKNOWN_GATEWAY on the gateway tree: there the gateway's own setting
        says whether a token is asked for, so the look-up comes first (specification section 2.2)."""
        if not route.account_id:
            return _WITHOUT_GATEWAY
        gateway = route.gateway_id or DEFAULT_GATEWAY_ID
        plan = self._plans.get((route.account_id, gateway))
        if plan is not None:
            return plan
        if gateway == DEFAULT_GATEWAY_ID:
            return self._missing_default
        if route.surface in REST_SURFACES:
            return self._missing
        raise Refusal(UNKNOWN_GATEWAY)

    def replace(self, snapshot: Snapshot) -> None:
        self._accounts = {entry.account_id: _enabled(entry) for entry in snapshot.accounts}
        self._entries = {(entry.gateway.account_id, entry.gateway.id): entry for entry in snapshot.gateways}
        self._plans = {key: self._compile(entry) for key, entry in self._entries.items()}
        self.version = snapshot.version

    def patch(self, patch: Patch) -> bool:
        """Apply a change; False when one before it is missing and a snapshot must be asked for."""
        if patch.version != self.version + 1:
            return patch.version <= self.version  # an older one is already part of the snapshot
        touched = {entry.account_id for entry in patch.accounts}
        for account in patch.accounts:
            self._accounts[account.account_id] = _enabled(account)
        for gone in patch.removed:
            self._entries.pop(gone, None)
        changed = {(entry.gateway.account_id, entry.gateway.id): entry for entry in patch.gateways}
        self._entries.update(changed)
        plans = {key: plan for key, plan in self._plans.items() if key in self._entries}
        for key, entry in self._entries.items():
            if key in changed or key[0] in touched:
                plans[key] = self._compile(entry)
        self._plans = plans
        self.version = patch.version
        return True

    def _compile(self, entry: GatewayEntry) -> GatewayPlan:
        return compile_plan(entry, self._accounts.get(entry.gateway.account_id, _NO_CUSTOM))


def _enabled(entry: AccountEntry) -> Mapping[str, CustomProvider]:
    return {custom.slug: custom for custom in entry.custom_providers if custom.enable}
