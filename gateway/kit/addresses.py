"""Internet addresses in one normal form, whichever way they come: from a socket, a header field, a setting, a condition.

An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is how a dual-stack socket names an IPv4 peer, so it is that IPv4
address. A zone (RFC 4007 section 11) says which interface of this machine is meant and is no part of the normal form.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""Where a translator shows IPv4 hosts to IPv6 (RFC 6052 section 2.1)."""
_EVERY_4: Final = IPv4Network("0.0.0.0/0")
_EMBEDDED_BITS: Final = 0xFFFF_FFFF
_UNICAST_6: Final = IPv6Network("2000::/3")
"""All of IPv6 that is routed for the public; what lies outside is local, reserved or a disguise."""
_HOSTS_OWN: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
"""Public by their number, yet they answer on the host itself: protocol assignments (RFC 6890), Azure's metadata."""


def parse_address(text: str) -> Address | None:
    """The address in normal form; None for what is none."""
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if ip.version == 6 else ip


def customer_of(text: str) -> str:
    """Whose address it is, as far as that can be told: an IPv6 customer has a whole /64. Empty for what is no address."""
    ip = parse_address(text)
    if ip is None:
        return ""
    return str(IPv6Address(int(ip) >> 64 << 64)) if isinstance(ip, IPv6Address) else str(ip)


@lru_cache(maxsize=1024)
def normal_address(text: str) -> str:
    """The same as text; empty for what is none."""
    ip = parse_address(text)
    return "" if ip is None else str(ip)


def parse_network(text: str, *, strict: bool = False) -> Network:
    """An address or a network in CIDR notation; ValueError for anything else, and with `strict` for host bits that are set."""
    if "%" in text:
        raise ValueError("a zone belongs to one machine's interfaces, not to a network")
    network = ip_network(text, strict=strict)
    if network.version == 6:
        if network.network_address in _MAPPED and network.prefixlen >= _MAPPED.prefixlen:
            embedded = int(network.network_address) & _EMBEDDED_BITS
            return IPv4Network((embedded, network.prefixlen - _MAPPED.prefixlen))
        if network.prefixlen < _MAPPED.prefixlen and parse_address(text.partition("/")[0]) in _EVERY_4:
            raise ValueError("an IPv4 network in IPv6 notation has a prefix of 96 or more")
    return network


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks to look an address up in. Each IPv4 network also stands for its hosts behind a NAT64 translator."""
    found: list[Network] = []
    for text in texts:
        network = parse_network(text)
        found.append(network)
        if isinstance(network, IPv4Network):
            base = int(_NAT64.network_address) | int(network.network_address)
            found.append(IPv6Network((base, _NAT64.prefixlen + network.prefixlen)))
    return tuple(found)


def within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def is_public(text: str) -> bool:
    """Whether it is an address anybody on the internet may be sent to: not private, loopback, link-local, metadata or
    multicast, also not in an IPv6 disguise."""
    ip = parse_address(text)
    if isinstance(ip, IPv6Address):
        disguised = _disguised(ip)
        if disguised is None:
            return ip in _UNICAST_6 and ip.is_global
        ip = disguised
    return ip is not None and ip.is_global and not ip.is_multicast and not within(ip, _HOSTS_OWN)


def _disguised(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address an IPv6 address leads to: NAT64, 6to4, Teredo."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & _EMBEDDED_BITS)
    return ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
