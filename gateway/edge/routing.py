"""Raw path and fields → Route. One literal table, split on `/`, no decoding of what is forwarded.

The same raw bytes decide and travel on: nothing is normalised between the check and the use (specification section 1).
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from gateway.model.faults import BAD_PATH, METHOD_NOT_ALLOWED, UNKNOWN_ROUTE, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.targets import has_dot_segment

_CONTROL: Final = Route(Surface.CONTROL)
_DASHBOARD: Final = Route(Surface.DASHBOARD)

_OPS: Final = {
    "/": Route(Surface.OPS, tail="home"),
    "/livez": Route(Surface.OPS, tail="livez"),
    "/readyz": Route(Surface.OPS, tail="readyz"),
}

_COMPAT: Final = {
    "chat/completions": ("POST", Endpoint.CHAT),
    "embeddings": ("POST", Endpoint.EMBEDDINGS),
    "models": ("GET", Endpoint.MODELS),
}
_REST: Final = {
    "chat/completions": ("POST", Endpoint.CHAT),
    "responses": ("POST", Endpoint.RESPONSES),
    "messages": ("POST", Endpoint.MESSAGES),
    "messages/count_tokens": ("POST", Endpoint.COUNT_TOKENS),
    "embeddings": ("POST", Endpoint.EMBEDDINGS),
    "models": ("GET", Endpoint.MODELS),
}
_REST_OF_CONTROL: Final = frozenset({"models/search", "authors/search", "tasks/search"})
"""Below `/ai/`, and no inference."""
_REST_PATH: Final = re.compile(r"/client/v4/accounts/[^/]*/ai(?:/+(run(?![^/]))?|\Z)")
_MODEL: Final = re.compile(r"[@A-Za-z0-9._:/-]{1,256}\Z")


def classify(method: str, target: str, gateway_header: bytes) -> Route:
    """The route of a request; `gateway_header` is `cf-aig-gateway-id`, which names the gateway on REST.

    Raises Refusal for paths that lead nowhere and methods an endpoint does not take.
    """
    path, mark, query = target.partition("?")
    parts = path.split("/", 4)  # "", family, and three more
    if parts[1] == "v1" and len(parts) >= 4 and parts[2] and parts[3]:
        return _gateway_tree(method, parts, mark + query)
    if path.startswith("/client/v4/accounts/") and (route := _rest(method, path, mark + query, gateway_header)):
        return route
    if path.startswith("/client/v4/"):
        return _CONTROL
    if path == "/dashboard" or path.startswith("/dashboard/"):
        return _DASHBOARD
    if (ops := _OPS.get(path)) is not None:
        return ops
    raise Refusal(UNKNOWN_ROUTE)


def _gateway_tree(method: str, parts: list[str], query: str) -> Route:
    account, gateway = parts[2], parts[3]
    rest = parts[4] if len(parts) == 5 else ""
    if not rest:
        return Route(Surface.UNIVERSAL, account, gateway)
    provider, _, tail = rest.partition("/")
    if provider == "compat":
        endpoint = _endpoint(_COMPAT, method, tail)
        return Route(Surface.COMPAT, account, gateway, tail=query, endpoint=endpoint)
    if tail.startswith("/"):
        raise Refusal(BAD_PATH)  # where a provider's base URL has no path, it would be asked for `//host/…` (decision 0012)
    return Route(Surface.PROVIDER_NATIVE, account, gateway, provider, tail + query)


def _rest(method: str, path: str, query: str, gateway_header: bytes) -> Route | None:
    """A route of inference under `/client/v4/accounts/{account}/ai/`; None for the management API."""
    account, _, rest = path.removeprefix("/client/v4/accounts/").partition("/")
    if not account:
        raise Refusal(UNKNOWN_ROUTE)
    area, _, tail = rest.partition("/")
    tail = tail.lstrip("/")
    if area != "ai" or tail in _REST_OF_CONTROL:
        return None
    gateway = gateway_header.decode("ascii", "replace")
    family, _, tail = tail.partition("/")
    if family == "v1":
        endpoint = _endpoint(_REST, method, tail)
        return Route(Surface.REST_V1, account, gateway, tail=query, endpoint=endpoint)
    if family == "run":
        if method != "POST":
            raise Refusal(METHOD_NOT_ALLOWED, allow="POST")
        return Route(Surface.REST_RUN, account, gateway, tail=_model(tail), endpoint=Endpoint.RUN)
    raise Refusal(UNKNOWN_ROUTE)


def _endpoint(table: dict[str, tuple[str, Endpoint]], method: str, tail: str) -> Endpoint:
    row = table.get(tail) or table.get(folded(tail, table))
    if row is None:
        raise Refusal(UNKNOWN_ROUTE)
    allowed, endpoint = row
    if method != allowed:
        raise Refusal(METHOD_NOT_ALLOWED, allow=allowed)
    return endpoint


def folded(tail: str, known: Iterable[str]) -> str:
    """The path without what clients put before it: their base URLs end in a slash, in `v1` or in an endpoint, and their
    libraries append the endpoint, or `v1` and the endpoint, all the same."""
    tail = tail.strip("/")
    while (before := next((one for one in ("v1", *known) if tail.startswith(one + "/")), "")) and tail not in known:
        tail = tail[len(before) :].lstrip("/")
    return tail


def _model(raw: str) -> str:
    """A model in the path: official SDKs send `@cf%2Fmeta%2F…` (section 0, rule 10)."""
    model = unquote(raw)
    if model and not acceptable_model(model):
        raise Refusal(BAD_PATH)
    return model


def acceptable_model(name: str) -> bool:
    """Whether a model's name may become part of an upstream path."""
    return _MODEL.match(name) is not None and not has_dot_segment(name)


def surface_of(target: str) -> Surface:
    """The family of URLs that a path belongs to, whether or not it leads anywhere: whose error shape a request gets that is
    refused before it has a route, and whether a page of another origin may ask there."""
    path = target.partition("?")[0]
    if path.startswith("/v1/"):
        return Surface.COMPAT if path.split("/", 5)[4:5] == ["compat"] else Surface.PROVIDER_NATIVE
    found = _REST_PATH.match(path)
    if found is None or path.partition("/ai/")[2].strip("/") in _REST_OF_CONTROL:
        return Surface.NOWHERE
    return Surface.REST_RUN if found[1] else Surface.REST_V1
