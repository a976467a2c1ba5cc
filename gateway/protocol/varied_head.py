"""A request's head that is another one but for values that mean nothing to us, as trace and request ids do.

What was derived from the other head (route, options, credential, log texts) holds for it; only the blocks that cross to the
provider differ, in those lines.
"""

from gateway.protocol.headers import RequestHead, clean
from gateway.protocol.token_search import holds_token

_WHITE = (b" ", b"\t")


def varied_head(base: RequestHead, values: list[tuple[int, bytes]]) -> RequestHead | None:
    """`base` with these values in the place of its own, by field number; every such field must be `free`. None where a value
    is not plainly one: the parser shall judge it."""
    for _, value in values:
        if not value or value.startswith(_WHITE) or value.endswith(_WHITE) or not clean(value) or holds_token(value):
            return None
    return VariedHead(base, values)


class VariedHead(RequestHead):
    __slots__ = ("_base", "_swaps")

    def __init__(self, base: RequestHead, values: list[tuple[int, bytes]]) -> None:
        self._base = base
        self._swaps: list[tuple[bytes, bytes, bytes]] = []
        """Names in lowercase, lines of the base's blocks, and what stands in their place."""
        fields = list(base.fields)
        for number, value in values:
            name, old = fields[number]
            fields[number] = (name, value)
            lines = b"\r\n%b: %b\r\n" % (name, old), b"\r\n%b: %b\r\n" % (name, value)
            self._swaps.append((name.lower(), *lines))
        self.fields = tuple(fields)
        self.http_10 = base.http_10
        self.size_bytes = base.size_bytes
        self.final = base.final
        self.chunked = base.chunked
        self.coding = base.coding
        self.content_length = base.content_length
        self.expects_continue = base.expects_continue
        self.upgrade = base.upgrade
        self.origin = base.origin
        self.preflight = base.preflight
        self.page_load = base.page_load
        self.credentials = base.credentials
        self.control = base.control
        self.route = base.route
        self.options = base.options
        self.memo = base.memo
        self._connection_named = base._connection_named
        self._blocks = {}

    @property
    def base(self) -> RequestHead:
        return self._base

    def vary(self, block: bytes, without: frozenset[bytes]) -> bytes:
        for name, old, new in self._swaps:
            if name in without:
                continue  # a line of this name is not the client's
            at = block.find(old)
            if at >= 0:  # else a block without this field
                block = block[:at] + new + block[at + len(old) :]
        return block

    def crossing(self, without: frozenset[bytes] = frozenset()) -> bytes:
        return self.vary(b"\r\n" + self._base.crossing(without), without)[2:]
