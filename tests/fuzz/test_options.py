"""Any option text: read or ignored, never an error, always within bounds."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocol.options import _RULES, RequestOptions

_LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70).map(float),
    st.integers(-(2**63), 2**63),
    st.floats(),
    st.text(max_size=5),
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=8), max_leaves=12
)
_COST = st.dictionaries(st.sampled_from(["per_token_in", "per_token_out", "total_cost", "x"]), _LEAF, max_size=4)
_VALUE = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(-5, 3_000_000).map(lambda number: str(number).encode()),
    st.sampled_from([b"true", b"false", b"0", b"60", b"constant", b"a" * 32, b"a" * 16, b"g1"]),
    st.one_of(_JSON, _COST).map(orjson.dumps),
)
_CONTROL = st.dictionaries(st.sampled_from(sorted(_RULES)), _VALUE, max_size=6)


@settings(max_examples=300, deadline=None)
@given(_CONTROL)
def test_options_are_read_or_ignored(control: dict[bytes, bytes]) -> None:
    options = RequestOptions.read(control)
    assert options.cache_ttl_s is None or options.cache_ttl_s == 0 or 60 <= options.cache_ttl_s <= 2_592_000
    assert options.max_attempts in (None, 1, 2, 3, 4, 5)
    assert options.retry_delay_ms is None or 0 <= options.retry_delay_ms <= 60_000
    assert options.request_timeout_ms is None or options.request_timeout_ms >= 1
    assert isinstance(options.no_wholesale, bool)
    if options.metadata is not None:
        entries = orjson.loads(options.metadata)
        assert 1 <= len(entries) <= 5
        assert not any(key.startswith("cf.") for key in entries)
        assert not any(isinstance(value, list | dict) for value in entries.values())
    if options.custom_cost is not None:
        assert all(0 <= cost < float("inf") for cost in orjson.loads(options.custom_cost).values())
