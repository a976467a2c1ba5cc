"""Route and body → what is sent where."""

import asyncio
from typing import Any

import pytest
from fakes.edge import ACCOUNT, custom, gateway, key
from fakes.exchange import PLAIN, request
from fakes.exchange import exchange as filled

from gateway.edge.settings import GatewayPlan, compile_plan
from gateway.edge.targeting import Attempt, Directory, Targeting, split_url
from gateway.model import faults
from gateway.model.faults import Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface
from gateway.model.service import EdgeConfig, Limits, ProviderOverride
from gateway.model.targets import Origin
from gateway.model.tokens import Permit, mint_token
from gateway.protocol.headers import RequestHead
from gateway.protocol.options import RequestOptions

OURS = mint_token()
OWN = {"authorization": "Bearer sk-x"}
CUSTOM = {"mine": custom("mine", "https://mine.example/base", headers={"X-Mine": "yes", "X-Also": "1"})}
PLAN = compile_plan(gateway("g", authentication=False), CUSTOM)
STORED = compile_plan(gateway("g", keys=[key("anthropic", "sk-ant"), key("openai", "sk-o")]), CUSTOM)


def exchange(
    route: Route,
    fields: dict[str, str] | None = None,
    body: bytes = b"{}",
    *,
    plan: GatewayPlan = PLAN,
    permit: Permit = Permit(False, ""),
    **options: Any,
) -> Any:
    head = RequestHead(
        tuple((name.encode(), value.encode()) for name, value in (OWN if fields is None else fields).items()),
        http_10=False,
        limit_bytes=9999,
    )
    return filled(
        request(target="/v1/" + route.tail, body=body),
        route=route,
        head=head,
        plan=plan,
        permit=permit,
        options=RequestOptions(**options),
    )


def native(provider: str, tail: str = "") -> Route:
    return Route(Surface.PROVIDER_NATIVE, ACCOUNT, "g", provider, tail)


def compat(endpoint: Endpoint = Endpoint.CHAT, tail: str = "") -> Route:
    return Route(Surface.COMPAT, ACCOUNT, "g", tail=tail, endpoint=endpoint)


async def choose(x: Any, config: EdgeConfig | None = None) -> Attempt:
    (attempt,) = await Targeting(config or EdgeConfig()).choose(x)
    return attempt


URLS = [
    (native("openai", "chat/completions?a=1"), "https://api.openai.com/v1/chat/completions?a=1"),
    (native("openai", "v1/chat/completions"), "https://api.openai.com/v1/chat/completions"),
    (native("xai", "v1/x"), "https://api.x.ai/v1/x"),
    (
        native("azure-openai", "res/dep/chat?api-version=1"),
        "https://res.openai.azure.com/openai/deployments/dep/chat?api-version=1",
    ),
    (native("workers-ai", "@cf/m"), f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run/@cf/m"),
    (native("custom-mine", "a//b%2Fc"), "https://mine.example/base/a//b%2Fc"),
    (native("openai", f"x?a=1&key={OURS}&b=2"), "https://api.openai.com/v1/x?a=1&b=2"),
    (native("openai", f"x?key={OURS}"), "https://api.openai.com/v1/x"),
    (native("openai", "x?a=1&key=" + OURS.replace("_", "%5F")), "https://api.openai.com/v1/x?a=1"),
    (native("openai", "x?a=1&key=" + OURS.replace("_", "%255f") + "&b=%20"), "https://api.openai.com/v1/x?a=1&b=%20"),
    (native("openai", f"x?{OURS}=a&b"), "https://api.openai.com/v1/x?b"),
    (native("google", "v1/m?key=&alt=sse"), "https://generativelanguage.googleapis.com/v1/m?alt=sse"),
    (native("openai", "x?key=&b"), "https://api.openai.com/v1/x?key=&b"),
]


@pytest.mark.parametrize(("route", "url"), URLS)
async def test_native_urls(route: Route, url: str) -> None:
    for _ in range(2):
        x = exchange(route)
        attempt = await choose(x)
        assert f"{attempt.target.origin.scheme}://{attempt.target.origin.authority}{attempt.target.path}" == url
        assert x.provider is attempt.target.provider
        assert attempt.block(PLAIN).startswith(
            f"POST {attempt.target.path} HTTP/1.1\r\nhost: {attempt.target.origin.authority}\r\n".encode()
        )


REFUSED: list[tuple[Route, bytes, Fault]] = [
    (native("unknown"), b"", faults.UNKNOWN_PROVIDER),
    (native(""), b"", faults.UNKNOWN_PROVIDER),
    (native("OpenAI"), b"", faults.UNKNOWN_PROVIDER),
    (native("custom-other"), b"", faults.UNKNOWN_PROVIDER),
    (native("aws-bedrock", "x"), b"", faults.PROVIDER_NEEDS_SIGNING),
    (native("google-vertex-ai", "x"), b"", faults.PROVIDER_NEEDS_SIGNING),
    (native("azure-openai", "only"), b"", faults.BAD_PATH),
    (native("azure-openai", "evil.com#/dep/x"), b"", faults.BAD_PATH),
    (native("baseten", "model/a.b/c"), b"", faults.BAD_PATH),
    (native("openai", f"files/{OURS}"), b"", faults.BAD_PATH),
    (native("openai", "files/" + OURS.replace("_", "%5F") + "/content?a=1"), b"", faults.BAD_PATH),
    (Route(Surface.UNIVERSAL, ACCOUNT, "g"), b"[]", faults.NOT_IMPLEMENTED),
    (compat(), b"", faults.BAD_BODY),
    (compat(), b"[]", faults.BAD_BODY),
    (compat(), b"{}", faults.MISSING_MODEL),
    (compat(), b'{"model":"nothing"}', faults.UNKNOWN_PROVIDER),
    (compat(), b'{"model":"unknown/m"}', faults.UNKNOWN_PROVIDER),
    (compat(), b'{"model":"dynamic/r"}', faults.NOT_IMPLEMENTED),
    (compat(), b'{"model":"custom-other/m"}', faults.UNKNOWN_PROVIDER),
    (compat(Endpoint.MESSAGES), b'{"model":"openai/m"}', faults.SURFACE_NOT_SERVED),
]


@pytest.mark.parametrize(("route", "body", "fault"), REFUSED)
async def test_refusals(route: Route, body: bytes, fault: Fault) -> None:
    with pytest.raises(Refusal) as refused:
        await choose(exchange(route, body=body))
    assert refused.value.fault is fault


@pytest.mark.parametrize("start", [b"{", b'{"a":1,'])
async def test_a_model_of_more_bytes_than_any_has(start: bytes) -> None:
    x = exchange(compat(), body=start + b'"model":"openai/' + b"m" * 1_017 + b'"}')
    assert (await choose(x)).target.model == "m" * 1_017
    with pytest.raises(Refusal) as refused:
        await choose(exchange(compat(), body=start + b'"model":"openai/' + b"m" * 1_018 + b'"}'))
    assert refused.value.fault is faults.BAD_BODY
    assert refused.value.message == "The request body's model is longer than 1024 bytes"


async def test_a_model_too_far_in() -> None:
    config = EdgeConfig(limits=Limits(peek_bytes=50))
    with pytest.raises(Refusal) as refused:
        await choose(exchange(compat(), body=b'{"messages":"' + b"x" * 100 + b'","model":"openai/m"}'), config)
    assert refused.value.fault is faults.BODY_TOO_LARGE


async def test_the_model_is_put_in_its_place() -> None:
    x = exchange(compat(tail="?beta=1"), body=b'{"a":1,"model":"groq/openai/gpt","b":2}')
    attempt = await choose(x)
    assert x.body.held == b'{"a":1,"model":"openai/gpt","b":2}'
    assert x.body.length == len(x.body.held)
    assert attempt.target.path == "/openai/v1/chat/completions?beta=1"
    assert (x.model, x.provider.slug, attempt.target.model) == ("openai/gpt", "groq", "openai/gpt")


async def test_fields_the_provider_demands() -> None:
    permit = Permit(True, "t")
    demanded = b"anthropic-version: 2023-06-01\r\n"
    stored = await choose(exchange(native("anthropic", "v1/messages"), {}, plan=STORED, permit=permit))
    assert b"x-api-key: sk-ant\r\n" in stored.block(PLAIN)
    assert demanded in stored.block(PLAIN)
    own = await choose(exchange(native("anthropic", "v1/messages"), {"x-api-key": "sk"}, plan=STORED, permit=permit))
    assert demanded not in own.block(PLAIN), "who brings a key speaks the provider's language"
    named = await choose(
        exchange(native("anthropic", "v1/messages"), {"Anthropic-Version": "2026"}, plan=STORED, permit=permit)
    )
    assert demanded not in named.block(PLAIN)


async def test_custom_providers_are_guarded_unless_the_operator_says_otherwise() -> None:
    for allow in (False, True):
        x = exchange(native("custom-mine", "x"), permit=Permit(True, "t"))
        attempt = await choose(x, EdgeConfig(allow_private_custom=allow))
        assert attempt.guarded is not allow
        assert b"X-Mine: yes\r\nX-Also: 1\r\n" in attempt.block(PLAIN)
    assert not (await choose(exchange(native("openai", "x")))).guarded


async def test_the_operators_word_on_a_provider() -> None:
    config = EdgeConfig(providers={"openai": ProviderOverride(base_url="http://10.0.0.1:9/v1/", keyless=True)})
    attempt = await choose(exchange(native("openai", "v1/x"), {}, permit=Permit(True, "t")), config)
    assert (attempt.target.origin, attempt.target.path) == (Origin("http", "10.0.0.1", 9), "/v1/x")
    directory = Directory(config)
    assert directory.by_slug("openai", {}).keyless_ok
    assert not directory.by_slug("groq", {}).keyless_ok


async def test_what_was_worked_out_holds_for_the_same_request_only() -> None:
    """A keep-alive client's next request shares the head; path, plan and verdict are part of the memory's key."""
    targeting = Targeting(EdgeConfig())
    first = exchange(native("openai", "a"), {}, plan=STORED, permit=Permit(True, "t"))
    (one,) = await targeting.choose(first)
    assert b"Bearer sk-o" in one.block(PLAIN)

    def again(**changes: Any) -> Any:
        x = exchange(native("openai", "a"), {}, plan=STORED, permit=Permit(True, "t"), body=b"other")
        x.head = first.head
        for name, value in changes.items():
            setattr(x, name, value)
        return x

    same = again()
    (two,) = await targeting.choose(same)
    assert (two.block(PLAIN), same.body.held, same.provider.slug) == (one.block(PLAIN), b"other", "openai")
    rekeyed = compile_plan(gateway("g", keys=[key("openai", "sk-new")]), {})
    (three,) = await targeting.choose(again(plan=rekeyed))
    assert b"Bearer sk-new" in three.block(PLAIN)
    with pytest.raises(Refusal):
        await targeting.choose(again(permit=Permit(False, "")))
    elsewhere = again(route=native("openai", "b"))
    elsewhere.request.target = "/v1/b"
    (four,) = await targeting.choose(elsewhere)
    assert four.target.path == "/v1/b"


async def test_targets_kept_are_bounded() -> None:
    targeting = Targeting(EdgeConfig())
    for number in range(3000):
        await targeting.choose(exchange(native("openai", f"x{number}")))
        await targeting.choose(exchange(native("openai", f"x?key={number}")))
    assert len(targeting._native) <= 2048
    assert all("?" not in target.path for target in targeting._native.values())
    await asyncio.sleep(0)


def test_urls_are_split_without_touching_the_path() -> None:
    assert split_url("https://h:8/a@b//c%2F?x") == (Origin("https", "h", 8), "/a@b//c%2F?x")
    assert split_url("http://h") == (Origin("http", "h", 80), "/")
    with pytest.raises(ValueError, match="plain"):
        split_url("https://user@h/x")


async def test_only_addresses_that_others_chose_see_a_mark() -> None:
    permit = Permit(True, "t")
    config = EdgeConfig(providers={"groq": ProviderOverride(base_url="http://10.0.0.1:9")})
    for slug, marked in (("openai", False), ("custom-mine", True), ("groq", True)):
        x = exchange(native(slug, "x"), {**OWN, "cdn-loop": "cloudflare"}, permit=permit)
        attempt = await choose(x, config)
        assert (b"\r\nCDN-Loop: cloudflare, " in attempt.block(PLAIN)) is marked
        assert attempt.block(PLAIN).lower().count(b"cdn-loop") == marked
