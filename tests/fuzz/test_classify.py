"""Any path: a route or a refusal; a native tail is a piece of the target, byte for byte."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.routing import classify
from gateway.model.faults import Fault, Refusal
from gateway.model.routes import Route, Surface
from gateway.model.targets import has_dot_segment
from gateway.protocol.strict import examine_line

_PARTS = st.one_of(
    st.sampled_from(
        ["v1", "compat", "openai", "client", "v4", "accounts", "ai", "run", "chat", "completions", "messages", "", "models"]
    ),
    st.sampled_from(["@cf%2Fmeta%2Fllama", "..", "%2e%2e", "livez", "dashboard", "a%20b", "custom-x", "%2F", "default"]),
    st.text("abc%2eF/;:@", max_size=6),
)
_PATH = st.one_of(
    st.lists(_PARTS, max_size=8).map(lambda parts: "/" + "/".join(parts)),
    st.lists(_PARTS, max_size=5).map(lambda parts: "/v1/a/g/" + "/".join(parts)),
    st.lists(_PARTS, max_size=4).map(lambda parts: "/client/v4/accounts/a/ai/" + "/".join(parts)),
)
_TARGET = st.builds(lambda path, query: path + query, _PATH, st.sampled_from(["", "?", "?a=b", "?x=/v1/y?z"]))


def outcome(method: str, target: str, header: bytes) -> Route | Fault:
    try:
        examine_line(method, target, (1, 1))
        return classify(method, target, header)
    except Refusal as refusal:
        return refusal.fault


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["GET", "POST", "DELETE"]), _TARGET, st.sampled_from([b"", b"g1", b"\xff", b"a/b"]))
def test_a_target_leads_to_a_route_or_a_refusal(method: str, target: str, header: bytes) -> None:
    route = outcome(method, target, header)
    if isinstance(route, Fault):
        assert 400 <= route.status < 500
        return
    if route.surface is Surface.PROVIDER_NATIVE:
        whole = f"/v1/{route.account_id}/{route.gateway_id}/{route.provider}"
        assert target in (f"{whole}/{route.tail}", f"{whole}{route.tail}")
        assert "/" not in route.account_id + route.gateway_id + route.provider
    if route.surface is Surface.REST_RUN:
        assert not has_dot_segment(route.tail)
    if route.surface in (Surface.COMPAT, Surface.REST_V1):
        assert route.endpoint is not None
        assert route.tail == "" or route.tail.startswith("?")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
def test_text_of_any_kind_is_no_crash(text: str) -> None:
    with contextlib.suppress(Refusal):
        classify("GET", "/" + text, b"")
