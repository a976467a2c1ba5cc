"""What crosses to the provider and back, on every surface (specification sections 1, 3, 10, 11)."""

import json

import orjson
import pytest
from fakes.edge import ACCOUNT, Reply, RunningEdge, gateway, key, request_bytes
from fakes.provider import FakeProvider, raw, reply, reply_json, stream

from gateway.link.frames import Patch

KEY = {"Authorization": "Bearer sk-x"}


# --- the request's fields ---------------------------------------------------------------------------


async def test_only_the_providers_own_fields_cross(edge: RunningEdge, provider: FakeProvider) -> None:
    token = edge.admit()
    crossing = [
        ("Authorization", "Bearer sk-x"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("accept", "*/*"),
        ("User-Agent", "OpenAI/Python 2"),
        ("OpenAI-Organization", "org-1"),
        ("X-Stainless-Lang", "python"),
        ("X-Two", "1"),
        ("X-Two", "2"),
        ("Accept-Encoding", "gzip, br"),
        ("X-Empty", ""),
        ("X-Umlaut", "ä".encode().decode("latin-1")),
    ]
    staying = [
        ("cf-aig-authorization", f"Bearer {token}"),
        ("CF-AIG-Metadata", '{"a":1}'),
        ("cf-aig-whatever", "x"),
        ("cf-access-jwt-assertion", "x"),
        ("CF-Connecting-IP", "1.2.3.4"),
        ("cf-cache-ttl", "60"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "x"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Trailer", "X-T"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Connection", "x"),
        ("Cookie", "session=1; CF_Authorization=x"),
        ("Forwarded", "for=1.2.3.4"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-Host", "evil"),
        ("X-Real-IP", "1.2.3.4"),
        ("X-Gateway-Client", "1.2.3.4"),
    ]
    mixed = [
        field for pair in zip(staying, [*crossing, *[("X-Filler", str(n)) for n in range(8)]], strict=True) for field in pair
    ]
    answer = await edge.ask("POST", edge.native("g1", "openai/chat/completions"), mixed, b"{}")
    assert answer.status == 200
    seen = [(name, value) for name, value in provider.only.headers if not name.startswith("X-Filler")]
    assert seen[0] == ("host", provider.origin.removeprefix("http://"))
    ours = ("content-length", "CDN-Loop")  # the base URL is an operator's (decision 0028)
    assert [field for field in seen[1:] if field[0] not in ours] == crossing


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("stored/openai/x", {"authorization": "Bearer {}"}),
        ("stored/openai/x", {"cf-aig-authorization": "Bearer {}", "x-api-key": "{}"}),
        ("g1/openai/x", {"cf-aig-authorization": "{}", "Authorization": "Bearer sk-x", "x-goog-api-key": "{}"}),
        (
            "g1/google-ai-studio/v1beta/m?key={}&alt=sse&x-goog-api-key={}",
            {"cf-aig-authorization": "{}", "x-goog-api-key": "AIza"},
        ),
        ("open/openai/x", {"authorization": "Bearer {}", "api-key": "{}"}),
        ("open/openai/x?key={}", {"cf-aig-authorization": "Bearer {}"}),
        ("stored/compat/chat/completions?token={}", {"authorization": "Bearer {}"}),
    ],
)
async def test_our_token_never_reaches_a_provider(
    edge: RunningEdge, provider: FakeProvider, target: str, headers: dict[str, str]
) -> None:
    token = edge.admit()
    filled = {name: value.format(token) for name, value in headers.items()}
    answer = await edge.ask("POST", edge.native(target.replace("{}", token)), filled, b'{"model":"openai/m"}')
    assert answer.status == 200
    seen = provider.only
    assert "agw_" not in seen.target
    assert [value for _, value in seen.headers if "agw_" in value] == []


async def test_a_query_key_of_ours_does_not_displace_the_stored_one(edge: RunningEdge, provider: FakeProvider) -> None:
    edge.link.deliver(Patch(2, gateways=(gateway("g1", keys=[key("google-ai-studio", "AIza-stored")]),)))
    token = edge.admit()
    target = edge.native("g1", f"google-ai-studio/v1beta/m:x?key={token}&alt=sse")
    assert (await edge.ask("POST", target, {"cf-aig-authorization": token}, b"{}")).status == 200
    assert provider.only.target == "/v1beta/m:x?alt=sse"
    assert provider.only.header("x-goog-api-key") == "AIza-stored"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sk-x"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "sk-bare"},
        {"x-api-key": "sk-ant", "Authorization": "Bearer other"},
    ],
)
async def test_the_requests_own_key_passes_as_it_is(edge: RunningEdge, provider: FakeProvider, headers: dict[str, str]) -> None:
    target = edge.native("stored", "openai/x")
    assert (await edge.ask("POST", target, {"cf-aig-authorization": edge.admit(), **headers}, b"{}")).status == 200
    assert {name: value for name, value in provider.only.headers if name.lower() in ("authorization", "x-api-key")} == headers


@pytest.mark.parametrize(
    ("provider_path", "body", "slot", "value", "also"),
    [
        ("anthropic/v1/messages", b"{}", "x-api-key", "sk-stored", {"anthropic-version": "2023-06-01"}),
        ("google-ai-studio/v1beta/models/m:generateContent", b"{}", "x-goog-api-key", "sk-stored", {}),
        ("groq/chat/completions", b"{}", "authorization", "Bearer sk-stored", {}),
        ("fal/fal-ai/flux", b"{}", "authorization", "Key sk-stored", {}),
        ("compat/chat/completions", b'{"model":"anthropic/c"}', "authorization", "Bearer sk-stored", {}),
        ("compat/chat/completions", b'{"model":"google/g"}', "authorization", "Bearer sk-stored", {}),
    ],
)
async def test_a_stored_key_travels_where_the_provider_reads_it(
    edge: RunningEdge, provider: FakeProvider, provider_path: str, body: bytes, slot: str, value: str, also: dict[str, str]
) -> None:
    slugs = ("anthropic", "google-ai-studio", "groq", "fal")
    edge.link.deliver(Patch(2, gateways=(gateway("g1", keys=[key(slug, "sk-stored\n") for slug in slugs]),)))
    answer = await edge.ask("POST", edge.native("g1", provider_path), {"cf-aig-authorization": edge.admit()}, body)
    assert answer.status == 200
    assert provider.only.header(slot) == value
    for name, wanted in also.items():
        assert provider.only.header(name) == wanted


async def test_the_clients_own_version_stands(edge: RunningEdge, provider: FakeProvider) -> None:
    headers = {"cf-aig-authorization": edge.admit(), "anthropic-version": "2026-10-21"}
    assert (await edge.ask("POST", edge.native("stored", "anthropic/v1/messages"), headers, b"{}")).status == 200
    assert provider.only.header("anthropic-version") == "2026-10-21"


# --- the request's target ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "arrives"),
    [
        ("openai/chat/completions", "/v1/chat/completions"),
        ("openai/v1/chat/completions", "/v1/chat/completions"),
        ("openai/a%2Fb%20c//d/?b=2&a=1&a=%41&empty=&flag", "/v1/a%2Fb%20c//d/?b=2&a=1&a=%41&empty=&flag"),
        ("openai/x?", "/v1/x?"),
        ("openai/x?q=a/b?c", "/v1/x?q=a/b?c"),
        ("openai/models/@cf:x;y=(1),'*!$+~", "/v1/models/@cf:x;y=(1),'*!$+~"),
        ("openai", "/v1/"),
        ("anthropic/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("groq/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        ("workers-ai/@cf/meta/llama", "/ai/run/@cf/meta/llama"),
        ("workers-ai/run/@cf/meta/llama", "/ai/run/@cf/meta/llama"),
        ("workers-ai/v1/chat/completions", "/ai/v1/chat/completions"),
        ("custom-mine/any/path?x=%2e", "/any/path?x=%2e"),
    ],
)
async def test_path_and_query_arrive_byte_for_byte(edge: RunningEdge, provider: FakeProvider, rest: str, arrives: str) -> None:
    assert (await edge.ask("POST", edge.native("open", rest), KEY, b"{}")).status == 200
    assert provider.only.target == arrives


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_native_takes_every_method(edge: RunningEdge, provider: FakeProvider, method: str) -> None:
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    assert (await edge.ask(method, edge.native("open", "openai/files/1"), KEY, body)).status == 200
    assert provider.only.method == method


async def test_a_custom_provider_gets_its_own_fields(edge: RunningEdge, provider: FakeProvider) -> None:
    fields = {**KEY, "cf-aig-authorization": edge.admit()}
    await edge.ask("POST", edge.native("g1", "custom-mine/x"), {**fields, "X-Mine": "theirs"}, b"{}")
    await edge.ask("POST", edge.native("g1", "compat/chat/completions"), fields, b'{"model":"custom-mine/m/1"}')
    native, compat = provider.requests
    assert native.all("x-mine") == ["yes"], "the administrator's field stands"
    assert compat.all("x-mine") == ["yes"]
    assert (compat.target, compat.json()) == ("/v1/chat/completions", {"model": "m/1"})


@pytest.mark.parametrize(
    ("model", "target", "sent"),
    [
        ("openai/gpt-4.1", "/v1/chat/completions", "gpt-4.1"),
        ("groq/openai/gpt-oss-120b", "/openai/v1/chat/completions", "openai/gpt-oss-120b"),
        ("anthropic/claude-haiku-4-5", "/v1/chat/completions", "claude-haiku-4-5"),
        ("google-ai-studio/gemini-2.5-pro", "/v1beta/openai/chat/completions", "gemini-2.5-pro"),
        ("workers-ai/@cf/meta/llama", "/ai/v1/chat/completions", "@cf/meta/llama"),
    ],
)
async def test_compat_splits_the_model_at_its_first_slash(
    edge: RunningEdge, provider: FakeProvider, model: str, target: str, sent: str
) -> None:
    body = f'{{"temperature":0.10, "model" : "{model}","extra":{{"model":"x/y"}},"n":1e3}}'
    assert (await edge.ask("POST", edge.native("open", "compat/chat/completions"), KEY, body.encode())).status == 200
    assert provider.only.target == target
    assert provider.only.body.decode() == body.replace(f'"{model}"', f'"{sent}"'), "nothing else is touched"


@pytest.mark.parametrize("where", ["compat", "rest"])
async def test_a_model_list(edge: RunningEdge, where: str) -> None:
    token = edge.admit()
    if where == "compat":
        answer = await edge.ask("GET", edge.native("g1", "compat/models"), {"cf-aig-authorization": token})
    else:
        edge.link.deliver(Patch(2, gateways=(gateway("default"),)))
        answer = await edge.ask("GET", edge.rest("v1/models"), {"Authorization": f"Bearer {token}"})
    body = answer.json()
    assert (answer.status, body["object"]) == (200, "list")
    assert {tuple(sorted(entry)) for entry in body["data"]} == {("created", "id", "object", "owned_by")}
    await edge.quiet()
    assert edge.records == [], "a list of names is no inference"


# --- /ai/run ------------------------------------------------------------------------------------------


async def run(edge: RunningEdge, body: object) -> Reply:
    slugs = ("openai", "anthropic", "workers-ai")
    edge.link.deliver(Patch(2, gateways=(gateway("default", keys=[key(slug, "sk-stored") for slug in slugs]),)))
    headers = {"Authorization": f"Bearer {edge.admit()}", "Accept-Encoding": "gzip"}
    return await edge.ask("POST", edge.rest("run"), headers, json.dumps(body).encode())


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_run_puts_the_answer_into_an_envelope(edge: RunningEdge, provider: FakeProvider, framing: str) -> None:
    answer = {"id": "chatcmpl-1", "choices": [{"message": {"content": "x" * 100_000}}]}
    provider.script(reply_json(answer, framing=framing))  # type: ignore[arg-type]
    got = await run(edge, {"model": "openai/gpt-4.1", "input": {"messages": [], "temperature": 1}})
    assert got.status == 200
    assert got.json() == {"result": answer, "success": True, "errors": [], "messages": []}
    assert provider.only.json() == {"model": "gpt-4.1", "messages": [], "temperature": 1}
    assert provider.only.header("accept-encoding") == "identity", "a coded answer could not be enveloped"


@pytest.mark.parametrize(
    ("model", "given", "target"),
    [
        ("openai/gpt-4.1", {"messages": []}, "/v1/chat/completions"),
        ("openai/gpt-4.1", {"input": "x"}, "/v1/responses"),
        ("openai/text-embedding-3-small", {"input": "x"}, "/v1/embeddings"),
        ("anthropic/claude-haiku-4-5", {"messages": []}, "/v1/messages"),
        ("@cf/meta/llama-3.1-8b-instruct", {"prompt": "x"}, "/ai/run/@cf/meta/llama-3.1-8b-instruct"),
    ],
)
async def test_run_finds_the_endpoint_for_the_input(
    edge: RunningEdge, provider: FakeProvider, model: str, given: dict[str, object], target: str
) -> None:
    assert (await run(edge, {"model": model, "input": given})).status == 200
    assert provider.only.target == target


async def test_run_passes_streams_and_errors_as_they_are(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(stream([b"data: {}\n\n"]), reply_json({"error": "slow down"}, 429, [("retry-after", "7")]))
    asked = {"model": "openai/gpt-4.1", "input": {"messages": [], "stream": True}}
    assert (await run(edge, asked)).body == b"data: {}\n\n"
    limited = await run(edge, asked)
    assert (limited.status, limited.json(), limited.header("retry-after")) == (429, {"error": "slow down"}, "7")


async def test_run_with_an_empty_answer(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(raw(b"HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n"))
    got = await run(edge, {"model": "openai/gpt-4.1", "input": {"messages": []}})
    assert (got.status, got.body) == (204, b"")


# --- the answer's fields --------------------------------------------------------------------------------


async def test_the_providers_answer_passes_unchanged(edge: RunningEdge, provider: FakeProvider) -> None:
    body = orjson.dumps({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
    passing = [
        ("Content-Type", "application/json"),
        ("x-request-id", "req_1"),
        ("openai-organization", "org"),
        ("Vary", "Accept"),
        ("Vary", "Origin"),
        ("retry-after", "3"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
        ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("Server", "provider"),
        ("Content-Encoding", "identity"),
    ]
    staying = [
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Alt-Svc", 'h3=":443"'),
        ("Set-Cookie", "a=1"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Link", "<a>"),
        ("cf-aig-log-id", "forged"),
    ]
    provider.script(reply(body, 401, [*staying, *passing]))
    answer = await edge.ask("POST", edge.native("open", "openai/x"), KEY, b"{}")
    assert (answer.status, answer.body) == (401, body)
    ours = ("cf-aig-", "content-length", "content-security-policy", "x-content-type-options")
    assert [field for field in answer.headers if not field[0].startswith(ours)] == passing
    assert answer.header("cf-aig-log-id") != "forged"
    assert (await edge.record()).status_code == 401


async def test_ids_of_the_answer(edge: RunningEdge) -> None:
    target = edge.native("open", "openai/x")
    plain = await edge.ask("POST", target, KEY, b"{}")
    assert plain.header("cf-aig-event-id") == plain.header("cf-aig-request-id") == plain.header("cf-aig-log-id")
    named = await edge.ask("POST", target, {**KEY, "cf-aig-event-id": "trace-1"}, b"{}")
    assert named.header("cf-aig-event-id") == "trace-1"
    assert named.header("cf-aig-request-id") == named.header("cf-aig-log-id") != plain.header("cf-aig-request-id")


async def test_keep_alive_answers_many_requests_on_one_connection(edge: RunningEdge, provider: FakeProvider) -> None:
    async with edge.client() as wire:
        ids = set()
        for turn in range(20):
            # Fields stay the same, path and verdict do not: nothing may be remembered wrongly.
            gateway_id = ("open", "g1")[turn % 2]
            answer = await wire.ask("POST", edge.native(gateway_id, f"openai/x{turn}"), KEY, b"{}")
            assert answer.status == (200, 401)[turn % 2]
            ids.add(answer.header("cf-aig-request-id"))
        assert len(ids) == 20
    assert [seen.target for seen in provider.requests] == [f"/v1/x{turn}" for turn in range(0, 20, 2)]
    assert len(provider.connections) == 1


async def test_pipelined_requests_are_answered_in_order(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.always = lambda exchange: reply(exchange.received.target.encode())(exchange)
    async with edge.client() as wire:
        await wire.send(b"".join(request_bytes("POST", edge.native("open", f"openai/{n}"), KEY, b"{}") for n in range(5)))
        assert [(await wire.reply("POST")).body for _ in range(5)] == [b"/v1/%d" % n for n in range(5)]


@pytest.mark.parametrize(("encoding", "events"), [([], 2), ([("Content-Encoding", "br")], 0)])
async def test_events_are_counted_where_they_can_be_seen(
    edge: RunningEdge, provider: FakeProvider, encoding: list[tuple[str, str]], events: int
) -> None:
    """Compressed bytes may look like the ends of events, and are none."""
    provider.script(stream([b"data: 1\n\n", b"data: 2\n\n"], [("Content-Type", "text/event-stream"), *encoding]))
    assert (await edge.ask("POST", edge.native("open", "openai/chat/completions"), KEY, b"{}")).status == 200
    record = await edge.record()
    assert (record.streamed, record.events) == (True, events)


async def test_the_log_knows_what_happened(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(reply_json({"model": "gpt-4.1-mini-2025", "usage": {"prompt_tokens": 3, "completion_tokens": 5}}))
    headers = {**KEY, "cf-aig-authorization": edge.admit(), "User-Agent": "t/1", "Content-Type": "application/json"}
    answer = await edge.ask("POST", edge.native("g1", "openai/chat/completions?secret=1"), headers, b'{"model":"m"}')
    record = await edge.record()
    assert record._replace(created_at=0, duration_ms=0, first_byte_ms=0, overhead_us=0)._asdict() == {
        "id": answer.header("cf-aig-log-id"),
        "account_id": ACCOUNT,
        "gateway_id": "g1",
        "created_at": 0,
        "provider": "openai",
        "model": "gpt-4.1-mini-2025",
        "model_type": "chat",
        "method": "POST",
        "path": "chat/completions",
        "status_code": 200,
        "success": True,
        "outcome": "completed",
        "cached": False,
        "duration_ms": 0,
        "first_byte_ms": 0,
        "tokens_in": 3,
        "tokens_out": 5,
        "tokens_cached": None,
        "tokens_reasoning": None,
        "usage_exactness": "exact",
        "metadata": None,
        "step": 0,
        "request_type": "",
        "request_content_type": "application/json",
        "response_content_type": "application/json",
        "request_size": 13,
        "response_size": len(answer.body),
        "event_id": answer.header("cf-aig-event-id"),
        "user_agent": "t/1",
        "authentication": True,
        "token_id": "token-1",
        "streamed": False,
        "tokens_cache_write": None,
        "events": 0,
        "overhead_us": 0,
        "auth_state": "miss",
        "custom_cost": None,
        "asked": True,
        "error_code": None,
        "error_message": "",
        "error_cause": "",
        "cost": None,
    }
    assert record.overhead_us is not None
    assert record.overhead_us > 0
    assert record.first_byte_ms is not None
    assert 0 <= record.first_byte_ms <= record.duration_ms


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("{origin}/files/2?a=1", ["/v1/{account}/open/custom-mine/files/2?a=1"]),
        ("/files/2", ["/v1/{account}/open/custom-mine/files/2"]),
        ("https://evil.example/", []),
        ("//evil.example/", []),
    ],
)
@pytest.mark.parametrize("status", [201, 302, 307, 308])
async def test_a_provider_leads_clients_to_us_or_nowhere(
    edge: RunningEdge, provider: FakeProvider, location: str, told: list[str], status: int
) -> None:
    """A client that follows takes our token along."""
    led = location.replace("{origin}", provider.origin)
    fields = [("Location", led), ("Content-Location", led), ("X-Other", "1")]
    provider.script(reply(b"moved", status, fields), reply(b"there", 200))
    async with edge.client() as wire:
        answer = await wire.ask("POST", edge.native("open", "custom-mine/files/1"), KEY, b"{}")
        assert (answer.status, answer.body, answer.header("x-other")) == (status, b"moved", "1")
        assert answer.all("location") == [one.replace("{account}", ACCOUNT) for one in told]
        assert answer.all("content-location") == []
        for target in answer.all("location"):
            assert (await wire.ask("GET", target, KEY)).body == b"there"
            assert provider.requests[-1].target == location.removeprefix("{origin}")


async def test_compat_leads_nowhere(edge: RunningEdge, provider: FakeProvider) -> None:
    provider.script(reply(b"moved", 307, [("Location", "/v1/chat/completions/")]))
    answer = await edge.ask("POST", edge.native("open", "compat/chat/completions"), KEY, b'{"model":"custom-mine/m"}')
    assert (answer.status, answer.all("location")) == (307, [])


# --- paths that clients get wrong, and what they are told


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("rest", "v1/v1/messages"),
        ("rest", "v1/messages"),
        ("rest", "v1/messages/v1/messages"),
        ("rest", "v1//messages"),
        ("rest", "/v1/messages"),
    ],
)
async def test_what_is_said_twice_is_folded(edge: RunningEdge, provider: FakeProvider, base: str, path: str) -> None:
    own = {"Authorization": f"Bearer {edge.admit()}", "cf-aig-gateway-id": "stored"}
    answer = await edge.ask("POST", edge.rest(path), own, b'{"model":"anthropic/claude-x","messages":[]}')
    assert (answer.status, provider.only.target) == (200, "/v1/messages")


@pytest.mark.parametrize("path", ["v1/messages/count_tokens", "v1/v1/messages/count_tokens?beta=true"])
@pytest.mark.parametrize("slot", ["x-api-key", "Authorization"])
async def test_tokens_are_counted_where_the_provider_counts_them(
    edge: RunningEdge, provider: FakeProvider, path: str, slot: str
) -> None:
    provider.script(reply_json({"input_tokens": 14}))
    token = edge.admit()
    own = {slot: token if slot == "x-api-key" else f"Bearer {token}", "cf-aig-gateway-id": "stored"}
    answer = await edge.ask("POST", edge.rest(path), own, b'{"model":"anthropic/claude-x","messages":[]}')
    assert (answer.status, answer.json()) == (200, {"input_tokens": 14})
    assert provider.only.target == "/v1/messages/count_tokens" + path.partition("s/count_tokens")[2].replace("s/", "")
    assert provider.only.header("x-api-key") == "sk-ant-stored"
    assert provider.only.header("anthropic-version") == "2023-06-01"
    assert orjson.loads(provider.only.body)["model"] == "claude-x"
    record = await edge.record()
    assert (record.model, record.tokens_in, record.tokens_out) == ("claude-x", None, None)


async def test_a_provider_that_does_not_count_is_not_asked(edge: RunningEdge, provider: FakeProvider) -> None:
    own = {"x-api-key": edge.admit(), "cf-aig-gateway-id": "stored"}
    answer = await edge.ask("POST", edge.rest("v1/messages/count_tokens"), own, b'{"model":"openai/m","messages":[]}')
    assert (answer.status, answer.json()["errors"][0]["code"], provider.requests) == (400, 2903, [])


@pytest.mark.parametrize("path", ["v1/models", "v1/v1/models"])
async def test_anthropics_clients_may_list_models(edge: RunningEdge, path: str) -> None:
    answer = await edge.ask("GET", edge.rest(path), {"x-api-key": edge.admit(), "cf-aig-gateway-id": "g1"})
    assert (answer.status, answer.json()["object"]) == (200, "list")


async def test_embeddings_on_compat(edge: RunningEdge, provider: FakeProvider) -> None:
    own = {"cf-aig-authorization": f"Bearer {edge.admit()}"}
    body = b'{"model":"openai/text-embedding-3-small","input":"x"}'
    answer = await edge.ask("POST", edge.native("stored", "compat/embeddings"), own, body)
    assert (answer.status, provider.only.target) == (200, "/v1/embeddings")
    assert orjson.loads(provider.only.body) == {"model": "text-embedding-3-small", "input": "x"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/v1/{ACCOUNT}/g1/compat/images/generations", 404),
        ("POST", f"/v1/{ACCOUNT}/g1/compat", 404),
        ("GET", f"/v1/{ACCOUNT}/g1/compat/chat/completions", 405),
        ("POST", f"/v1/{ACCOUNT}/nosuch/compat/chat/completions", 400),
        ("POST", f"/client/v4/accounts/{ACCOUNT}/ai/v1/images/generations", 404),
        ("POST", f"/client/v4/accounts/{ACCOUNT}/ai/v1", 404),
        ("GET", f"/client/v4/accounts/{ACCOUNT}/ai/v1/responses", 405),
        ("POST", f"/client/v4/accounts/{ACCOUNT}/ai/chat/completions", 404),
        ("POST", f"/client/v4/accounts/{ACCOUNT}/ai/v2/chat/completions", 404),
        ("POST", "/chat/completions", 404),
        ("POST", "/openai/v1/chat/completions", 404),
    ],
)
async def test_openai_clients_are_told_what_was_wrong_with_the_path(
    edge: RunningEdge, method: str, path: str, status: int
) -> None:
    answer = await edge.ask(method, path, {"Authorization": f"Bearer {edge.admit()}"}, b"{}")
    assert answer.status == status
    told = answer.json()
    assert told["success"] is False
    assert told["error"]["message"] == told["errors"][0]["message"] != ""
