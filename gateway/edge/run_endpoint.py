"""`/ai/run`: one endpoint for every kind of model (specification section 1.1).

`run/{model}` takes the model's own inputs and belongs to Workers AI, whose answers are enveloped already. `run` with
`{model, input}` sends `input` to the provider's OpenAI-shaped endpoint (Anthropic's own for its models) and puts the
answer into a v4 envelope; streams pass as they are.
"""

from typing import Any, Final

import orjson

from gateway.edge.exchange import Exchange
from gateway.edge.routing import acceptable_model
from gateway.edge.targeting import Attempt, Targeting, split_url
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
from gateway.providers import registry

_WORKERS_AI_PREFIXES: Final = ("@cf/", "@hf/")


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
        body = await self._targeting.open(x)
        if not body.whole:
            if body.length is not None and body.length > self._limit_bytes:
                raise Refusal(BODY_TOO_LARGE)
            await body.hold()
        model, given = _read(body.held, self._limit_bytes)
        if model.startswith(_WORKERS_AI_PREFIXES):
            body.replace(orjson.dumps(given))
            body.length = len(body.held)
            return self._workers_ai(x, route, model)
        provider, name = self._targeting.directory.by_model(model, x.plan.custom)
        x.provider, x.model = provider, name
        endpoint = _endpoint_for(provider, name, given)
        target = self._targeting.endpoint_target(route, provider, endpoint, name)
        body.replace(orjson.dumps({"model": name, **given}))
        body.length = len(body.held)  # rewritten whole: its length is known now, however it came
        attempt = self._targeting.attempt(x, x.head, provider, target, endpoint, plain=True)
        return attempt._replace(enveloped=True)

    def _workers_ai(self, x: Exchange, route: Route, model: str) -> Attempt:
        directory = self._targeting.directory
        assert x.plan is not None
        assert x.head is not None
        if not acceptable_model(model):
            raise Refusal(UNKNOWN_MODEL)
        provider = x.provider = directory.by_slug("workers-ai", x.plan.custom)
        x.model = model
        url = registry.native_url(provider, f"run/{model}", account_id=route.account_id, base_url=directory.base(provider))
        origin, path = split_url(url)  # `parse_base` takes no `@`
        target = Target(provider=provider, origin=origin, path=path, credential=provider.credential, model=model)
        return self._targeting.attempt(x, x.head, provider, target, Endpoint.RUN)


def _read(held: bytes, limit_bytes: int) -> tuple[str, dict[str, Any]]:
    """Model and input of a `run` body."""
    if len(held) > limit_bytes:
        raise Refusal(BODY_TOO_LARGE)
    try:
        asked = orjson.loads(held)
    except orjson.JSONDecodeError:
        raise Refusal(BAD_BODY) from None
    if not isinstance(asked, dict):
        raise Refusal(BAD_BODY)
    model, given = asked.get("model"), asked.get("input")
    if not isinstance(model, str) or not model:
        raise Refusal(MISSING_MODEL)
    options = asked.get("options")
    if isinstance(options, dict) and (options.get("background") or options.get("webhookUrl")):
        raise Refusal(NOT_IMPLEMENTED)
    if not isinstance(given, dict):
        raise Refusal(UNSUPPORTED_INPUT)
    return model, given


def _endpoint_for(provider: Provider, model: str, given: dict[str, Any]) -> Endpoint:
    """The endpoint whose input this is. Raises UNSUPPORTED_INPUT."""
    if "messages" in given:
        return Endpoint.MESSAGES if Endpoint.MESSAGES in provider.endpoints else Endpoint.CHAT
    if "input" in given:
        return Endpoint.EMBEDDINGS if "embed" in model else Endpoint.RESPONSES
    raise Refusal(UNSUPPORTED_INPUT)
