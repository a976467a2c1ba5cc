"""Who the client is when proxies of our own stand in front: `X-Forwarded-For`, believed from them alone."""

from collections.abc import Iterable

from gateway.kit.addresses import networks_of, normal_address, parse_address, within
from gateway.protocol.headers import RequestHead

_MEMO = "client"


class Clients:
    def __init__(self, trusted: Iterable[str]) -> None:
        """`trusted`: addresses and networks of the proxies; none by default, and then nobody is believed."""
        self._trusted = networks_of(trusted)

    def address(self, peer: str, head: RequestHead) -> str:
        """The client's address in normal form. `peer` is the other end of the connection, likewise."""
        if not self._trusted or not self.trusts(peer):
            return peer
        known = head.memo.get(_MEMO)
        if known is None or known[0] != peer:  # type: ignore[index]
            known = head.memo[_MEMO] = (peer, self._named(peer, head))
        return str(known[1])  # type: ignore[index]

    def _named(self, peer: str, head: RequestHead) -> str:
        """From the right: each of our proxies vouches for the entry before its own, and the first that is not ours is the
        client. What stands left of that, the client may have written itself."""
        entries = b",".join(value for name, value in head.fields if name.lower() == b"x-forwarded-for").split(b",")
        for entry in reversed(entries):
            address = _plain(entry.decode("latin-1").strip())
            if not address:
                return peer
            peer = address
            if not self.trusts(address):
                break
        return peer

    def trusts(self, text: str) -> bool:
        """Whether this address is a proxy of ours."""
        address = parse_address(text)
        return address is not None and within(address, self._trusted)


def _plain(text: str) -> str:
    """The address of an entry, which some proxies write with a port; empty for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return normal_address(text)
