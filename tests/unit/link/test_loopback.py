"""What only the loopback can do: the rest of its behaviour is in tests/contract/link."""

import asyncio

from fakes.link import FakeHandler

from gateway.link.frames import Patch, Ready
from gateway.link.loopback import loopback


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_delivery_is_later_never_inside_the_sender() -> None:
    handler, taken = FakeHandler(), []
    link = await loopback(handler, worker="w")(taken.append)
    assert handler.events == []
    await settle()
    assert handler.received_frames() == [Ready("w", 0)]
    handler.edges[0].send(Patch(1))
    assert taken == []
    await settle()
    assert taken == [Patch(1)]
    await link.close()


async def test_what_an_old_connection_sent_is_lost_with_it() -> None:
    handler, taken = FakeHandler(), []
    link = await loopback(handler, worker="w")(taken.append)
    await settle()
    old = handler.edges[0]
    old.send(Patch(1))
    link.cut()
    await settle()
    assert taken == []
    assert old.send(Patch(2)) is False
    await link.close()
    assert handler.edges == []
