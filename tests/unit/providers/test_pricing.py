"""What requests cost: prices found as their source finds them, no token billed twice, the unknown left unknown."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.records import LogRecord
from gateway.providers.pricing import PriceTable
from gateway.providers.registry import PROVIDERS

RECORD = LogRecord(
    "id", "a", "g", 1_700_000_000.0, "p", "m", "chat", "POST", "v1/chat/completions", 200, True, "completed", False, 1, 1,
    1000, 500, None, None, "exact", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False,
)  # fmt: skip
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC).timestamp()
MORNING = datetime(2025, 6, 1, 0, 30, tzinfo=UTC).timestamp()

TABLE = PriceTable(
    {
        "slugs": {"p": "one", "q": "two", "grok": "one", "anthropic": "one", "google-ai-studio": "one"},
        "providers": {
            "one": {
                "models": [
                    [["or", "=m", "=m-latest"], [None, [2.0, 8.0, 0.5, 2.5]]],
                    [["and", "^m-", "~tiny", "$-x"], [None, [0.1, 0.2]]],
                    ["^m-", [None, [1.0, 4.0]]],
                    ["=m-after-its-prefix", [None, [100.0, 100.0]]],
                    ["/^o[134]", [None, [3.0]]],
                    ["=thinks", [None, [1.0, 2.0, None, None, 10.0]]],
                    ["=long", [None, [[1.0, [200_000, 2.0]], [10.0, [200_000, 20.0]], [0.1, [200_000, 0.2]]]]],
                    ["=dated", [None, [1.0, 1.0]], [1_600_000_000, [2.0, 2.0]], [1_800_000_000, [3.0, 3.0]]],
                    ["=nightly", [None, [4.0, 4.0]], [[82_800, 3_600], [1.0, 1.0]]],
                    ["=daily", [None, [4.0, 4.0]], [[36_000, 50_400], [1.0, 1.0]]],
                    ["=free-of-tokens", [None, []]],
                    ["=v-2025-12-11", [None, [7.0, 7.0]]],
                ]
            },
            "two": {"models": [["=own", [None, [9.0, 9.0]]]], "fallback": ["one"]},
        },
    }
)


def cost(**fields: Any) -> float | None:
    return TABLE.cost_of(RECORD._replace(**fields))


def usd(per_million: float) -> Any:
    return pytest.approx(per_million / 1e6)


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("m", 2.0),
        ("M-Latest", 2.0),
        ("m-tiny-x", 0.1),
        ("m-tiny", 1.0),
        ("m-after-its-prefix", 1.0),
        ("o3-mini", 3.0),
        ("models/m", 2.0),
        ("v-2025-12-11", 7.0),
        ("v-20251211", 7.0),
        ("v-20251311", None),
        ("xm", None),
        ("", None),
        ("free-of-tokens", None),
        ("m-" + "x" * 200, None),
    ],
)
def test_models_are_found_as_the_source_finds_them(model: str, rate: float | None) -> None:
    for _ in range(2):  # looked up, and remembered
        assert cost(model=model, tokens_out=0) == (None if rate is None else usd(1000 * rate))


def test_another_providers_models_and_no_provider() -> None:
    assert cost(provider="q", model="own", tokens_out=0) == usd(9000)
    assert cost(provider="q", tokens_out=0) == usd(2000)
    assert cost(provider="custom-x") is None


@pytest.mark.parametrize(
    ("fields", "per_million"),
    [
        ({}, 1000 * 2 + 500 * 8),
        ({"tokens_cached": 400}, 600 * 2 + 400 * 0.5 + 500 * 8),
        ({"tokens_cached": 400, "tokens_cache_write": 100}, 500 * 2 + 400 * 0.5 + 100 * 2.5 + 500 * 8),
        ({"tokens_cached": 400, "tokens_cache_write": 100, "path": "v1/messages"}, 1000 * 2 + 400 * 0.5 + 100 * 2.5 + 500 * 8),
        ({"tokens_cached": 4000}, 1000 * 2 + 4000 * 0.5 + 500 * 8),
        ({"model": "m-x", "tokens_cached": 400}, 1000 * 1 + 500 * 4),
        ({"tokens_reasoning": 300}, 1000 * 2 + 500 * 8),
        ({"tokens_reasoning": 300, "path": "v1beta/models/m:generateContent"}, 1000 * 2 + 500 * 8),
        ({"tokens_reasoning": 300, "provider": "grok"}, 1000 * 2 + 500 * 8),
        ({"tokens_reasoning": 700}, 1000 * 2 + 500 * 8),
        ({"model": "thinks", "tokens_reasoning": 300}, 1000 * 1 + 200 * 2 + 300 * 10),
        ({"model": "long", "tokens_in": 200_000}, 200_000 * 1 + 500 * 10),
        ({"model": "long", "tokens_in": 200_001, "tokens_cached": 1}, 200_000 * 2 + 0.2 + 500 * 20),
        ({"model": "o1", "tokens_out": None}, 1000 * 3),
        ({"model": "dated", "created_at": 1.5e9, "tokens_out": 0}, 1000),
        ({"model": "dated", "tokens_out": 0}, 2000),
        ({"model": "dated", "created_at": 1.8e9, "tokens_out": 0}, 3000),
        ({"model": "nightly", "created_at": NOON, "tokens_out": 0}, 4000),
        ({"model": "nightly", "created_at": MORNING, "tokens_out": 0}, 1000),
        ({"model": "daily", "created_at": NOON, "tokens_out": 0}, 1000),
        ({"model": "daily", "created_at": MORNING, "tokens_out": 0}, 4000),
    ],
)
def test_no_token_is_billed_twice(fields: dict[str, Any], per_million: float) -> None:
    assert cost(**fields) == usd(per_million)


@pytest.mark.parametrize(
    "fields",
    [
        {"tokens_in": None},
        {"tokens_in": None, "tokens_out": None, "usage_exactness": "unknown"},
        {"tokens_out": None, "usage_exactness": "partial"},
        {"model": "o1"},  # an answer, and no price for it
        {"model": "nobody's"},
    ],
)
def test_the_unknown_stays_unknown(fields: dict[str, Any]) -> None:
    assert cost(**fields) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "v1/responses/resp_1"),
        ("GET", "v1/chat/completions"),
        ("DELETE", "v1/responses/resp_1"),
        ("POST", "v1/responses/resp_1/cancel"),
        ("POST", "v1/chat/completions/chatcmpl_1"),
        ("POST", "v1/batches"),
        ("POST", "v1/messages/count_tokens"),
        ("POST", "v1/threads/t/messages"),
    ],
)
def test_what_makes_no_model_work_costs_nothing(method: str, path: str) -> None:
    assert cost(method=method, path=path) == 0
    assert cost(method=method, path=path, custom_cost='{"total_cost":5}') == 0
    assert cost(method=method, path=path, model="nobody's", tokens_in=None) == 0


def test_a_call_that_nobody_knows_has_no_price_but_the_callers() -> None:
    assert cost(path="v1/something/new") is None
    assert cost(path="v1/something/new", custom_cost='{"total_cost":5}') == 5


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("v1beta/models/m:generateContent", ""),
        ("v1beta/models/m:embedContent", ""),
        ("v1beta/models/nobody's:generateContent", "m"),
    ],
)
def test_the_model_of_the_path_has_its_price_where_the_answer_names_none(path: str, model: str) -> None:
    assert cost(provider="google-ai-studio", path=path, model=model, tokens_out=0) == usd(1000 * 2)


COUNTS = st.none() | st.integers(0, 10_000)


@settings(max_examples=500, deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.sampled_from(["v1/chat/completions", "v1/messages", "v1/responses"]))
def test_no_more_is_billed_than_was_counted(
    tokens_in: int | None, tokens_out: int | None, cached: int | None, reasoning: int | None, written: int | None, path: str
) -> None:
    """At the dearest rate of all, each token once."""
    found = cost(
        tokens_in=tokens_in, tokens_out=tokens_out, tokens_cached=cached, tokens_reasoning=reasoning,
        tokens_cache_write=written, path=path,
    )  # fmt: skip
    if found is not None:
        beside = (cached or 0) + (written or 0)
        assert 0 <= found <= ((tokens_in or 0) + beside) * 2.5 / 1e6 + (tokens_out or 0) * 8 / 1e6 + 1e-12
        if beside <= (tokens_in or 0) and path != "v1/messages":
            assert found <= (tokens_in or 0) * 2.5 / 1e6 + (tokens_out or 0) * 8 / 1e6 + 1e-12


def test_an_answer_from_the_cache_is_free() -> None:
    assert cost(cached=True, custom_cost='{"total_cost":5}') == 0
    assert cost(cached=True, model="nobody's") == 0


@pytest.mark.parametrize(
    ("text", "fields", "wanted"),
    [
        ('{"total_cost":0.25}', {"tokens_in": None}, 0.25),
        ('{"total_cost":0.25,"per_token_in":1,"per_token_out":1}', {}, 0.25),
        ('{"total_cost":0.25}', {"status_code": 401}, None),
        ('{"per_token_in":0.001,"per_token_out":0.002}', {}, 2.0),
        ('{"per_token_in":0.001,"per_token_out":0.002}', {"tokens_cached": 400}, 2.0),
        ('{"per_token_in":0.001,"per_token_out":0.002,"per_cache_read_token":0}', {"tokens_cached": 400}, 1.6),
        ('{"per_token_in":0.001,"per_token_out":0.002,"per_cache_write_token":0.01}', {"tokens_cached": 400}, 2.0),
        (
            '{"per_token_in":0.001,"per_token_out":0.002,"per_cache_write_token":0.01}',
            {"tokens_cached": 400, "tokens_cache_write": 100, "path": "v1/messages"},
            1 + 0.4 + 1 + 1,
        ),
        ('{"per_token_in":0.001,"per_token_out":0.002}', {"model": "nobody's"}, 2.0),
        ('{"per_token_in":0.001,"per_token_out":0.002}', {"tokens_in": None}, None),
        ('{"per_token_in":0.001}', {}, None),
        ('{"per_token_in":1e308,"per_token_out":1e308}', {}, None),
        ("[]", {}, None),
        ("{", {}, None),
    ],
)
def test_the_callers_own_price_wins(text: str, fields: dict[str, Any], wanted: float | None) -> None:
    found = cost(custom_cost=text, **fields)
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.providers.pricing._MEMO_ENTRIES", 10)
    table = PriceTable({"slugs": {}, "providers": {}})
    for number in range(100):
        table.cost_of(RECORD._replace(model=str(number)))
    assert len(table._memo) <= 10


PACKAGED = PriceTable.packaged()


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4.1-mini"),
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("openai", "text-embedding-3-small"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("google-ai-studio", "gemini-2.5-flash"),
        ("google-vertex-ai", "gemini-2.5-flash"),
        ("azure-openai", "gpt-4.1-mini"),
        ("groq", "llama-3.3-70b-versatile"),
        ("mistral", "mistral-large-latest"),
        ("cohere", "command-r-plus"),
        ("grok", "grok-4"),
        ("deepseek", "deepseek-chat"),
        ("workers-ai", "@cf/meta/llama-3.1-8b-instruct"),
        ("openrouter", "openai/gpt-4.1-mini"),
    ],
)
def test_the_packaged_table_knows_what_people_use(provider: str, model: str) -> None:
    found = PACKAGED.cost_of(RECORD._replace(provider=provider, model=model, tokens_in=10**6, tokens_out=0))
    assert found is not None
    assert 0 < found < 100


def test_a_price_everybody_knows() -> None:
    found = PACKAGED.cost_of(RECORD._replace(provider="openai", model="gpt-4.1-mini", tokens_in=10**6, tokens_out=10**6))
    assert found == pytest.approx(0.40 + 1.60)


def test_the_packaged_table_is_of_our_providers() -> None:
    assert PACKAGED._shelves.keys() <= {provider.slug for provider in PROVIDERS}
    assert all(re.fullmatch(r"[a-z-]+", slug) for slug in PACKAGED._shelves)
