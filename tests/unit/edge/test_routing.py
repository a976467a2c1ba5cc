"""The routing table: every URL of specification section 1, and what must lead nowhere."""

import pytest

from gateway.edge.routing import acceptable_model, classify, surface_of
from gateway.model.faults import BAD_PATH, METHOD_NOT_ALLOWED, UNKNOWN_ROUTE, Fault, Refusal
from gateway.model.routes import Endpoint, Route, Surface

A = "0123456789abcdef0123456789abcdef"
REST = f"/client/v4/accounts/{A}/ai"
NATIVE, COMPAT, UNIVERSAL = Surface.PROVIDER_NATIVE, Surface.COMPAT, Surface.UNIVERSAL
CONTROL, DASHBOARD = Route(Surface.CONTROL), Route(Surface.DASHBOARD)


def native(provider: str, tail: str = "", gateway: str = "g1") -> Route:
    return Route(NATIVE, A, gateway, provider, tail)


def v1(endpoint: Endpoint, tail: str = "") -> Route:
    return Route(Surface.REST_V1, A, "", tail=tail, endpoint=endpoint)


def run(model: str = "") -> Route:
    return Route(Surface.REST_RUN, A, "", tail=model, endpoint=Endpoint.RUN)


ROUTES: list[tuple[str, str, Route]] = [
    # the gateway tree
    ("POST", f"/v1/{A}/g1/openai/chat/completions", native("openai", "chat/completions")),
    ("POST", f"/v1/{A}/g1/openai/v1/chat/completions?a=1", native("openai", "v1/chat/completions?a=1")),
    ("GET", f"/v1/{A}/g1/openai", native("openai")),
    ("GET", f"/v1/{A}/g1/openai/", native("openai")),
    ("GET", f"/v1/{A}/g1/openai?x=1", native("openai?x=1".partition("?")[0], "?x=1")),
    ("PUT", f"/v1/{A}/g1/custom-mine/a//b/%2e%2E", native("custom-mine", "a//b/%2e%2E")),
    ("POST", f"/v1/{A}/g1/openai/compat/chat/completions", native("openai", "compat/chat/completions")),
    ("POST", f"/v1/{A}/g1/OpenAI/x", native("OpenAI", "x")),
    ("POST", f"/v1/{A}/g1/compat/chat/completions", Route(COMPAT, A, "g1", endpoint=Endpoint.CHAT)),
    ("POST", f"/v1/{A}/g1/compat/chat/completions/", Route(COMPAT, A, "g1", endpoint=Endpoint.CHAT)),
    ("POST", f"/v1/{A}/g1/compat/chat/completions?a=b", Route(COMPAT, A, "g1", tail="?a=b", endpoint=Endpoint.CHAT)),
    ("GET", f"/v1/{A}/g1/compat/models", Route(COMPAT, A, "g1", endpoint=Endpoint.MODELS)),
    ("POST", f"/v1/{A}/g1/compat/embeddings", Route(COMPAT, A, "g1", endpoint=Endpoint.EMBEDDINGS)),
    *(
        ("POST", f"/v1/{A}/g1/compat/{path}", Route(COMPAT, A, "g1", endpoint=Endpoint.CHAT))
        for path in (
            "v1/chat/completions",
            "v1/v1/chat/completions",
            "/chat/completions",
            "/v1//chat/completions/",
            "chat/completions/chat/completions",
            "chat/completions/v1/chat/completions",
            "chat/completions//chat/completions",
            "models/chat/completions",
        )
    ),
    ("GET", f"/v1/{A}/g1/compat/chat/completions/models", Route(COMPAT, A, "g1", endpoint=Endpoint.MODELS)),
    ("POST", f"/v1/{A}/g1/compat/v1/embeddings?a=b", Route(COMPAT, A, "g1", tail="?a=b", endpoint=Endpoint.EMBEDDINGS)),
    ("POST", f"/v1/{A}/g1", Route(UNIVERSAL, A, "g1")),
    ("POST", f"/v1/{A}/g1/", Route(UNIVERSAL, A, "g1")),
    ("GET", f"/v1/{A}/g1?x=1", Route(UNIVERSAL, A, "g1")),
    # REST
    ("POST", f"{REST}/v1/chat/completions", v1(Endpoint.CHAT)),
    ("POST", f"{REST}/v1/chat/completions?x=1", v1(Endpoint.CHAT, "?x=1")),
    ("POST", f"{REST}/v1/responses", v1(Endpoint.RESPONSES)),
    ("POST", f"{REST}/v1/messages", v1(Endpoint.MESSAGES)),
    ("POST", f"{REST}/v1/v1/messages", v1(Endpoint.MESSAGES)),
    ("POST", f"{REST}/v1/embeddings/", v1(Endpoint.EMBEDDINGS)),
    ("GET", f"{REST}/v1/models", v1(Endpoint.MODELS)),
    ("GET", f"{REST}/v1/v1/models", v1(Endpoint.MODELS)),
    ("POST", f"{REST}/v1/messages/count_tokens?beta=true", v1(Endpoint.COUNT_TOKENS, "?beta=true")),
    ("POST", f"{REST}/v1/v1/messages/count_tokens", v1(Endpoint.COUNT_TOKENS)),
    ("POST", f"{REST}/v1/messages/v1/messages", v1(Endpoint.MESSAGES)),
    ("POST", f"{REST}/v1/messages/messages/count_tokens", v1(Endpoint.COUNT_TOKENS)),
    ("POST", f"{REST}/v1//chat/completions", v1(Endpoint.CHAT)),
    ("POST", f"{REST}//v1/chat/completions", v1(Endpoint.CHAT)),
    ("POST", f"{REST}/v1/chat/completions/responses", v1(Endpoint.RESPONSES)),
    ("POST", f"{REST}//run", run()),
    ("POST", f"{REST}/run", run()),
    ("POST", f"{REST}/run/", run()),
    ("POST", f"{REST}/run?x=1", run()),
    ("POST", f"{REST}/run/@cf/meta/llama-3.1-8b-instruct", run("@cf/meta/llama-3.1-8b-instruct")),
    ("POST", f"{REST}/run/@cf%2Fmeta%2Fllama-3.1-8b-instruct", run("@cf/meta/llama-3.1-8b-instruct")),
    ("POST", f"{REST}/run/%40cf%2fmeta%2fllama", run("@cf/meta/llama")),
    ("GET", "/", Route(Surface.OPS, tail="home")),
    # control's
    ("GET", f"{REST}/models/search?page=1", CONTROL),
    ("GET", f"/client/v4/accounts/{A}/ai-gateway/gateways", CONTROL),
    ("PUT", "/client/v4/user/tokens/verify", CONTROL),
    ("GET", "/client/v4/", CONTROL),
    ("GET", "/dashboard", DASHBOARD),
    ("GET", "/dashboard/app.js?v=1", DASHBOARD),
    ("GET", "/livez", Route(Surface.OPS, tail="livez")),
    ("GET", "/readyz?verbose", Route(Surface.OPS, tail="readyz")),
]

REFUSED: list[tuple[str, str, Fault]] = [
    *(
        ("GET", path, UNKNOWN_ROUTE)
        for path in (
            "/v1",
            "/v1/",
            f"/v1/{A}",
            f"/v1/{A}/",
            "/v1//g1/openai/x",
            f"/v1/{A}//openai/x",
            f"//v1/{A}/g1/openai/x",
            f"/V1/{A}/g1/openai/x",
            "/v10/a/b/c",
            "/client/v4",
            "/client/v5/accounts",
            "/dashboards",
            "/livez/",
            "/metrics",
            "/robots.txt",
        )
    ),
    ("GET", f"/v1/{A}/g1/compat/chat/completions", METHOD_NOT_ALLOWED),
    ("POST", f"/v1/{A}/g1/compat/models", METHOD_NOT_ALLOWED),
    ("POST", f"/v1/{A}/g1/compat", UNKNOWN_ROUTE),
    ("POST", f"/v1/{A}/g1/compat/", UNKNOWN_ROUTE),
    ("GET", f"/v1/{A}/g1/compat/embeddings", METHOD_NOT_ALLOWED),
    ("POST", f"/v1/{A}/g1/compat/v1", UNKNOWN_ROUTE),
    ("POST", f"/v1/{A}/g1/compat/v1/v1", UNKNOWN_ROUTE),
    ("POST", f"/v1/{A}/g1/compat/v2/chat/completions", UNKNOWN_ROUTE),
    ("POST", f"/v1/{A}/g1/compat/chat/completions/x", UNKNOWN_ROUTE),
    ("POST", f"/v1/{A}/g1/compat/messages", UNKNOWN_ROUTE),
    ("GET", REST, UNKNOWN_ROUTE),
    ("POST", f"{REST}/runs", UNKNOWN_ROUTE),
    ("GET", f"{REST}/v2/models", UNKNOWN_ROUTE),
    ("POST", f"{REST}/chat/completions", UNKNOWN_ROUTE),
    ("GET", f"{REST}/v1/chat/completions", METHOD_NOT_ALLOWED),
    ("DELETE", f"{REST}/v1/models", METHOD_NOT_ALLOWED),
    ("GET", f"{REST}/run", METHOD_NOT_ALLOWED),
    ("GET", f"{REST}/run/@cf/x", METHOD_NOT_ALLOWED),
    ("POST", f"{REST}/v1/images", UNKNOWN_ROUTE),
    ("POST", f"{REST}/v1/", UNKNOWN_ROUTE),
    ("POST", f"{REST}/v1/Chat/completions", UNKNOWN_ROUTE),
    ("GET", f"/v1/{A}/g1/openai//", BAD_PATH),
    ("GET", f"/v1/{A}/g1/anthropic//host.invalid/x?a", BAD_PATH),
    ("POST", f"{REST}/run/@cf/a%20b", BAD_PATH),
    ("POST", f"{REST}/run/@cf%2F..%2F..%2Ftokens", BAD_PATH),
    ("POST", f"{REST}/run/@cf/%252e%252e/x", BAD_PATH),
    ("POST", f"{REST}/run/@cf/x%3Fy", BAD_PATH),
    ("POST", f"{REST}/run/@cf/x%0d%0aX: y", BAD_PATH),
    ("POST", f"{REST}/run/@cf/{'x' * 300}", BAD_PATH),
    ("POST", "/client/v4/accounts//ai/run", UNKNOWN_ROUTE),
    ("POST", "/client/v4/accounts//ai/v1/chat/completions", UNKNOWN_ROUTE),
]


@pytest.mark.parametrize(("method", "target", "route"), ROUTES)
def test_urls_of_the_specification(method: str, target: str, route: Route) -> None:
    assert classify(method, target, b"") == route


@pytest.mark.parametrize(("method", "target", "fault"), REFUSED)
def test_what_leads_nowhere(method: str, target: str, fault: Fault) -> None:
    with pytest.raises(Refusal) as refused:
        classify(method, target, b"")
    assert refused.value.fault is fault


@pytest.mark.parametrize("path", ["v1/chat/completions", "run", "run/@cf/x"])
def test_the_header_names_the_gateway_on_rest_only(path: str) -> None:
    assert classify("POST", f"{REST}/{path}", b"g7").gateway_id == "g7"
    assert classify("POST", f"/v1/{A}/g1/openai/x", b"g7").gateway_id == "g1"
    assert classify("POST", f"{REST}/run", "gä".encode()).gateway_id != "g"


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("@cf/meta/llama-3.1-8b-instruct", True),
        ("@hf/x/y_z:latest", True),
        ("", False),
        ("@cf/../x", False),
        ("@cf/./x", False),
        ("@cf/..x", True),
        ("@cf/x?y", False),
        ("@cf/x#y", False),
        ("@cf/x y", False),
        ("@cf/x\r\ny", False),
        ("@cf/x\n", False),
        ("@cf/é", False),
        ("x" * 257, False),
    ],
)
def test_names_that_may_stand_in_a_path(name: str, accepted: bool) -> None:
    assert acceptable_model(name) is accepted


@pytest.mark.parametrize(
    ("target", "surface"),
    [
        ("/v1/a", NATIVE),
        (f"/v1/{A}/g1/openai//x", NATIVE),
        (f"/v1/{A}/g1/openai/compat/x", NATIVE),
        (f"/v1/{A}/g1/compat", COMPAT),
        (f"/v1/{A}/g1/compat?x", COMPAT),
        (f"/v1/{A}/g1/compat/images", COMPAT),
        (f"/v1/{A}/g1/compatible/x", NATIVE),
        (REST, Surface.REST_V1),
        (f"{REST}/v1/images?x=1", Surface.REST_V1),
        (f"{REST}//v1//x", Surface.REST_V1),
        (f"{REST}/runs", Surface.REST_V1),
        (f"{REST}/run", Surface.REST_RUN),
        (f"{REST}/run?x", Surface.REST_RUN),
        (f"{REST}/run/@cf/x", Surface.REST_RUN),
        ("/client/v4/accounts//ai/v1/x", Surface.REST_V1),
        (f"{REST}/models/search", Surface.NOWHERE),
        (f"{REST}-gateway/gateways", Surface.NOWHERE),
        ("/client/v4/", Surface.NOWHERE),
        ("/livez", Surface.NOWHERE),
        ("/", Surface.NOWHERE),
        ("", Surface.NOWHERE),
    ],
)
def test_the_shape_of_errors_before_there_is_a_route(target: str, surface: Surface) -> None:
    assert surface_of(target) is surface
