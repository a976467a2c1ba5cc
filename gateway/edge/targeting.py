"""Route and body → what to send where: provider, URL, key, and on REST and compat the model's name put in its place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from gateway.edge.body import Body, arrived_body, open_body, open_decoded
from gateway.edge.exchange import Exchange
from gateway.edge.keys import choose_secrets, clean_query
from gateway.edge.loops import LoopMarks
from gateway.edge.request import Request
from gateway.edge.settings import GatewayPlan
from gateway.model.faults import (
    BAD_BODY,
    BAD_PATH,
    BODY_TOO_LARGE,
    MISSING_MODEL,
    NOT_IMPLEMENTED,
    PROVIDER_NEEDS_SIGNING,
    SURFACE_NOT_SERVED,
    UNKNOWN_PROVIDER,
    Fault,
    Refusal,
)
from gateway.model.gateways import CustomProvider
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import EdgeConfig
from gateway.model.targets import Dialect, Origin, Provider, Target, parse_base
from gateway.protocol.headers import RequestHead
from gateway.protocol.jsonspan import LONGEST, SpanState, StringFinder
from gateway.protocol.token_search import holds_token
from gateway.providers import registry
from gateway.providers.calls import Work, called

_TARGETS_KEPT: Final = 2048
_CODING: Final = frozenset({b"accept-encoding"})
_CONTENT_CODING: Final = frozenset({b"content-encoding"})
_PLAIN: Final = b"accept-encoding: identity\r\n"
MODEL_TOO_LONG: Final = f"The request body's model is longer than {LONGEST} bytes"


class Attempt:
    """One upstream to try, with all that goes there."""

    __slots__ = ("_added", "_block", "_start", "_withheld", "counted", "dialect", "enveloped", "guarded", "target")

    def __init__(
        self, target: Target, method: str, head: RequestHead, *, withheld: frozenset[bytes], added: bytes, dialect: Dialect
    ) -> None:
        """`withheld`: fields of the request that do not cross, by lowercase name; `added`: lines that do besides."""
        self.target = target
        self._start = b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (
            method.encode(),
            target.path.encode(),
            target.origin.authority.encode(),
        )
        self._withheld = withheld
        self._added = added
        self._block = b"%b%b%b" % (self._start, head.crossing(withheld), added)
        self.dialect = dialect
        """Of the answer, for the usage tap."""
        self.guarded = False
        """Private addresses are refused when dialing."""
        self.enveloped = False
        """The answer goes into a v4 envelope (`/ai/run`)."""
        self.counted = True
        """A model may work for it: its answer's usage is read."""

    def block(self, request: Request) -> bytes:
        """The head to send, up to the last field that does not depend on the body."""
        lines = request.lines
        if lines is None:
            return self._block
        withheld = self._withheld
        crossing = [line.crossing for line in lines if line.name not in withheld]
        return b"%b%b%b" % (self._start, b"".join(crossing), self._added)


class _WorkedOut(NamedTuple):
    """Attempts, and all they were worked out from besides the head that keeps them."""

    target: str
    plan: GatewayPlan
    authenticated: bool
    attempts: tuple[Attempt, ...]


class Directory:
    """Providers by name: the registry's rows with the operator's overrides, and an account's custom ones."""

    def __init__(self, config: EdgeConfig) -> None:
        self._bases = {slug: override.base_url for slug, override in config.providers.items() if override.base_url}
        self._rows = {
            slug: replace(
                row,
                keyless_ok=override.keyless or row.keyless_ok,
                # A base URL of the operator's decides the host, whatever requests name.
                key_hosts=None if override.base_url else row.key_hosts,
            )
            for slug, override in config.providers.items()
            if (override.keyless or override.base_url) and (row := registry.find(slug)) is not None
        }

    def base(self, provider: Provider) -> str:
        """The operator's base URL; empty for the registry's own."""
        return self._bases.get(provider.slug, "")

    def by_slug(self, slug: str, custom: Mapping[str, CustomProvider]) -> Provider:
        """Raises UNKNOWN_PROVIDER, and PROVIDER_NEEDS_SIGNING for those that do."""
        if slug.startswith("custom-"):
            mine = custom.get(slug.removeprefix("custom-"))
            provider = _custom(mine) if mine is not None else None
        else:
            provider = registry.find(slug)
        if provider is None:
            raise Refusal(UNKNOWN_PROVIDER)
        if provider.signed:
            raise Refusal(PROVIDER_NEEDS_SIGNING)
        return self._rows.get(provider.slug, provider)

    def by_model(self, model: str, custom: Mapping[str, CustomProvider]) -> tuple[Provider, str]:
        """The provider of `author/model` and its own name for it (specification section 10)."""
        if model.startswith("custom-"):
            slug, _, name = model.partition("/")
            return self.by_slug(slug, custom), name
        if model.startswith("dynamic/"):
            raise Refusal(NOT_IMPLEMENTED)
        provider, name = registry.split_model(model)
        if provider is None:
            raise Refusal(UNKNOWN_PROVIDER)
        return self.by_slug(provider.slug, custom), name


def _custom(mine: CustomProvider) -> Provider | None:
    try:
        return registry.custom(mine.slug, mine.base_url)
    except ValueError:  # a base that control would not accept today
        return None


class Targeting:
    def __init__(self, config: EdgeConfig) -> None:
        self.directory = Directory(config)
        self._loops = LoopMarks(config.pepper, *config.older_peppers)
        self._config = config
        self._limits = config.limits
        self._timeouts = config.timeouts
        self._native: dict[tuple[str, str, str], Target] = {}
        """Targets of plain native routes; bounded, and nothing with a query is kept (it may hold a key)."""

    def known(self, x: Exchange) -> tuple[Attempt, ...]:
        """What to try, if nothing has to be awaited or worked out: a keep-alive client asks the same again and again, and
        what held for this head, path and plan still does. Empty otherwise."""
        head, plan, permit, request = x.head, x.plan, x.permit, x.request
        worked_out: _WorkedOut | None = head.memo.get("native")  # type: ignore[union-attr, assignment]
        if (
            worked_out is None
            or worked_out.plan is not plan
            or worked_out.target != request.target
            or worked_out.authenticated is not permit.authenticated  # type: ignore[union-attr]
            or not request.body.is_eof()
        ):
            return ()
        x.provider = worked_out.attempts[0].target.provider
        x.body = arrived_body(request, self._limits, self._timeouts)
        return worked_out.attempts

    async def choose(self, x: Exchange) -> tuple[Attempt, ...]:
        """What to try, in order. Raises Refusal."""
        route, head = x.route, x.head
        assert route is not None
        assert head is not None
        if route.surface is Surface.UNIVERSAL:
            raise Refusal(NOT_IMPLEMENTED)
        if route.surface is Surface.PROVIDER_NATIVE:
            return await self._for_native(x, route)
        return (await self._for_model(x, route),)

    async def _for_native(self, x: Exchange, route: Route) -> tuple[Attempt, ...]:
        head, plan, permit = x.head, x.plan, x.permit
        assert head is not None
        assert plan is not None
        assert permit is not None
        provider = x.provider = self.directory.by_slug(route.provider, plan.custom)
        target = self._native_target(route, provider, x.options.fal_target_url)
        attempts = (self.attempt(x, head, provider, target, None),)
        head.memo["native"] = _WorkedOut(x.request.target, plan, permit.authenticated, attempts)
        await self.open(x)
        return attempts

    async def _for_model(self, x: Exchange, route: Route) -> Attempt:
        plan, endpoint = x.plan, route.endpoint
        assert plan is not None
        assert endpoint is not None
        assert x.head is not None
        body = await (self.open_decoded(x) if x.head.coding else self.open(x))
        finder = await _find_model(body, self._config.limits.peek_bytes)
        x.model = finder.value
        provider, model = self.directory.by_model(finder.value, plan.custom)
        x.provider, x.model = provider, model
        body.replace(finder.spliced(model))
        if body.decoded:
            await body.settle()
        return self.attempt(x, x.head, provider, self.endpoint_target(route, provider, endpoint, model), endpoint)

    async def open(self, x: Exchange) -> Body:
        assert x.head is not None
        x.body = await open_body(x.request, x.head, self._limits, self._timeouts)
        return x.body

    async def open_decoded(self, x: Exchange) -> Body:
        """For who looks into it."""
        assert x.head is not None
        x.body = await open_decoded(x.request, x.head, self._limits, self._timeouts)
        return x.body

    def endpoint_target(self, route: Route, provider: Provider, endpoint: Endpoint, model: str) -> Target:
        base = self.directory.base(provider)
        url = registry.endpoint_url(provider, endpoint, account_id=route.account_id, base_url=base)
        if url is None:
            raise Refusal(SURFACE_NOT_SERVED)
        origin, path = parse_base(url)
        tail = _clean_tail(route.tail, provider) if route.tail.startswith("?") else ""
        return Target(
            provider=provider,
            origin=origin,
            path=path + tail,
            credential=provider.credential_for(endpoint),
            model=model,
        )

    def attempt(
        self, x: Exchange, head: RequestHead, provider: Provider, target: Target, endpoint: Endpoint | None, plain: bool = False
    ) -> Attempt:
        """The attempt with the fields of `head`, its key and what the provider demands; `plain` asks for an answer without
        coding."""
        route, plan, permit = x.route, x.plan, x.permit
        assert route is not None
        assert plan is not None
        assert permit is not None
        lines, withheld, stored = choose_secrets(route, head, plan, permit, x.options, target)
        if provider.extra_headers and (stored or endpoint in (Endpoint.MESSAGES, Endpoint.COUNT_TOKENS)):
            lines += b"".join(
                b"%b: %b\r\n" % (name.encode(), value.encode())
                for name, value in provider.extra_headers.items()
                if not head.value(name.lower().encode())
            )
        if x.body is not None and x.body.decoded:
            withheld |= _CONTENT_CODING
        if plain:
            withheld, lines = withheld | _CODING, lines + _PLAIN
        custom = provider.slug.startswith("custom-")
        mark = self._loops.line(head)
        if custom or self.directory.base(provider):  # the registry's own hosts cannot lead to us
            lines += mark
        dialect, method = provider.dialect_for(endpoint), x.request.method
        made = Attempt(target, method, head, withheld=withheld, added=lines, dialect=dialect)
        made.guarded = custom and not self._config.allow_private_custom
        made.counted = endpoint is not None or called(provider.slug, method, route.path).work is not Work.NONE
        return made

    def _native_target(self, route: Route, provider: Provider, fal_target: str | None) -> Target:
        tail = route.tail
        key = (provider.slug, tail, route.account_id)
        target = self._native.get(key)
        if target is not None and target.provider.base_url == provider.base_url and not fal_target:
            return target
        url = _native_url(route, provider, self.directory.base(provider), fal_target)
        path, mark, query = url.partition("?")
        try:
            origin, raw_path = split_url(path)
        except ValueError:
            raise Refusal(BAD_PATH) from None
        base = self.directory.base(provider).rstrip("/") or provider.base_url
        target = Target(
            provider=provider,
            origin=origin,
            path=raw_path + mark + query,
            credential=provider.credential,
            base=base if base and url.startswith(f"{base}/") and not fal_target else "",
        )
        if not mark and not fal_target:
            if len(self._native) >= _TARGETS_KEPT:
                self._native.clear()
            self._native[key] = target
        return target


_SPAN_FAULTS: Final[dict[SpanState, Fault]] = {
    SpanState.NOT_OBJECT: BAD_BODY,
    SpanState.ABSENT: MISSING_MODEL,
    SpanState.TOO_FAR: BODY_TOO_LARGE,
}


def _native_url(route: Route, provider: Provider, base: str, fal_target: str | None) -> str:
    tail = _clean_tail(route.tail, provider)
    if fal_target and holds_token(fal_target.encode()):
        raise Refusal(BAD_PATH)
    try:
        return registry.native_url(provider, tail, account_id=route.account_id, base_url=base, fal_target=fal_target or "")
    except ValueError:
        raise Refusal(BAD_PATH) from None


def split_url(url: str) -> tuple[Origin, str]:
    """Origin and raw path: only the origin is parsed, the path keeps every byte."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    origin, _ = parse_base(f"{scheme}://{authority}")
    return origin, slash + path or "/"


def _clean_tail(tail: str, provider: Provider) -> str:
    """A query loses the parameters that hold a token of ours. A path cannot: raises BAD_PATH."""
    path, mark, query = tail.partition("?")
    if holds_token(path.encode()):
        raise Refusal(BAD_PATH)
    kept = clean_query(query, provider) if query else ""
    return path + mark + kept if kept or not query else path


async def _find_model(body: Body, limit_bytes: int) -> StringFinder:
    """Read the body as far as its `model`, which is replaced before anything is sent."""
    finder = StringFinder("model", limit_bytes)
    state = finder.feed(body.held)
    while state is SpanState.PENDING and not body.whole:
        piece = await body.next_piece()
        if not piece:
            body.whole = True
            break
        state = finder.feed(piece)
    if state is SpanState.PENDING:
        state = finder.finish()
    if state is SpanState.TOO_LONG:
        raise Refusal(BAD_BODY, MODEL_TOO_LONG)
    if state is not SpanState.FOUND:
        raise Refusal(_SPAN_FAULTS[state])
    body.watch(finder.following)
    body.held = finder.buffer
    return finder
