"""Host names a listener answers to, against pages of strangers whose name was made to lead here (DNS rebinding).

A page reaches us under its own host name only by a name: an address in its place cannot be rebound, so addresses pass where a
rule is made of defaults alone.
"""

from collections.abc import Iterable

from gateway.kit.addresses import parse_address


class Hosts:
    def __init__(self, names: Iterable[str], *, local: bool = False) -> None:
        """`*` is any, `*.example.com` whatever lies below. `local` lets addresses pass, and this machine's own names."""
        given = [name.lower().rstrip(".") for name in names if name]
        self._names = frozenset(given)
        self._below = tuple(name[1:] for name in given if name.startswith("*."))
        self._local = local
        self.any = "*" in self._names or not (given or local)

    def accept(self, host: str) -> bool:
        """Whether the value of this Host field is one of them; its port does not matter."""
        if self.any:
            return True
        name = _name_of(host)
        if name in self._names or (self._below and name.endswith(self._below)):
            return True
        return self._local and (name == "localhost" or name.endswith(".localhost") or parse_address(name) is not None)


def _name_of(host: str) -> str:
    name, bracket, _ = host.strip().lower().removeprefix("[").partition("]")
    return (name if bracket else name.partition(":")[0]).rstrip(".")
