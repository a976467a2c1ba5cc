"""Control as a whole: the API, the pages and the link on a unix socket, the ops pages on a listener of their own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.control.access import Access
from gateway.control.access_log import AccessLog
from gateway.control.answers import Handler, bare_heads, enveloped, refused
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
from gateway.model.faults import MISDIRECTED, STORE_DOWN
from gateway.model.records import LogRecord
from gateway.model.service import BOOTSTRAP_NAME, ControlConfig
from gateway.providers.pricing import PriceTable
from gateway.store.errors import StoreDown
from gateway.store.store import Store
from gateway.telemetry.loop_lag import LoopLag

_BODY_BYTES: Final = 1024 * 1024
"""Largest body of a management request."""
_ANY_HOST: Final = Hosts(())
_NAMED: Final = 20
"""Gateways that one line names at most."""

_log = logging.getLogger("gateway.control")


class Control:
    def __init__(self, config: ControlConfig, store: Store, clock: Clock, *, on_bootstrap: Callable[[str], None]) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._publisher = Publisher(clock, expected_edges=config.workers, revoke_timeout_s=config.revoke_timeout_s)
        peppers = (config.pepper, *config.older_peppers)
        self._peppers = Peppers(store.tokens, peppers)
        self._sessions = Sessions(store.sessions, clock, peppers, config.dashboard_url or config.public_url)
        self._access = Access(
            self._peppers,
            store.tokens,
            store.accounts,
            clock,
            self._sessions,
            OperatorCheck((config.master_key, *config.older_master_keys), clock),
        )
        self._audit = audit = Audit(store.audit, clock)
        vault = Vault(config.master_key, config.older_master_keys)
        self._seals = Seals(vault)
        self._changes = SettingsChanges(store, self._seals, self._publisher, audit, clock)
        self._recorder = Recorder(
            store.log,
            Rules(
                wanted=self._belongs,
                cost_of=PriceTable.packaged().cost_of,
                budget=DailyBudget(clock, config.unauthenticated_log_bytes).spend,
                body_bytes=config.log_body_bytes,
            ),
        )
        self._unauthenticated = UnauthenticatedRequests(store.callers, store.tokens, clock, self._peppers)
        self._janitor = Janitor(
            store,
            self._access,
            self._changes,
            self._unauthenticated,
            audit_keep_days=config.audit_keep_days,
        )
        self._rewrap = Rewrap(store, vault, self._changes.turn, audit)
        self._pepper_rotation = PepperRotation(store.facts, store.tokens, audit, self._peppers)
        self._bootstrap = Bootstrap(config, store, self._access, clock, audit, on_bootstrap)
        first_file = Path(config.data_dir or "/nonexistent", BOOTSTRAP_NAME)
        self._first_file = FirstTokenFile(first_file, store.facts, store.tokens, self._peppers, clock)
        steps = (KeyCheck.of(config, store.facts).run, self._bootstrap.run, self._changes.reload)
        self._opening = StoreOpening(store, steps, self._on_open)
        counters = self.counters = CounterSums()
        self._ops = Ops(self._publisher, self._recorder, counters, self._janitor, config.workers, lambda: self.opened)
        self._publisher.on_revoked = self._ops.revoked
        self._loop_lag = LoopLag(lambda seconds: counters.observe("event_loop_lag_seconds", seconds, "control"))
        self._trials = KeyTrials(self._publisher, audit)
        access_log = AccessLog(config.access_log_share)
        facts = Facts(self._recorder, counters, self._unauthenticated, access_log, self._trials)
        self.hub: LinkHandler = Hub(self._publisher, self._changes.gateways, store.tokens, self._access, facts)
        self._link = LinkServer(self.hub)
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Open the store, or go on trying in the background, and listen.

        Raises OSError when an address is taken, ValueError for a preset token that is none.
        """
        await self._opening.start()
        self._recorder.start()
        self._loop_lag.start()
        if self._config.control_socket:
            runner = await self._runner(self._api())
            await web.UnixSite(runner, self._config.control_socket).start()
            await asyncio.to_thread(Path(self._config.control_socket).chmod, 0o600)
        if self._config.ops_listen:
            host, _, port = self._config.ops_listen.rpartition(":")
            runner = await self._runner(self._application(self._ops.routes(), Hosts(self._config.ops_hosts, local=True)))
            await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()

    @property
    def addresses(self) -> list[object]:
        """Where it listens: the socket's path, and (host, port) of the ops listener."""
        return [address for runner in self._runners for address in runner.addresses]

    async def close(self) -> None:
        """End the links, then the listeners, write what is queued, close the store: `shutdown_s` at most for all."""
        step_s = self._config.shutdown_s / 5
        self._loop_lag.stop()
        await self._opening.close()
        await _within(step_s, self._link.close())
        for runner in self._runners:
            await _within(step_s, runner.cleanup())
        await self._recorder.close(step_s)
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

    def _api(self) -> web.Application:
        access, changes, queries = self._access, self._changes, Queries()
        store, clock, url = self._store, self._clock, self._config.public_url
        tokens = TokenChanges(changes.turn, store.tokens, self._publisher, self._audit, self._bootstrap)
        customs, private = store.custom_providers, self._config.allow_private_custom
        resources = (
            Gateways(access, store.gateways, changes.gateways, clock, url),
            ProviderKeys(access, store.gateways, store.keys, customs, changes.keys, clock),
            KeyTests(access, store.keys, self._trials),
            CustomProviders(access, customs, changes.custom_providers, self._seals, clock, allow_private=private),
            Logs(access, store.gateways, store.log, queries),
            Analytics(access, store.gateways, store.rollups, queries, clock),
            Unauthenticated(access, store.gateways, self._unauthenticated, queries),
            Tokens(access, store.tokens, tokens, clock),
            AuditLogs(access, store.accounts, store.audit),
            ServiceKeys(access, store.tokens, self._rewrap, self._pepper_rotation, clock),
            Accounts(access, store.accounts, changes.accounts, clock),
            SignIn(access, store.tokens, self._audit, self._sessions, clock, url if self._config.dashboard_url else ""),
        )
        routes = [route for resource in resources for route in resource.routes()]
        health = [web.get("/readyz", self._ops.readyz), web.get("/livez", self._ops.livez)]
        return self._application([*routes, *Pages().routes(), *health, web.get("/link", self._link.handle)])

    def _application(self, routes: list[web.RouteDef], hosts: Hosts = _ANY_HOST) -> web.Application:
        app = web.Application(client_max_size=_BODY_BYTES, middlewares=[enveloped, _named(hosts), self._gate])
        app.add_routes(routes)
        app.on_response_prepare.append(bare_heads)
        return app

    @property
    def _gate(self) -> Middleware:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self.opened and request.path.startswith("/client/"):
                return refused(STORE_DOWN)
            return await handler(request)

        return gate

    async def _runner(self, app: web.Application) -> web.AppRunner:
        # Bodies are not inflated: a compressed one is refused as no JSON, and no bomb can go off.
        runner = web.AppRunner(
            app, handle_signals=False, access_log=None, auto_decompress=False, shutdown_timeout=self._config.shutdown_s / 5
        )
        await runner.setup()
        self._runners.append(runner)
        return runner


def _named(hosts: Hosts) -> Middleware:
    """Refuses requests for other host names: a page whose name was made to lead here is told nothing."""

    @web.middleware
    async def named(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hosts.accept(request.headers.get("Host", "")):
            return refused(MISDIRECTED)
        return await handler(request)

    return named


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
