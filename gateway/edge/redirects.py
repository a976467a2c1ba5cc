"""A provider's `Location` and its like: where they may lead a client (decision 0007).

Clients that follow it send their fields along, among them our token in `cf-aig-authorization`, which HTTP libraries do not know
for a credential. So it leads to us or nowhere.
"""

import re
from typing import Final
from urllib.parse import urljoin

from gateway.edge.targeting import split_url
from gateway.model.routes import Route, Surface
from gateway.model.targets import Target, has_dot_segment
from gateway.protocol.headers import Fields
from gateway.providers import registry

_PLAIN: Final = re.compile(rb"[!-~]{1,8000}")


def leading_lines(route: Route | None, target: Target, leads: Fields) -> bytes:
    """The lines for the client, each with CRLF: URLs of ours for what lies below the provider's base URL; none for all else."""
    if route is None or route.surface is not Surface.PROVIDER_NATIVE or not target.base:
        return b""
    base = f"/v1/{route.account_id}/{route.gateway_id}/{route.provider}/"
    tails = [(name, _tail_below_base(target, value)) for name, value in leads]
    return b"".join([b"%b: %b\r\n" % (name, (base + tail).encode()) for name, tail in tails if tail is not None])


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
