"""Turns: so many at a time, and those that wait are let in one from each source after the other."""

import asyncio
from collections import OrderedDict, deque

from gateway.link.port import LinkBusy


class Turns:
    def __init__(self, places: int, waiting_per_source: int) -> None:
        self._free = places
        self._waiting_per_source = waiting_per_source
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Those that wait, by source; the source whose turn it is next comes first."""

    async def take(self, source: str) -> None:
        """Wait for a place, which is to be given back; LinkBusy when too many of this source wait already."""
        if self._free:
            self._free -= 1
            return
        line = self._lines.setdefault(source, deque())
        if len(line) >= self._waiting_per_source:
            raise LinkBusy("too many questions from one source")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give()  # it came just as the wait was given up
            raise

    def give(self) -> None:
        """Pass a place on to the next source in turn; who has given up is passed over."""
        while self._lines:
            source, line = self._lines.popitem(last=False)
            place = line.popleft()
            if line:
                self._lines[source] = line
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
