import pytest

from gateway.control.api.logs import shown, shown_alone
from gateway.model.records import LogBodies, LogRecord
from gateway.store.log_query import LogEntry

RECORD = LogRecord(
    "id", "a", "g", 0.0, "openai", "m", "chat", "POST", "p", 499, False, "client_gone", False, 7, None, None, 2, None, None,
    "partial", None, 0, "", "", "", 11, 22, "e", "u", True, "t", True,
)  # fmt: skip
ENTRY = LogEntry(RECORD, feedback=-1, score=50.0)


def test_every_fact_of_a_record_is_shown_once() -> None:
    renamed = {"account_id", "gateway_id", "duration_ms"}
    assert set(LogRecord._fields) - renamed <= shown_alone(ENTRY, None).keys()
    heads = {f"{side}_{what}" for side in ("request", "response") for what in ("head", "head_complete", "size")}
    assert shown_alone(ENTRY, None).keys() - shown(ENTRY).keys() == heads


def test_unknown_is_null_and_never_a_guess() -> None:
    entry = shown(ENTRY)
    assert (entry["tokens_in"], entry["cost"], entry["duration"], entry["success"]) == (None, None, 7, False)
    assert entry["created_at"] == "1970-01-01T00:00:00.000Z"


def test_what_was_said_of_it_is_shown() -> None:
    entry = shown(ENTRY)
    assert (entry["feedback"], entry["score"]) == (-1, 50.0)


@pytest.mark.parametrize(
    ("raw", "complete", "head"),
    [
        (b"", True, ""),
        ("né😀".encode(), True, "né😀"),
        ("né😀".encode()[:-1], False, "né"),
        ("né😀".encode()[:-1], True, "né\ufffd"),
        (b"a\0\xff", False, "a\0\ufffd"),
    ],
)
def test_heads_are_text_and_no_character_is_cut(raw: bytes, complete: bool, head: str) -> None:
    entry = shown_alone(ENTRY, LogBodies("id", "a", "g", raw, b"ok", complete, True))
    assert (entry["request_head"], entry["request_head_complete"], entry["response_head"]) == (head, complete, "ok")
