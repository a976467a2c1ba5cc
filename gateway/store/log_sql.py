"""Filters of the request log → SQL expressions. Columns come from the tables, values are bound: no text becomes SQL."""

from typing import Any, Final

import orjson
from sqlalchemy import Boolean, ColumnElement, Double, and_, cast, func, literal, not_, or_

from gateway.store import tables
from gateway.store.any_case import has_text
from gateway.store.log_query import KEYS, Condition, Kind, LogQuery, Value

_c: Final = tables.records.c
_RENAMED: Final[dict[str, ColumnElement[Any]]] = {
    "duration": _c.duration_ms,
    "tokens": func.coalesce(_c.tokens_in, 0) + func.coalesce(_c.tokens_out, 0),
    # Null is "not rated", which is 0 (section 6.3).
    "feedback": func.coalesce(_c.feedback, 0),
    "wholesale": literal(False, Boolean),
    "compatibilityMode": literal(False, Boolean),
    "dlp_action": literal("", tables.CleanText),
}


def scope(account_id: str, gateway_id: str, since: float | None, before: float | None) -> ColumnElement[bool]:
    """The rows of one gateway between two moments: what the index `ix_records_newest` finds."""
    bounds = [_c.account_id == account_id, _c.gateway_id == gateway_id]
    if since is not None:
        bounds.append(_c.created_at >= since)
    if before is not None:
        bounds.append(_c.created_at < before)
    return and_(*bounds)


def chosen(query: LogQuery) -> list[ColumnElement[bool]]:
    """The query's conditions, apart from its moments."""
    found = [_condition(condition) for condition in query.conditions]
    if query.search:
        found.append(has_text(_c.metadata, _json(query.search)[1:-1]))
    return found


def ordering(query: LogQuery) -> list[ColumnElement[Any]]:
    columns: list[ColumnElement[Any]] = [_c.created_at, _c.id]
    if query.order_by != "created_at":
        columns.insert(0, _column(query.order_by))
    return [column.desc() if query.descending else column.asc() for column in columns]


def _column(key: str) -> ColumnElement[Any]:
    found = _RENAMED.get(key)
    return _c[key] if found is None else found


def _condition(condition: Condition) -> ColumnElement[bool]:
    kind = KEYS[condition.key]
    if kind is Kind.METADATA:
        return _metadata(condition)
    column = _column(condition.key)
    if kind is Kind.MOMENT:
        return _moment(column, condition)
    if kind is Kind.TEXT and condition.operator == "contains":
        return or_(*(has_text(column, str(value)) for value in condition.values))
    bound = [_bound(kind, value) for value in condition.values]
    match condition.operator:
        case "eq":
            return and_(column.in_(bound), *_in_index(condition))
        case "neq":
            return or_(column.is_(None), column.not_in(bound))
        case "lt":
            return column < bound[0]
        case "gt":
            return column > bound[0]
        case "le":
            return column <= bound[0]
        case _:
            return column >= bound[0]


def _moment(column: ColumnElement[float], condition: Condition) -> ColumnElement[bool]:
    spans = [value for value in condition.values if isinstance(value, tuple)]
    if condition.operator == "lt":
        return column < spans[0][0]
    if condition.operator == "gt":
        return column >= spans[0][1]
    inside = or_(*(and_(column >= start, column < end) for start, end in spans))
    return not_(inside) if condition.operator == "neq" else inside


def _in_index(condition: Condition) -> list[ColumnElement[bool]]:
    """The same said of the column that the index has."""
    if condition.key != "model":
        return []
    return [_c.model_key.in_([literal(str(value)[:64], tables.CleanText) for value in condition.values])]


def _bound(kind: Kind, value: Value) -> ColumnElement[Any]:
    """A parameter of the kind's own type: PostgreSQL would refuse 0.5 where it expects a bigint."""
    if kind is Kind.BOOLEAN:
        return literal(value, Boolean)
    if kind is Kind.TEXT:
        return literal(value, tables.CleanText)
    return cast(literal(value, Double), Double)


# --- metadata. It is JSON text as orjson writes it: no spaces, and no bare quote inside a string, so an entry is found by
# its text. Not by the databases' own JSON functions: those fail the whole query on text they do not like, such as \u0000.


def _metadata(condition: Condition) -> ColumnElement[bool]:
    if condition.key == "metadata.key":
        test = _key_contains if condition.operator == "contains" else _has_key
        found = or_(*(test(str(value)) for value in condition.values))
    else:
        entry = condition.of_entry
        if condition.operator == "contains":
            found = or_(*(_value_contains(str(value), entry) for value in condition.values))
        else:
            found = or_(*(_has_value(str(value), entry) for value in condition.values))
    if condition.operator == "neq":
        return or_(_c.metadata.is_(None), not_(found))
    return and_(_c.metadata.is_not(None), found)


def _json(text: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except TypeError:
        return orjson.dumps(text.encode("utf-8", "replace").decode()).decode()


def _holds(text: str) -> ColumnElement[bool]:
    """Contains this very text. Not LIKE, which ignores case in one of the databases."""
    return func.replace(_c.metadata, literal(text, tables.CleanText), "") != _c.metadata


def _has_key(key: str) -> ColumnElement[bool]:
    return or_(_holds("{" + _json(key) + ":"), _holds("," + _json(key) + ":"))


def _key_contains(text: str) -> ColumnElement[bool]:
    """LIKE cannot say "within one key"; a value before another key is taken for part of it."""
    return has_text(_c.metadata, _json(text)[1:-1], behind='":')


def _has_value(value: str, entry: str | None) -> ColumnElement[bool]:
    """As text, and bare where it reads as a number, a boolean or null: on the wire all values are text."""
    key = '":' if entry is None else _json(entry) + ":"
    written = [_json(value)]
    if _is_bare(value):
        written.append(value)
    return or_(*(_holds(f"{key}{text}{end}") for text in written for end in ",}"))


def _is_bare(value: str) -> bool:
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return parsed is None or isinstance(parsed, int | float)


def _value_contains(value: str, entry: str | None) -> ColumnElement[bool]:
    inside = has_text(_c.metadata, _json(value)[1:-1])
    return inside if entry is None else and_(_has_key(entry), inside)
