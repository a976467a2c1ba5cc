"""Messages on their way out of one end of the link: in order, bounded in bytes, written by one task."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Outbox:
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._messages: deque[bytes] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def put(self, message: bytes) -> bool:
        """Queue a message; False when it does not fit. An empty outbox takes one of any size: a snapshot may be large."""
        if self._messages and self.held_bytes + len(message) > self.limit_bytes:
            return False
        self._messages.append(message)
        self.held_bytes += len(message)
        self._filled.set()
        self._emptied.clear()
        return True

    async def drain(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write what is queued and what comes, until cancelled or until `write` fails with a ConnectionError."""
        while True:
            await self._filled.wait()
            message = self._messages[0]
            try:
                await write(message)
            except ConnectionError:
                return
            self._messages.popleft()
            self.held_bytes -= len(message)
            if not self._messages:
                self._filled.clear()
                self._emptied.set()

    async def emptied(self) -> None:
        """Wait until everything queued was handed to the connection."""
        await self._emptied.wait()
