from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from yarl import URL

from gateway.control.answers import Invalid
from gateway.control.api.log_query import limit_of, log_query_of
from gateway.control.api.moments import span_of_shown
from gateway.store.log_query import EVERYTHING, KEYS, LogQuery


def _request(text: str) -> Any:
    return SimpleNamespace(query=URL(f"http://control/logs?{text}", encoded=True).query)


def _of(text: str) -> LogQuery:
    return log_query_of(_request(text))


def _conditions(text: str) -> list[tuple[Any, ...]]:
    return [(c.key, c.operator, c.values, *([c.of_entry] if c.of_entry else [])) for c in _of(text).conditions]


def _json(*filters: Any) -> str:
    return "filters=" + quote(orjson.dumps(filters))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("page=3&per_page=5&meta_info=true", []),
        ("success=true&cached=false&feedback=1", [
            ("feedback", "eq", (1.0,)), ("success", "eq", (True,)), ("cached", "eq", (False,)),
        ]),
        ("model=m&provider=openai&model_type=chat", [
            ("model", "eq", ("m",)), ("model_type", "eq", ("chat",)), ("provider", "eq", ("openai",)),
        ]),
        ("min_cost=0.5&max_duration=100&min_total_tokens=7", [
            ("cost", "ge", (0.5,)), ("duration", "le", (100.0,)), ("tokens", "ge", (7.0,)),
        ]),
        # As the SDK for Python writes it, then the one for TypeScript.
        (
            "filters.key=provider&filters.key=cost&filters.operator=eq&filters.operator=gt&filters.value=openai&filters.value=0.1",
            [("provider", "eq", ("openai",)), ("cost", "gt", (0.1,))],
        ),
        (
            "filters.key=provider&filters.operator=eq&filters.value=openai&filters.key=cost&filters.operator=gt&filters.value=0.1",
            [("provider", "eq", ("openai",)), ("cost", "gt", (0.1,))],
        ),
        ("filters.key=id&filters.operator=eq&filters.value=a&filters.value=b", [("id", "eq", ("a", "b"))]),
        (_json({"key": "model", "operator": "contains", "value": ["a", "b"]}), [("model", "contains", ("a", "b"))]),
        (_json({"key": "model", "operator": "eq", "value": "a"}), [("model", "eq", ("a",))]),
        (_json({"key": "success", "operator": "neq", "value": [True]}), [("success", "neq", (True,))]),
        (_json({"key": "tokens", "operator": "lt", "value": ["12"]}), [("tokens", "lt", (12.0,))]),
        (
            _json({"key": "created_at", "operator": "gt", "value": ["1970-01-01T00:00:01Z"]}),
            [("created_at", "gt", (span_of_shown("1970-01-01T00:00:01Z"),))],
        ),
        (
            _json(
                {"key": "metadata.key", "operator": "eq", "value": ["user"]},
                {"key": "metadata.value", "operator": "eq", "value": ["ann", 5, True, None]},
            ),
            [("metadata.key", "eq", ("user",)), ("metadata.value", "eq", ("ann", "5", "true", "null"), "user")],
        ),
        (
            _json(
                {"key": "metadata.key", "operator": "neq", "value": ["user"]},
                {"key": "metadata.value", "operator": "eq", "value": ["ann"]},
            ),
            [("metadata.key", "neq", ("user",)), ("metadata.value", "eq", ("ann",))],
        ),
        ("filters=[]", []),
    ],
)  # fmt: skip
def test_filters_are_understood(text: str, wanted: list[Any]) -> None:
    assert _conditions(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", EVERYTHING),
        ("order_by=cost", LogQuery(order_by="cost")),
        ("direction=asc", LogQuery(descending=False)),
        ("direction=asc&order_by_direction=desc", LogQuery()),
        ("search=ann", LogQuery(search="ann")),
        ("start_date=1970-01-01T00:00:10Z", LogQuery(since=pytest.approx(10.0, abs=1e-6))),
        ("end_date=1970-01-01T01:00:10%2B01:00", LogQuery(before=pytest.approx(10.001, abs=1e-6))),
    ],
)
def test_order_moments_and_search(text: str, wanted: LogQuery) -> None:
    assert _of(text) == wanted


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("success=maybe", ("success",)),
        ("success=", ("success",)),
        ("feedback=up", ("feedback",)),
        ("min_cost=1e999", ("min_cost",)),
        ("min_cost=nan", ("min_cost",)),
        ("max_duration=0x10", ("max_duration",)),
        ("min_duration=%D9%A1", ("min_duration",)),
        ("start_date=2026-W01-1", ("start_date",)),
        ("start_date=yesterday", ("start_date",)),
        ("end_date=5", ("end_date",)),
        ("order_by=path", ("order_by",)),
        ("order_by=created_at;drop", ("order_by",)),
        ("direction=up", ("direction",)),
        ("order_by_direction=", ("order_by_direction",)),
        ("meta_info=perhaps", ("meta_info",)),
        ("search=" + "x" * 300, ("search",)),
        ("model=" + "x" * 1025, ("model",)),
        ("filters=", ("filters",)),
        ("filters={}", ("filters",)),
        ("filters.key=id&filters.value=a", ("filters",)),
        ("filters.value=a", ("filters",)),
        ("filters.key=id&filters.key=model&filters.operator=eq&filters.operator=eq&filters.value=a", ("filters",)),
        ("filters.key=id&filters.operator=eq", ("filters", 0, "value")),
        (_json(5), ("filters", 0)),
        (_json({"operator": "eq", "value": ["a"]}), ("filters", 0, "key")),
        (_json({"key": ["id"], "operator": "eq", "value": ["a"]}), ("filters", 0, "key")),
        (_json({"key": "account_id", "operator": "eq", "value": ["a"]}), ("filters", 0, "key")),
        (_json({"key": "id", "operator": "like", "value": ["a"]}), ("filters", 0, "operator")),
        (_json({"key": "id", "operator": {}, "value": ["a"]}), ("filters", 0, "operator")),
        (_json({"key": "cost", "operator": "ge", "value": [1]}), ("filters", 0, "operator")),
        (_json({"key": "success", "operator": "gt", "value": [True]}), ("filters", 0, "operator")),
        (_json({"key": "metadata.value", "operator": "lt", "value": ["a"]}), ("filters", 0, "operator")),
        (_json({"key": "id", "operator": "eq", "value": []}), ("filters", 0, "value")),
        (_json({"key": "id", "operator": "eq", "value": [None]}), ("filters", 0, "value")),
        (_json({"key": "id", "operator": "eq", "value": [{}]}), ("filters", 0, "value")),
        (_json({"key": "id", "operator": "eq", "value": ["a"] * 101}), ("filters", 0, "value")),
        (_json({"key": "cost", "operator": "gt", "value": [1, 2]}), ("filters", 0, "value")),
        (_json({"key": "cost", "operator": "gt", "value": [True]}), ("filters", 0, "value")),
        (_json({"key": "cost", "operator": "gt", "value": [1e300]}), ("filters", 0, "value")),
        (_json({"key": "created_at", "operator": "gt", "value": [5]}), ("filters", 0, "value")),
        (_json(*[{"key": "id", "operator": "eq", "value": ["a"]}] * 26), ("filters",)),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, path: tuple[Any, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        _of(text)
    assert [problem.path for problem in caught.value.problems] == [("query", *path)]
    assert all("yesterday" not in problem.message for problem in caught.value.problems)


def test_every_broken_rule_is_told() -> None:
    with pytest.raises(Invalid) as caught:
        _of("success=maybe&order_by=no&filters.key=no&filters.operator=no")
    assert len(caught.value.problems) == 3


def test_every_key_takes_each_of_its_operators() -> None:
    for key in KEYS:
        value = {"created_at": "2026-01-01T00:00:00Z"}.get(key, "1")
        assert _conditions(_json({"key": key, "operator": "eq", "value": [value]}))[0][:2] == (key, "eq")


@pytest.mark.parametrize(("text", "limit"), [("", None), ("limit=1", 1), ("limit=10000", 10_000)])
def test_limit(text: str, limit: int | None) -> None:
    assert limit_of(_request(text)) == limit


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "99999999999", "1.5", "%D9%A1"])
def test_bad_limits(text: str) -> None:
    with pytest.raises(Invalid):
        limit_of(_request(f"limit={text}"))


# --- what one query may cost


def _texts(count: int, length: int = 1) -> list[str]:
    return [f"{number:0{length}d}" for number in range(count)]


@pytest.mark.parametrize(
    ("filters", "good"),
    [
        ([("metadata.value", "eq", 40)], True),
        ([("metadata.value", "eq", 41)], False),
        ([("metadata.value", "neq", 41)], False),
        ([("metadata.key", "contains", 41)], False),
        ([("model", "contains", 41)], False),
        ([("metadata.value", "eq", 20), ("metadata.key", "eq", 20)], True),
        ([("metadata.value", "eq", 20), ("metadata.key", "eq", 20), ("path", "contains", 1)], False),
        ([("metadata.value", "eq", 40)] * 4, False),
        ([("model", "eq", 100), ("provider", "neq", 100), ("metadata.value", "eq", 40)], True),
    ],
)
def test_texts_looked_for_within_texts_are_bounded(filters: list[tuple[str, str, int]], good: bool) -> None:
    text = _json(*({"key": key, "operator": operator, "value": _texts(count)} for key, operator, count in filters))
    if good:
        assert len(_conditions(text)) == len(filters)
        return
    with pytest.raises(Invalid) as caught:
        _of(text)
    assert [(problem.message, problem.path) for problem in caught.value.problems] == [
        ("Expected at most 40 values of metadata and contains filters together", ("query", "filters"))
    ]


def test_values_are_bounded_in_characters_too() -> None:
    small, large = ([{"key": "model", "operator": "eq", "value": _texts(60, length)}] for length in (200, 300))
    assert len(_conditions(_json(*small))) == 1
    with pytest.raises(Invalid) as caught:
        _of(_json(*large))
    assert "at most 16384 characters together" in caught.value.problems[0].message
