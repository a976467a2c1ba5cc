import asyncio

import pytest

from gateway.link.outbox import Outbox


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.broken = False

    async def write(self, message: bytes) -> None:
        if self.broken:
            raise ConnectionResetError
        self.written.append(message)
        await asyncio.sleep(0)


async def test_messages_are_written_in_order_and_the_emptied_outbox_says_so() -> None:
    outbox, wire = Outbox(100), Wire()
    for message in (b"a", b"b", b"c"):
        assert outbox.put(message)
    draining = asyncio.ensure_future(outbox.drain(wire.write))
    await outbox.emptied()
    assert wire.written == [b"a", b"b", b"c"]
    assert outbox.held_bytes == 0
    outbox.put(b"d")
    await outbox.emptied()
    assert wire.written[-1] == b"d"
    draining.cancel()


@pytest.mark.parametrize(
    ("sizes", "fits"),
    [
        ((50, 50), [True, True]),
        ((50, 51), [True, False]),
        ((500,), [True]),  # an empty outbox takes a message of any size
        ((500, 1), [True, False]),
        ((99, 2, 1), [True, False, True]),
    ],
)
async def test_the_limit_is_in_bytes(sizes: tuple[int, ...], fits: list[bool]) -> None:
    outbox = Outbox(100)
    assert [outbox.put(b"x" * size) for size in sizes] == fits


async def test_a_broken_connection_ends_the_draining_quietly() -> None:
    outbox, wire = Outbox(100), Wire()
    wire.broken = True
    outbox.put(b"a")
    await asyncio.wait_for(outbox.drain(wire.write), 10)
    assert wire.written == []
