"""Control and a real link on its socket: settings, questions, revocations that are confirmed."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from fakes.control import ACCOUNT, Rig, policy

from gateway.kit.secret import keyed_digest
from gateway.link.client import UnixLink, connect_unix
from gateway.link.frames import DownFrame, Patch, Revoke, Revoked, Snapshot
from gateway.link.port import LinkDown
from gateway.model.tokens import Permission, mint_token


class Edge:
    """A worker that keeps what it is sent and confirms revocations."""

    def __init__(self) -> None:
        self.frames: list[DownFrame] = []
        self.link: UnixLink | None = None
        self._news = asyncio.Event()

    def on_frame(self, frame: DownFrame) -> None:
        self.frames.append(frame)
        self._news.set()
        if isinstance(frame, Revoke) and self.link is not None:
            self.link.send(Revoked(frame.digest))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def has(self, kind: type[DownFrame]) -> bool:
        return any(isinstance(frame, kind) for frame in self.frames)


@pytest.fixture
async def edge(rig: Rig) -> AsyncIterator[Edge]:
    one = Edge()
    one.link = await connect_unix(rig.config.control_socket, one.on_frame, worker="w1", ask_timeout_s=5)
    await one.until(lambda: one.has(Snapshot))
    yield one
    await one.link.close()


def _digest(rig: Rig, value: str) -> bytes:
    return keyed_digest(rig.config.pepper, value.encode())


async def test_a_token_is_known_until_it_is_revoked(rig: Rig, edge: Edge) -> None:
    assert edge.link is not None
    made = await rig.make_token(policy(Permission.RUN))
    digest = _digest(rig, made["value"])
    principal = await edge.link.ask_token({"": digest})
    assert principal is not None
    assert principal.may(ACCOUNT, Permission.RUN, "any")
    assert not principal.may("f" * 32, Permission.RUN, "any")
    deleted = await rig.call("DELETE", f"/accounts/{ACCOUNT}/tokens/{made['id']}")
    assert deleted.headers["x-gateway-revocation"].startswith("confirmed=1; missing=0; seconds=")
    assert edge.frames[-1] == Revoke(digest)
    assert await edge.link.ask_token({"": digest}) is None
    assert await edge.link.ask_token({"": _digest(rig, mint_token())}) is None


async def test_default_is_opened_over_the_link(rig: Rig, edge: Edge) -> None:
    assert edge.link is not None
    assert await edge.link.open_default("f" * 32) is False
    assert await edge.link.open_default(ACCOUNT) is True
    assert edge.has(Patch), "the gateway is there before the answer"
    shown = (await rig.ai("GET", "/gateways/default")).result
    assert (shown["is_default"], shown["authentication"], shown["collect_logs"]) == (True, True, True)
    await rig.ai("DELETE", "/gateways/default")
    assert await edge.link.open_default(ACCOUNT) is True, "deleted, it is created again"
    assert (await rig.ai("GET", "/gateways/default")).status == 200


async def test_many_first_uses_of_tokens_at_once(rig: Rig, edge: Edge) -> None:
    assert edge.link is not None
    digests = [_digest(rig, mint_token()) for _ in range(200)]
    assert set(await asyncio.gather(*(edge.link.ask_token({"": digest}) for digest in digests))) == {None}


async def test_a_store_that_fails_is_no_verdict(rig: Rig, edge: Edge) -> None:
    assert edge.link is not None
    await rig.store.close()
    with pytest.raises(LinkDown):
        await edge.link.ask_token({"": b"d" * 32})
    await rig.store.open()
