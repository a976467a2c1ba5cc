import pytest

from gateway.store.log_query import EVERYTHING, KEYS, OPERATORS, ORDERS, Condition, Kind, LogQuery
from gateway.store.log_sql import ordering

CLOUDFLARE = {
    "id",
    "created_at",
    "request_content_type",
    "response_content_type",
    "request_type",
    "success",
    "cached",
    "provider",
    "model",
    "model_type",
    "cost",
    "tokens",
    "tokens_in",
    "tokens_out",
    "duration",
    "feedback",
    "event_id",
    "metadata.key",
    "metadata.value",
    "authentication",
    "wholesale",
    "compatibilityMode",
    "dlp_action",
    "user_agent",
}


def test_the_specifications_keys_are_known() -> None:
    assert KEYS.keys() - CLOUDFLARE == {"status_code", "outcome", "token_id", "path", "error_code", "error_cause"}
    assert KEYS.keys() >= CLOUDFLARE
    assert OPERATORS.keys() == set(Kind)


@pytest.mark.parametrize(
    ("query", "counted"),
    [
        (EVERYTHING, True),
        (LogQuery(since=1.0, before=2.0, order_by="cost"), True),
        (LogQuery(search="x"), False),
        (LogQuery(conditions=(Condition("id", "eq", ("a",)),)), False),
    ],
)
def test_what_the_hourly_counts_answer(query: LogQuery, counted: bool) -> None:
    assert query.counted is counted


def test_every_order_has_columns() -> None:
    assert all(ordering(LogQuery(order_by=name)) for name in ORDERS)
