"""A provider's `Location`: where it may lead a client (decision 0007).

Clients that follow it send their fields along, among them our token in `cf-aig-authorization`, which HTTP libraries do not know
for a credential. So it leads to us or nowhere.
"""

import re
from typing import Final
from urllib.parse import urljoin

from gateway.edge.targeting import split_url
from gateway.model.routes import Route, Surface
from gateway.model.targets import Target, has_dot_segment
from gateway.providers import registry

_PLAIN: Final = re.compile(rb"[!-~]{1,8000}")


def location_line(route: Route | None, target: Target, location: bytes) -> bytes:
    """The line for the client, with CRLF: a URL of ours for what lies below the provider's base URL; empty for all else."""
    if route is None or route.surface is not Surface.PROVIDER_NATIVE or not target.base:
        return b""
    tail = _tail_below_base(target, location)
    if tail is None:
        return b""
    return b"location: /v1/%b/%b/%b/%b\r\n" % tuple(
        text.encode() for text in (route.account_id, route.gateway_id, route.provider, tail)
    )


def _tail_below_base(target: Target, location: bytes) -> str | None:
    """The native tail that leads to the same place; None where there is none."""
    if not _PLAIN.fullmatch(location) or b"\\" in location:
        return None
    try:
        base, prefix = split_url(target.base + "/")
        asked = f"{target.origin.scheme}://{target.origin.authority}{target.path}"
        there, path = split_url(urljoin(asked, location.decode()).partition("#")[0])
    except ValueError:
        return None
    tail = path.removeprefix(prefix)
    provider = target.provider
    if (
        there != base
        or tail == path
        or tail.startswith("/")
        or has_dot_segment(tail.partition("?")[0])
        or provider.adds + registry.folded(provider, tail) != tail  # asked of us, it would lead elsewhere
    ):
        return None
    return tail
