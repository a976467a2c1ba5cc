"""Control as a whole: the API, the pages and the link on a unix socket, the ops pages on a listener of their own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.control.access import Access
from gateway.control.access_log import AccessLog
from gateway.control.api.accounts import Accounts
from gateway.control.api.analytics import Analytics
from gateway.control.api.audit import AuditLogs
from gateway.control.api.custom_providers import CustomProviders
from gateway.control.api.gateways import Gateways
from gateway.control.api.key_tests import KeyTests
from gateway.control.api.logs import Logs
from gateway.control.api.provider_keys import ProviderKeys
from gateway.control.api.service_keys import ServiceKeys
from gateway.control.api.sessions import SignIn
from gateway.control.api.tokens import Tokens
from gateway.control.api.unauthenticated import Unauthenticated
from gateway.control.audit import Audit
from gateway.control.bootstrap import Bootstrap
from gateway.control.budget import DailyBudget
from gateway.control.changes.settings import SettingsChanges
from gateway.control.changes.tokens import TokenChanges
from gateway.control.counters import CounterSums
from gateway.control.first_file import FirstTokenFile
from gateway.control.hub import Facts, Hub
from gateway.control.janitor import Janitor
from gateway.control.key_check import KeyCheck
from gateway.control.key_trials import KeyTrials
from gateway.control.listeners import Listeners
from gateway.control.opening import StoreOpening
from gateway.control.ops import Ops
from gateway.control.pages import Pages
from gateway.control.peppers import Peppers
from gateway.control.publisher import Publisher
from gateway.control.queries import Queries
from gateway.control.recorder import Recorder, Rules
from gateway.control.rewrap import Rewrap
from gateway.control.rotations import PepperRotation
from gateway.control.seals import Seals
from gateway.control.sessions import Sessions
from gateway.control.unauthenticated import UnauthenticatedRequests
from gateway.control.vault import Vault
from gateway.kit.clock import Clock
from gateway.kit.hosts import Hosts
from gateway.kit.operator import OperatorCheck
from gateway.link.port import LinkHandler
from gateway.link.server import LinkServer
from gateway.model.records import LogRecord
from gateway.model.service import BOOTSTRAP_NAME, ControlConfig
from gateway.providers.pricing import PriceTable
from gateway.store.errors import StoreDown
from gateway.store.store import Store
from gateway.telemetry.loop_lag import LoopLag

_NAMED: Final = 20
"""Gateways that one line names at most."""

_log = logging.getLogger("gateway.control")


class Control:
    def __init__(self, config: ControlConfig, store: Store, clock: Clock, *, on_bootstrap: Callable[[str], None]) -> None:
        self._config = config
        self._store = store
        self._publisher = Publisher(clock, expected_edges=config.workers, revoke_timeout_s=config.revoke_timeout_s)
        peppers = (config.pepper, *config.older_peppers)
        self._peppers = Peppers(store.tokens, peppers)
        sessions = Sessions(store.sessions, clock, peppers, config.dashboard_url or config.public_url)
        self._access = Access(
            self._peppers,
            store.tokens,
            store.accounts,
            clock,
            sessions,
            OperatorCheck((config.master_key, *config.older_master_keys), clock),
        )
        self._audit = audit = Audit(store.audit, clock)
        vault = Vault(config.master_key, config.older_master_keys)
        self._seals = Seals(vault)
        self._changes = SettingsChanges(store, self._seals, self._publisher, audit, clock)
        recorder = Recorder(
            store.log,
            Rules(
                wanted=self._belongs,
                cost_of=PriceTable.packaged().cost_of,
                budget=DailyBudget(clock, config.unauthenticated_log_bytes).spend,
                body_bytes=config.log_body_bytes,
            ),
        )
        unauthenticated = UnauthenticatedRequests(store.callers, store.tokens, clock, self._peppers)
        self._janitor = Janitor(
            store,
            self._access,
            self._changes,
            unauthenticated,
            audit_keep_days=config.audit_keep_days,
        )
        self._rewrap = Rewrap(store, vault, self._changes.turn, audit)
        self._pepper_rotation = PepperRotation(store.facts, store.tokens, audit, self._peppers)
        bootstrap = Bootstrap(config, store, self._access, clock, audit, on_bootstrap)
        self._tokens = TokenChanges(self._changes.turn, store.tokens, self._publisher, audit, bootstrap)
        first_file = Path(config.data_dir or "/nonexistent", BOOTSTRAP_NAME)
        self._first_file = FirstTokenFile(first_file, store.facts, store.tokens, self._peppers, clock)
        steps = (KeyCheck.of(config, store.facts).run, bootstrap.run, self._changes.reload)
        self._opening = StoreOpening(store, steps, self._on_open)
        counters = CounterSums()
        self._ops = Ops(self._publisher, recorder, counters, self._janitor, config.workers, lambda: self.opened)
        self._publisher.on_revoked = self._ops.revoked
        self._loop_lag = LoopLag(lambda seconds: counters.observe("event_loop_lag_seconds", seconds, "control"))
        trials = KeyTrials(self._publisher, audit)
        access_log = AccessLog(config.access_log_share)
        self._facts = Facts(recorder, counters, unauthenticated, access_log, trials)
        self.hub: LinkHandler = Hub(self._publisher, self._changes.gateways, store.tokens, self._access, self._facts)
        self._link = LinkServer(self.hub)
        self._listeners = Listeners(lambda: self.opened, config.shutdown_s / 5, config.header_bytes)

    async def start(self) -> None:
        """Open the store, or go on trying in the background, and listen.

        Raises OSError when an address is taken, ValueError for a preset token that is none.
        """
        await self._opening.start()
        self._facts.recorder.start()
        self._loop_lag.start()
        if self._config.control_socket:
            await self._listeners.listen_unix(self._config.control_socket, self._api())
        if self._config.ops_listen:
            hosts = Hosts(self._config.ops_hosts, local=True)
            await self._listeners.listen_tcp(self._config.ops_listen, self._ops.routes(), hosts)

    @property
    def counters(self) -> CounterSums:
        return self._facts.counters

    @property
    def addresses(self) -> list[object]:
        """Where it listens: the socket's path, and (host, port) of the ops listener."""
        return self._listeners.addresses

    async def close(self) -> None:
        """End the links, then the listeners, write what is queued, close the store: `shutdown_s` at most for all."""
        step_s = self._config.shutdown_s / 5
        self._loop_lag.stop()
        await self._opening.close()
        await _within(step_s, self._link.close())
        for runner in self._listeners.runners:
            await _within(step_s, runner.cleanup())
        await self._facts.recorder.close(step_s)
        await self._rewrap.close()
        await self._pepper_rotation.close()
        await self._first_file.close()
        await _within(step_s / 2, self._peppers.close())
        if self.opened:
            await self._janitor.close(step_s / 2)
        await _within(step_s / 2, self._store.close())

    # --- the store

    @property
    def opened(self) -> bool:
        """The store was opened and the settings loaded; until then the API answers 503."""
        return self._opening.done

    def _belongs(self, record: LogRecord) -> bool:
        """Records that come in after their gateway was deleted go with it (section 4.4); a full log takes none."""
        place = (record.account_id, record.gateway_id)
        return not self._publisher.loaded or (
            self._publisher.gateway(*place) is not None and place not in self._janitor.retention.full
        )

    def _on_open(self) -> None:
        if unguarded := [entry.gateway.id for entry in self._publisher.gateways if not entry.gateway.authentication]:
            _log.warning("%d gateways ask for no token: %s", len(unguarded), ", ".join(unguarded[:_NAMED]))
        self._janitor.start()
        self._rewrap.start()
        self._pepper_rotation.start()
        self._first_file.start()

    # --- the web

    def _api(self) -> list[web.RouteDef]:
        access, changes, queries = self._access, self._changes, Queries()
        store, clock, url = self._store, changes.clock, self._config.public_url
        customs, private = store.custom_providers, self._config.allow_private_custom
        resources = (
            Gateways(access, store.gateways, changes.gateways, clock, url),
            ProviderKeys(access, store.gateways, store.keys, customs, changes.keys, clock),
            KeyTests(access, store.keys, self._facts.trials),
            CustomProviders(access, customs, changes.custom_providers, self._seals, clock, allow_private=private),
            Logs(access, store.gateways, store.log, queries),
            Analytics(access, store.gateways, store.rollups, queries, clock),
            Unauthenticated(access, store.gateways, self._facts.unauthenticated, queries),
            Tokens(access, store.tokens, self._tokens, clock),
            AuditLogs(access, store.accounts, store.audit),
            ServiceKeys(access, store.tokens, self._rewrap, self._pepper_rotation, clock),
            Accounts(access, store.accounts, changes.accounts, clock),
            SignIn(access, store.tokens, self._audit, access.sessions, clock, url if self._config.dashboard_url else ""),
        )
        routes = [route for resource in resources for route in resource.routes()]
        health = [web.get("/readyz", self._ops.readyz), web.get("/livez", self._ops.livez)]
        return [*routes, *Pages().routes(), *health, web.get("/link", self._link.handle)]


async def _within(seconds: float, work: Awaitable[None]) -> None:
    """Await the work for so long at most; what remains undone is left to the end of the process."""
    with suppress(TimeoutError), _told():
        async with asyncio.timeout(seconds):
            await work


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        _log.warning("a step of the shutdown took too long")
        raise
    except StoreDown as error:
        _log.warning("the store did not close: %s", error)
