"""`/ai/run`: one endpoint for every kind of model (specification section 1.1).

`run/{model}` takes the model's own inputs and belongs to Workers AI, whose answers are enveloped already. `run` with
`{model, input}` sends `input` to the provider's OpenAI-shaped endpoint (Anthropic's own for its models) and puts the
answer into a v4 envelope; streams pass as they are.
"""

from typing import Final

import orjson

from gateway.edge.body import Body
from gateway.edge.exchange import Exchange
from gateway.edge.routing import acceptable_model
from gateway.edge.targeting import MODEL_TOO_LONG, Attempt, Targeting, split_url
from gateway.model.faults import (
    BAD_BODY,
    BODY_TOO_LARGE,
    MISSING_MODEL,
    NOT_IMPLEMENTED,
    UNKNOWN_MODEL,
    UNSUPPORTED_INPUT,
    Refusal,
)
from gateway.model.routes import Endpoint, Route
from gateway.model.targets import Provider, Target
from gateway.protocol.jsonmembers import MemberFinder
from gateway.protocol.jsonspan import LONGEST, SpanState
from gateway.protocol.token_search import holds_token
from gateway.providers import registry

_WORKERS_AI_PREFIXES: Final = ("@cf/", "@hf/")
_MISSING_OPTIONS: Final = ("background", "webhookUrl", "webhookFormat", "rejectIfBusy")
"""Of `options`: refused by name where they are set."""
_WANTED: Final = {"model": (), "input": ("messages", "input", "model"), "options": _MISSING_OPTIONS}
_UNSET: Final = (b"", b"null", b"false")


class RunEndpoint:
    def __init__(self, targeting: Targeting, limit_bytes: int) -> None:
        self._targeting = targeting
        self._limit_bytes = limit_bytes

    async def choose(self, x: Exchange) -> tuple[Attempt, ...]:
        """What to try. Raises Refusal."""
        assert x.route is not None
        if x.route.tail:
            return (await self._model_in_path(x, x.route),)
        return (await self._model_in_body(x, x.route),)

    async def _model_in_path(self, x: Exchange, route: Route) -> Attempt:
        if not route.tail.startswith(_WORKERS_AI_PREFIXES):
            raise Refusal(UNKNOWN_MODEL)
        await self._targeting.open(x)
        return self._workers_ai(x, route, route.tail)

    async def _model_in_body(self, x: Exchange, route: Route) -> Attempt:
        assert x.plan is not None
        assert x.head is not None
        body = await (self._targeting.open_decoded(x) if x.head.coding else self._targeting.open(x))
        if body.length is not None and body.length > self._limit_bytes:
            raise Refusal(BODY_TOO_LARGE)
        asked = await _read(body, self._limit_bytes)
        model = _checked_model(asked)
        if model.startswith(_WORKERS_AI_PREFIXES):
            body.put(asked.cut_out("input"))
            return self._workers_ai(x, route, model)
        provider, name = self._targeting.directory.by_model(model, x.plan.custom)
        x.provider, x.model = provider, name
        endpoint = _endpoint_for(provider, name, asked)
        target = self._targeting.endpoint_target(route, provider, endpoint, name)
        body.put(asked.cut_out_with("input", "model", orjson.dumps(name)))  # what is logged is what is asked for
        attempt = self._targeting.attempt(x, x.head, provider, target, endpoint, plain=True)
        attempt.enveloped = True
        return attempt

    def _workers_ai(self, x: Exchange, route: Route, model: str) -> Attempt:
        directory = self._targeting.directory
        assert x.plan is not None
        assert x.head is not None
        if not acceptable_model(model) or holds_token(model.encode()):
            raise Refusal(UNKNOWN_MODEL)
        provider = x.provider = directory.by_slug("workers-ai", x.plan.custom)
        x.model = model
        url = registry.native_url(provider, f"run/{model}", account_id=route.account_id, base_url=directory.base(provider))
        origin, path = split_url(url)  # `parse_base` takes no `@`
        target = Target(provider=provider, origin=origin, path=path, credential=provider.credential, model=model)
        return self._targeting.attempt(x, x.head, provider, target, Endpoint.RUN)


async def _read(body: Body, limit_bytes: int) -> MemberFinder:
    """Look where the members are while the body arrives: no piece of it keeps the loop for long. Raises Refusal."""
    asked = MemberFinder(_WANTED, limit_bytes)
    piece = body.held
    while True:
        state = asked.feed(piece)
        if state is SpanState.NOT_OBJECT:
            raise Refusal(BAD_BODY)
        if state is SpanState.TOO_FAR or body.received_bytes > limit_bytes:
            raise Refusal(BODY_TOO_LARGE)
        if body.whole or not (piece := await body.next_piece()):
            break
    body.whole = True
    if asked.finish() is not SpanState.FOUND:
        raise Refusal(BAD_BODY)
    return asked


def _checked_model(asked: MemberFinder) -> str:
    """The model's name, where all that was asked for can be done. Raises Refusal."""
    written = asked.text("model", LONGEST + 3)
    if len(written) > LONGEST + 2:  # its quotes
        raise Refusal(BAD_BODY, MODEL_TOO_LONG)
    try:
        model = orjson.loads(written or b"null")
    except orjson.JSONDecodeError:
        raise Refusal(BAD_BODY) from None
    if not isinstance(model, str) or not model:
        raise Refusal(MISSING_MODEL)
    for name in _MISSING_OPTIONS:
        if asked.text(f"options.{name}", 16) not in _UNSET:
            raise Refusal(NOT_IMPLEMENTED, f"{NOT_IMPLEMENTED.message}: options.{name}")
    if not asked.is_object("input"):
        raise Refusal(UNSUPPORTED_INPUT)
    return model


def _endpoint_for(provider: Provider, model: str, asked: MemberFinder) -> Endpoint:
    """The endpoint whose input this is. Raises UNSUPPORTED_INPUT."""
    if asked.span("input.messages"):
        return Endpoint.MESSAGES if Endpoint.MESSAGES in provider.endpoints else Endpoint.CHAT
    if asked.span("input.input"):
        return Endpoint.EMBEDDINGS if "embed" in model else Endpoint.RESPONSES
    raise Refusal(UNSUPPORTED_INPUT)
