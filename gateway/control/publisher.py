"""Settings flow down: the state every edge must have, the version it has, and the frames that carry changes there.

Rules of this file: state changes are synchronous, so what an edge is sent is always in order. A change is published after
the store committed it. A revocation is acknowledged: `revoke` ends when every edge has confirmed or the time is up.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.kit.clock import Clock
from gateway.link.frames import Patch, Revoke, Snapshot
from gateway.link.port import EdgeConnection
from gateway.model.gateways import AccountEntry, GatewayEntry

_log = logging.getLogger("gateway.publisher")


@dataclass(frozen=True, slots=True)
class Revocation:
    """How a revocation went."""

    confirmed: int
    missing: tuple[str, ...]
    """Edges that did not confirm in time; an edge expected but not connected counts as `unconnected`."""
    seconds: float

    def shown(self) -> str:
        """The extension header's value; seconds to the millisecond."""
        return f"confirmed={self.confirmed}; missing={len(self.missing)}; seconds={self.seconds:.3f}"


@dataclass(slots=True)
class _Edge:
    connection: EdgeConnection
    worker: str = ""
    wants_snapshot: bool = False
    """It asked before the settings were loaded."""
    synced: bool = False
    """It was sent a snapshot on this connection, so patches apply."""
    version: int = 0
    """The settings it last said to have; 0 before its first receipt."""


@dataclass(slots=True, eq=False)
class _Wait:
    waiting_for: set[str]
    confirmed: int = 0
    missing: list[str] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self, edge_id: str, *, confirmed: bool) -> None:
        if edge_id not in self.waiting_for:
            return
        self.waiting_for.discard(edge_id)
        if confirmed:
            self.confirmed += 1
        else:
            self.missing.append(edge_id)
        if not self.waiting_for:
            self.done.set()


class Publisher:
    def __init__(self, clock: Clock, *, expected_edges: int, revoke_timeout_s: float) -> None:
        self._clock = clock
        self._expected = expected_edges
        self._revoke_timeout_s = revoke_timeout_s
        # Differs from the version of any earlier control process, so an edge that outlived it cannot seem up to date.
        self.version = int(clock.wall() * 1000)
        self.loaded = False
        self.revocations = 0
        """Grows with each revocation: an answer about a token is stale if this moved while it was looked up."""
        self.on_revoked: Callable[[Revocation], None] = lambda _: None
        """Told of each revocation when it is over."""
        self._accounts: dict[str, AccountEntry] = {}
        self._gateways: dict[tuple[str, str], GatewayEntry] = {}
        self._edges: dict[str, _Edge] = {}
        self._waits: dict[bytes, list[_Wait]] = {}

    # --- settings

    def load(self, accounts: Iterable[AccountEntry], gateways: Iterable[GatewayEntry]) -> None:
        """Take everything from the store; edges that are connected get it whole."""
        self._accounts = {entry.account_id: entry for entry in accounts}
        self._gateways = {(entry.gateway.account_id, entry.gateway.id): entry for entry in gateways}
        self.version += 1
        self.loaded = True
        for edge in self._edges.values():
            if edge.synced or edge.wants_snapshot:
                self._send_snapshot(edge)

    @property
    def accounts(self) -> Mapping[str, AccountEntry]:
        return self._accounts

    @property
    def gateways(self) -> Iterable[GatewayEntry]:
        return self._gateways.values()

    def gateway(self, account_id: str, gateway_id: str) -> GatewayEntry | None:
        return self._gateways.get((account_id, gateway_id))

    def put_account(self, entry: AccountEntry) -> None:
        self._accounts[entry.account_id] = entry
        self._patch(accounts=(entry,))

    def put_gateway(self, entry: GatewayEntry) -> None:
        self._gateways[entry.gateway.account_id, entry.gateway.id] = entry
        self._patch(gateways=(entry,))

    def remove_gateway(self, account_id: str, gateway_id: str) -> None:
        self._gateways.pop((account_id, gateway_id), None)
        self._patch(removed=((account_id, gateway_id),))

    def _patch(
        self,
        *,
        accounts: tuple[AccountEntry, ...] = (),
        gateways: tuple[GatewayEntry, ...] = (),
        removed: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.version += 1
        patch = Patch(version=self.version, accounts=accounts, gateways=gateways, removed=removed)
        for edge in self._edges.values():
            if edge.synced:
                edge.connection.send(patch)

    # --- edges

    @property
    def connected(self) -> int:
        return len(self._edges)

    @property
    def ready(self) -> int:
        """Edges that said they have the settings."""
        return sum(edge.version > 0 for edge in self._edges.values())

    def joined(self, connection: EdgeConnection) -> None:
        self._edges[connection.edge_id] = _Edge(connection)

    def left(self, connection: EdgeConnection) -> None:
        edge = self._edges.get(connection.edge_id)
        if edge is None or edge.connection is not connection:
            return
        del self._edges[connection.edge_id]
        for waits in list(self._waits.values()):
            for wait in waits:
                wait.settle(connection.edge_id, confirmed=False)

    def is_ready(self, connection: EdgeConnection, worker: str, version: int) -> None:
        """An edge says where it is: the first word on a connection, or 0, gets a snapshot; later ones are receipts."""
        edge = self._edges.get(connection.edge_id)
        if edge is None:
            return
        edge.worker = worker
        if version == 0 or not edge.synced:
            self._send_snapshot(edge)
        else:
            edge.version = version

    def ensure_synced(self, connection: EdgeConnection) -> None:
        """Before an answer that promises settings: the edge has them, or is sent them now."""
        edge = self._edges.get(connection.edge_id)
        if edge is not None and not edge.synced:
            self._send_snapshot(edge)

    def _send_snapshot(self, edge: _Edge) -> None:
        edge.wants_snapshot = not self.loaded
        if self.loaded:
            snapshot = Snapshot(self.version, tuple(self._accounts.values()), tuple(self._gateways.values()))
            edge.synced = True
            edge.synced = edge.connection.send(snapshot)

    def any_edge(self) -> EdgeConnection | None:
        """One that has the settings."""
        return next((edge.connection for edge in self._edges.values() if edge.version), None)

    # --- revocation

    async def revoke(self, digest: bytes) -> Revocation:
        """Have every edge forget the token; returns when all have said so, or `revoke_timeout_s` has passed."""
        started = self._clock.monotonic()
        self.revocations += 1
        wait = _Wait(set(self._edges))
        wait.missing.extend(["unconnected"] * max(0, self._expected - len(self._edges)))
        self._waits.setdefault(digest, []).append(wait)
        for edge_id, edge in list(self._edges.items()):
            if not edge.connection.send(Revoke(digest)):
                wait.settle(edge_id, confirmed=False)
        try:
            if wait.waiting_for:
                await asyncio.wait_for(wait.done.wait(), self._revoke_timeout_s)
        except TimeoutError:
            _log.warning("%d edges did not confirm a revocation in time", len(wait.waiting_for))
        finally:
            self._forget(digest, wait)
        missing = (*wait.missing, *sorted(wait.waiting_for))
        revocation = Revocation(wait.confirmed, missing, self._clock.monotonic() - started)
        self.on_revoked(revocation)
        return revocation

    async def revoke_all(self, digests: Iterable[bytes]) -> Revocation:
        """Several at once, told as one: as many confirmed as confirmed all of them."""
        each = await asyncio.gather(*map(self.revoke, digests))
        missing = max((one.missing for one in each), key=len)
        return Revocation(min(one.confirmed for one in each), missing, max(one.seconds for one in each))

    def _forget(self, digest: bytes, wait: _Wait) -> None:
        waits = self._waits[digest]
        waits.remove(wait)
        if not waits:
            del self._waits[digest]

    def revoked(self, connection: EdgeConnection, digest: bytes) -> None:
        """An edge's word that it has forgotten the token. It answers for every revocation sent to it so far."""
        for wait in self._waits.get(digest, ()):
            wait.settle(connection.edge_id, confirmed=True)
