"""A sample of the rows as lines of the log, without secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.control.access_log import AccessLog
from gateway.kit.ids import uuid7
from gateway.model.records import LogRecord
from gateway.telemetry.logging import JsonLines


def record(log_id: str, **changes: object) -> LogRecord:
    values = dict.fromkeys(LogRecord._fields[: len(LogRecord._fields) - len(LogRecord._field_defaults)], "")
    return LogRecord(**{**values, "id": log_id, "status_code": 200, **changes})  # type: ignore[arg-type]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("gateway.access")
    logger.addHandler(handler)
    before, logger.level = logger.level, logging.INFO
    yield stream
    logger.removeHandler(handler)
    logger.level = before


def test_it_is_off_by_default(lines: io.StringIO) -> None:
    AccessLog(0.0).take([record(uuid7(1.0))])
    assert lines.getvalue() == ""


def test_a_share_of_the_requests_is_shown(lines: io.StringIO) -> None:
    ids = [f"{number:08x}" for number in (0, 0x3FFFFFFF, 0x40000000, 0xFFFFFFFF)]
    AccessLog(0.25).take(map(record, ids))
    assert [json.loads(line)["id"] for line in lines.getvalue().splitlines()] == ids[:2]
    AccessLog(1.0).take([record(ids[3])])
    assert json.loads(lines.getvalue().splitlines()[-1])["id"] == ids[3]


def test_a_line_says_what_happened_and_no_secret(lines: io.StringIO) -> None:
    AccessLog(1.0).take([record(uuid7(1.0), path="x/sk-proj-0123456789abcdef", user_agent="evil\n\x1b[31m", provider="openai")])
    (text,) = lines.getvalue().splitlines()
    line = json.loads(text)
    assert (line["logger"], line["message"], line["provider"], line["status_code"]) == (
        "gateway.access",
        "request",
        "openai",
        200,
    )
    assert "0123456789abcdef" not in text
    assert "\x1b" not in text
