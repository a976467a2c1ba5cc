from gateway.control.api.logs import shown, shown_alone
from gateway.model.records import LogRecord

RECORD = LogRecord(
    "id", "a", "g", 0.0, "openai", "m", "chat", "POST", "p", 499, False, "client_gone", False, 7, None, None, 2, None, None,
    "partial", None, 0, "", "", "", 11, 22, "e", "u", True, "t", True,
)  # fmt: skip


def test_every_fact_of_a_record_is_shown_once() -> None:
    renamed = {"account_id", "gateway_id", "duration_ms"}
    assert set(LogRecord._fields) - renamed <= shown_alone(RECORD).keys()
    assert shown_alone(RECORD).keys() - shown(RECORD).keys() == {"request_size", "response_size"}


def test_unknown_is_null_and_never_a_guess() -> None:
    entry = shown(RECORD)
    assert (entry["tokens_in"], entry["cost"], entry["duration"], entry["success"]) == (None, None, 7, False)
    assert entry["created_at"] == "1970-01-01T00:00:00.000Z"
