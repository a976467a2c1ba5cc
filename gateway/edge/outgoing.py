"""Log records on their way to control: kept, within a bound in bytes, until control says that they are written.

So a control that dies with records in its hands loses none: they go out again on the next connection, and the store
takes a record that it already has for what it is.
"""

from typing import Final

from gateway.link.frames import Records, Unsendable
from gateway.link.port import EdgeLink
from gateway.model.records import Row

BATCH_ROWS: Final = 128
"""So many leave at once, without waiting for the clock: few enough to be still in the processor's cache."""
BATCH_BYTES: Final = 1024 * 1024


class Outgoing:
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.dropped = 0
        """Rows refused since the start because the limit was reached, or because no message can hold them."""
        self._open: list[Row] = []
        self._bodies: list[Row] = []
        self._open_bytes = 0
        self._kept: dict[int, tuple[Records, int]] = {}
        """Number → a batch that control has not confirmed, and its bytes; oldest first."""
        self._last = 0
        self._sent = 0
        """The last number that went out on the link's present connection."""
        self._generation = 0

    def put(self, row: Row, size_bytes: int, bodies: Row | None = None) -> bool:
        """Take a row and perhaps its bodies, or count it as dropped; True when a batch is full and should leave."""
        if self.held_bytes + size_bytes > self.limit_bytes:
            self.dropped += 1
            return False
        if self._open and self._open_bytes + size_bytes > BATCH_BYTES:
            self._seal()
        self.held_bytes += size_bytes
        self._open_bytes += size_bytes
        self._open.append(row)
        if bodies is not None:
            self._bodies.append(bodies)
        if len(self._open) < BATCH_ROWS and self._open_bytes < BATCH_BYTES:
            return False
        self._seal()
        return True

    @property
    def waiting(self) -> int:
        """Rows that control has not confirmed."""
        return len(self._open) + sum(len(records.rows) for records, _ in self._kept.values())

    def flush(self, link: EdgeLink) -> None:
        """Send what this connection has not carried yet; what the link does not take now waits for the next flush."""
        if not link.connected:
            return
        if link.generation != self._generation:
            self._generation = link.generation
            self._sent = min(self._kept, default=self._last + 1) - 1
        if self._open:
            self._seal()
        while self._sent < self._last:
            batch = self._kept.get(self._sent + 1)
            try:
                if batch is not None and not link.send(batch[0]):
                    return
            except Unsendable:
                self._part(self._sent + 1)
            self._sent += 1

    def confirmed(self, number: int) -> None:
        """Control has this batch in its store."""
        _, size_bytes = self._kept.pop(number, (None, 0))
        self.held_bytes -= size_bytes

    def _part(self, number: int) -> None:
        """Let each row of a batch that cannot be sent go alone, at the end of the line; one that is alone is dropped."""
        records, size_bytes = self._kept.pop(number)
        rows = records.rows
        if len(rows) == 1:
            self.held_bytes -= size_bytes
            self.dropped += 1
            return
        share, rest = divmod(size_bytes, len(rows))
        for row in rows:
            self._last += 1
            bodies = [each for each in records.bodies if each[0] == row[0]]
            self._kept[self._last] = Records(self._last, [row], bodies), share + rest
            rest = 0

    def _seal(self) -> None:
        self._last += 1
        self._kept[self._last] = Records(self._last, self._open, self._bodies), self._open_bytes
        self._open, self._bodies, self._open_bytes = [], [], 0
