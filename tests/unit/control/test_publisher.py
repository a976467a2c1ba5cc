"""Versions, patches, and revocations that every edge confirms."""

import asyncio

import pytest
from fakes.control import MovableClock
from fakes.link import FakeEdgeConnection

from gateway.control.publisher import Publisher, Revocation
from gateway.kit.aio import spawn
from gateway.link.frames import Patch, Revoke, Snapshot
from gateway.model.gateways import AccountEntry, Gateway, GatewayEntry

DIGEST = b"d" * 32


def _publisher(expected: int = 0, timeout_s: float = 5.0) -> Publisher:
    return Publisher(MovableClock(), expected_edges=expected, revoke_timeout_s=timeout_s)


def _entry(name: str = "g") -> GatewayEntry:
    return GatewayEntry(gateway=Gateway(account_id="a", id=name, internal_id="i", created_at=1, modified_at=1))


def _ready(publisher: Publisher, edge_id: str) -> FakeEdgeConnection:
    edge = FakeEdgeConnection(edge_id)
    publisher.joined(edge)
    publisher.is_ready(edge, "w", 0)
    return edge


def test_an_edge_gets_a_snapshot_then_patches_one_version_apart() -> None:
    publisher = _publisher()
    publisher.load([AccountEntry(account_id="a")], [_entry()])
    edge = _ready(publisher, "e")
    publisher.put_gateway(_entry("h"))
    publisher.put_account(AccountEntry(account_id="b"))
    publisher.remove_gateway("a", "g")
    snapshot, *patches = edge.sent
    assert isinstance(snapshot, Snapshot)
    assert [patch.version - snapshot.version for patch in patches if isinstance(patch, Patch)] == [1, 2, 3]
    publisher.is_ready(edge, "w", 0)
    again = edge.sent[-1]
    assert isinstance(again, Snapshot)
    assert again.version == publisher.version
    assert [entry.gateway.id for entry in again.gateways] == ["h"]
    assert [entry.account_id for entry in again.accounts] == ["a", "b"]


def test_a_receipt_brings_no_second_snapshot_but_an_unknown_past_does() -> None:
    publisher = _publisher()
    publisher.load([], [])
    edge = _ready(publisher, "e")
    publisher.is_ready(edge, "w", publisher.version)
    assert len(edge.sent) == 1
    returned = FakeEdgeConnection("f")
    publisher.joined(returned)
    publisher.put_gateway(_entry())
    assert returned.sent == [], "no patch before a snapshot"
    publisher.is_ready(returned, "w", publisher.version)
    assert isinstance(returned.sent[0], Snapshot)


def test_edges_that_came_before_the_store_get_theirs_when_it_is_open() -> None:
    publisher = _publisher(expected=1)
    edge = _ready(publisher, "e")
    assert (edge.sent, publisher.ready, publisher.connected) == ([], 0, 1)
    publisher.load([], [])
    assert [type(frame) for frame in edge.sent] == [Snapshot]
    assert publisher.ready == 0, "sent is not yet taken"
    publisher.is_ready(edge, "w", publisher.version)
    assert publisher.ready == 1
    publisher.left(edge)
    assert publisher.ready == 0


def test_loading_again_replaces_everything_everywhere() -> None:
    publisher = _publisher()
    publisher.load([], [_entry()])
    edge = _ready(publisher, "e")
    publisher.load([], [])
    last = edge.sent[-1]
    assert isinstance(last, Snapshot)
    assert last.gateways == ()
    assert publisher.gateway("a", "g") is None


def test_who_has_left_is_sent_nothing() -> None:
    publisher = _publisher()
    edges = [_ready(publisher, name) for name in "ef"]
    publisher.left(edges[0])
    publisher.left(edges[0])
    publisher.is_ready(edges[0], "w", 0)
    publisher.load([], [])
    assert [len(edge.sent) for edge in edges] == [0, 1]


async def test_a_revocation_waits_for_every_edge() -> None:
    publisher = _publisher(expected=2)
    edges = [_ready(publisher, name) for name in "ef"]
    revoking = spawn(publisher.revoke(DIGEST), "test")
    await asyncio.sleep(0)
    assert [edge.sent[-1] for edge in edges] == [Revoke(DIGEST)] * 2
    publisher.revoked(edges[0], DIGEST)
    publisher.revoked(edges[0], DIGEST)
    publisher.revoked(edges[1], b"another")
    await asyncio.sleep(0)
    assert not revoking.done()
    publisher.revoked(edges[1], DIGEST)
    assert await revoking == Revocation(2, (), 0.0)
    publisher.revoked(edges[1], DIGEST)


async def test_an_edge_that_leaves_or_cannot_be_told_is_missing() -> None:
    publisher = _publisher(expected=4)
    stays, leaves, gone = (_ready(publisher, name) for name in ("stays", "leaves", "gone"))
    gone.gone = True
    revoking = spawn(publisher.revoke(DIGEST), "test")
    await asyncio.sleep(0)
    publisher.left(leaves)
    publisher.revoked(stays, DIGEST)
    done = await revoking
    assert (done.confirmed, set(done.missing)) == (1, {"leaves", "gone", "unconnected"})


async def test_a_deaf_edge_is_missing_when_the_time_is_up() -> None:
    publisher = _publisher(timeout_s=0.01)
    _ready(publisher, "deaf")
    told: list[object] = []
    publisher.on_revoked = told.append
    done = await publisher.revoke(DIGEST)
    assert told == [done]
    assert (done.confirmed, done.missing) == (0, ("deaf",))


async def test_without_edges_there_is_nothing_to_wait_for() -> None:
    assert await _publisher().revoke(DIGEST) == Revocation(0, (), 0.0)


async def test_two_revocations_of_one_token_at_once() -> None:
    publisher = _publisher()
    edge = _ready(publisher, "e")
    both = [spawn(publisher.revoke(DIGEST), "test") for _ in range(2)]
    await asyncio.sleep(0)
    publisher.revoked(edge, DIGEST)
    assert [done.confirmed for done in await asyncio.gather(*both)] == [1, 1]


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    publisher = _publisher()
    _ready(publisher, "e")
    revoking = spawn(publisher.revoke(DIGEST), "test")
    await asyncio.sleep(0)
    revoking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await revoking
    assert publisher._waits == {}


def test_how_a_revocation_is_shown() -> None:
    assert Revocation(2, (), 0.0041).shown() == "confirmed=2; missing=0; seconds=0.004"
    assert Revocation(1, ("e",), 2.0).shown() == "confirmed=1; missing=1; seconds=2.000"
