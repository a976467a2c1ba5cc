"""A queue with a ceiling in bytes that counts what it drops: memory stays bounded, loss stays visible."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.dropped = 0
        """Items refused since the start because the queue was full."""
        self._items: deque[tuple[T, int]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, size_bytes: int) -> bool:
        """Take the item, or count it as dropped and answer False when it does not fit."""
        if self.held_bytes + size_bytes > self.limit_bytes:
            self.dropped += 1
            return False
        self._items.append((item, size_bytes))
        self.held_bytes += size_bytes
        return True

    def take(self, limit: int) -> list[T]:
        """The oldest items, at most `limit` of them, removed from the queue."""
        taken: list[T] = []
        while self._items and len(taken) < limit:
            item, size_bytes = self._items.popleft()
            self.held_bytes -= size_bytes
            taken.append(item)
        return taken
