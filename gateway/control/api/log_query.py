"""The query of `GET` and `DELETE …/logs` → a LogQuery; every broken rule is told with its path (specification section 6.2).

Filters come as the official SDKs send them, `filters.key=…&filters.operator=…&filters.value=…` once per filter, or as
`filters=[{…}]` in JSON. What is not understood is refused: a filter that is passed over would show, or delete, too much.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
from aiohttp import web
from multidict import MultiMapping

from gateway.control.answers import Invalid
from gateway.control.api.moments import Span, span_of_shown
from gateway.control.api.parsing import MAX_INT, search_of
from gateway.model import bounds
from gateway.model.faults import INVALID_BODY
from gateway.protocol.envelope import Problem
from gateway.store.log_query import KEYS, OPERATORS, ORDERS, Condition, Kind, LogQuery, Value

OPERATOR_NAMES: Final = ("eq", "neq", "contains", "lt", "gt")
MOST_FILTERS: Final = 25
MOST_VALUES: Final = 100
MOST_SEARCHES: Final = 40
"""Texts looked for within other texts (`contains`, and whatever is asked of the metadata), all filters together: each is read
through for each of them in every row."""
MOST_CHARACTERS: Final = 16_384
"""Of all values together."""
_BOUNDED: Final = ("cost", "duration", "tokens_in", "tokens_out", "total_tokens")
_EQUALS: Final = (
    "feedback", "success", "cached", "model", "model_type", "provider", "request_content_type", "response_content_type",
)  # fmt: skip
PARAMETERS: Final = frozenset({
    *_EQUALS, "search", "page", "per_page", "order_by", "order_by_direction", "direction", "start_date", "end_date", "limit",
    "meta_info", "filters", "filters.key", "filters.operator", "filters.value",
    *(f"{end}_{name}" for name in _BOUNDED for end in ("min", "max")),
})  # fmt: skip
_NUMBER: Final = re.compile(r"-?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][+-]?[0-9]{1,2})?", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


class _Wrong(Exception):
    """What a value should have been."""


class _Reader:
    """Collects what is right and what is wrong."""

    def __init__(self, query: MultiMapping[str]) -> None:
        self.query = query
        self.problems: list[Problem] = []

    def wrong(self, message: str, *path: str | int) -> None:
        self.problems.append(Problem(INVALID_BODY.code, message, ("query", *path)))

    def value(self, name: str, kind: Kind) -> Value | None:
        text = self.query.get(name)
        if text is None:
            return None
        try:
            return _value(kind, text)
        except _Wrong as wrong:
            self.wrong(str(wrong), name)
            return None

    def one_of(self, name: str, choices: Sequence[str]) -> str | None:
        text = self.query.get(name)
        if text is not None and text not in choices:
            self.wrong(f"Expected one of {', '.join(choices)}", name)
            return None
        return text


def log_query_of(request: web.Request) -> LogQuery:
    """Raises Invalid."""
    reader = _Reader(request.query)
    search = search_of(request)
    conditions = [*_simple(reader), *_filters(reader)]
    _bound_cost(reader, conditions)
    since, end = reader.value("start_date", Kind.MOMENT), reader.value("end_date", Kind.MOMENT)
    direction = reader.one_of("order_by_direction", ("asc", "desc")) or reader.one_of("direction", ("asc", "desc"))
    order_by = reader.one_of("order_by", ORDERS)
    reader.value("meta_info", Kind.BOOLEAN)
    if reader.problems:
        raise Invalid(reader.problems)
    return LogQuery(
        conditions=tuple(conditions),
        search=search,
        since=since.start if isinstance(since, Span) else None,
        before=end.end if isinstance(end, Span) else None,
        order_by=order_by or "created_at",
        descending=direction != "asc",
    )


def _bound_cost(reader: _Reader, conditions: Sequence[Condition]) -> None:
    sought = (one for one in conditions if one.operator == "contains" or KEYS[one.key] is Kind.METADATA)
    if sum(len(one.values) for one in sought) > MOST_SEARCHES:
        reader.wrong(f"Expected at most {MOST_SEARCHES} values of metadata and contains filters together", "filters")
    if sum(len(str(value)) for one in conditions for value in one.values) > MOST_CHARACTERS:
        reader.wrong(f"Expected values of at most {MOST_CHARACTERS} characters together", "filters")


def limit_of(request: web.Request) -> int | None:
    """How many entries `DELETE` may take; None for all."""
    text = request.query.get("limit")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MAX_INT:
        raise Invalid([Problem(INVALID_BODY.code, f"Expected a whole number from 1 to {MAX_INT}", ("query", "limit"))])
    return int(text)


def _simple(reader: _Reader) -> Iterable[Condition]:
    for name in _EQUALS:
        if (value := reader.value(name, KEYS[name])) is not None:
            yield Condition(name, "eq", (value,))
    for name in _BOUNDED:
        key = "tokens" if name == "total_tokens" else name
        for end, operator in (("min", "ge"), ("max", "le")):
            if (value := reader.value(f"{end}_{name}", Kind.NUMBER)) is not None:
                yield Condition(key, operator, (value,))


# --- filters


def _filters(reader: _Reader) -> list[Condition]:
    given = [*_dotted(reader), *_from_json(reader)]
    if len(given) > MOST_FILTERS:
        reader.wrong(f"Expected at most {MOST_FILTERS} filters", "filters")
        return []
    found: list[Condition] = []
    for place, item in enumerate(given):
        condition = _one_filter(reader, place, item)
        if condition is not None:
            found.append(_bound_to_key(condition, found[-1] if found else None))
    return found


def _dotted(reader: _Reader) -> list[dict[str, Any]]:
    """The i-th key belongs to the i-th operator and value; a single filter takes all the values."""
    keys, operators, values = (reader.query.getall(f"filters.{part}", []) for part in ("key", "operator", "value"))
    if len(keys) != len(operators):
        reader.wrong("Expected as many operators as keys", "filters")
    elif len(keys) == 1:
        return [{"key": keys[0], "operator": operators[0], "value": values}]
    elif len(keys) != len(values):
        reader.wrong("Expected one value for each key; write filters as JSON where one has several values", "filters")
    else:
        return [
            {"key": key, "operator": operator, "value": [value]}
            for key, operator, value in zip(keys, operators, values, strict=True)
        ]
    return []


def _from_json(reader: _Reader) -> list[Any]:
    items: list[Any] = []
    for text in reader.query.getall("filters", []):
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError:
            parsed = None
        if not isinstance(parsed, list):
            reader.wrong("Expected a JSON array of {key, operator, value}", "filters")
            return []
        items += parsed
    return items


def _one_filter(reader: _Reader, place: int, item: Any) -> Condition | None:
    if not isinstance(item, dict):
        reader.wrong("Expected an object with key, operator and value", "filters", place)
        return None
    key, operator, values = item.get("key"), item.get("operator"), item.get("value")
    if not isinstance(key, str) or key not in KEYS:
        reader.wrong(f"Expected one of {', '.join(KEYS)}", "filters", place, "key")
        return None
    kind = KEYS[key]
    allowed = [name for name in OPERATOR_NAMES if name in OPERATORS[kind]]
    if operator not in allowed:
        reader.wrong(f"Expected one of {', '.join(allowed)}", "filters", place, "operator")
        return None
    values = values if isinstance(values, list) else [values]
    if not 1 <= len(values) <= (1 if operator in ("lt", "gt") else MOST_VALUES):
        reader.wrong(
            "Expected one value" if operator in ("lt", "gt") else "Expected 1 to 100 values", "filters", place, "value"
        )
        return None
    try:
        return Condition(key, operator, tuple(_value(kind, value) for value in values))
    except _Wrong as wrong:
        reader.wrong(str(wrong), "filters", place, "value")
        return None


def _bound_to_key(condition: Condition, before: Condition | None) -> Condition:
    """A `metadata.value` right behind the one `metadata.key` it belongs to speaks of that entry, not of any."""
    if (
        condition.key == "metadata.value"
        and before is not None
        and (before.key, before.operator, len(before.values)) == ("metadata.key", "eq", 1)
    ):
        return Condition(condition.key, condition.operator, condition.values, of_entry=str(before.values[0]))
    return condition


def _value(kind: Kind, value: Any) -> Value:
    """One value as JSON or as text of the query. Raises _Wrong."""
    match kind:
        case Kind.BOOLEAN:
            truth = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
            if not isinstance(truth, bool):
                raise _Wrong("Expected true or false")
            return truth
        case Kind.NUMBER:
            return _number(value)
        case Kind.MOMENT:
            try:
                return span_of_shown(value)
            except ValueError as error:
                raise _Wrong(str(error)) from None
        case _:
            return _text(kind, value)


def _number(value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e18:
        raise _Wrong("Expected a number")
    return float(value)


def _text(kind: Kind, value: Any) -> str:
    if kind is Kind.METADATA and not isinstance(value, str) and (value is None or isinstance(value, int | float)):
        value = orjson.dumps(value).decode()
    if not isinstance(value, str) or len(value) > bounds.FILTER:
        raise _Wrong(f"Expected a text of at most {bounds.FILTER} characters")
    return value
