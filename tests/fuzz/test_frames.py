"""Foreign input on the link ends in a frame or in BadFrame, never in another error."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.link.frames import _KINDS, BadFrame, decode, encode

_LEAF = st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text(max_size=8))
_NAMES = st.sampled_from(
    [
        "gateway",
        "keys",
        "account_id",
        "custom_providers",
        "token_id",
        "grants",
        "not_before",
        "expires_on",
        "ip_in",
        "ip_not_in",
        "id",
    ]
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
_PRINCIPAL = st.fixed_dictionaries(
    {"token_id": _LEAF, "grants": _JSON, "not_before": _LEAF, "expires_on": _LEAF, "ip_in": _JSON, "ip_not_in": _JSON}
)


def read(message: bytes) -> None:
    try:
        frame = decode(message)
    except BadFrame:
        return
    assert type(frame).__name__ in _KINDS


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(_KINDS)), st.lists(_JSON, max_size=5))
def test_known_kinds_with_foreign_fields(kind: str, values: list[Any]) -> None:
    read(orjson.dumps([kind, *values]))


@settings(max_examples=100, deadline=None)
@given(_PRINCIPAL)
def test_principals_with_foreign_parts(principal: dict[str, Any]) -> None:
    read(orjson.dumps(["TokenAnswer", 1, principal]))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=60), _JSON.map(orjson.dumps)))
def test_anything_else(message: bytes) -> None:
    read(message)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=20), st.integers(-(2**62), 2**62), max_size=5))
def test_counters_survive_the_way(deltas: dict[str, int]) -> None:
    kind = _KINDS["Counters"]
    assert decode(encode(kind(deltas))) == kind(deltas)
