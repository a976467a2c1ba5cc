import io
import json
import logging
from itertools import count
from typing import Any

import pytest

from gateway.model.tokens import mint_token
from gateway.telemetry.logging import AUDIT_LOGGER, Sampled, configure, redact


@pytest.fixture
def lines(own_logging: None) -> io.StringIO:
    stream = io.StringIO()
    configure("debug", stream)
    return stream


def only(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    return json.loads(line)


def test_a_record_is_one_object_on_one_line(lines: io.StringIO) -> None:
    logging.getLogger("gateway.some").warning("edge %s left after %d s", "edge-1", 3)
    line = only(lines)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "gateway.some", "edge edge-1 left after 3 s")
    assert str(line["time"]).endswith("+00:00")


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31mred", "bell\x07", "del\x7f", "c1\x9b31m", "sep\u2028", "lone \ud800"])
def test_nothing_in_a_message_leaves_its_string(lines: io.StringIO, text: str) -> None:
    logging.getLogger("x").info("%s", text)
    raw = lines.getvalue()
    assert raw.endswith("\n")
    assert all(" " <= char < "\x7f" for char in raw[:-1])
    assert json.loads(raw)["message"] == text


def test_an_exception_shows_its_type_and_places_but_not_its_text(lines: io.StringIO) -> None:
    try:
        raise ValueError("the body was: hunter2")
    except ValueError:
        logging.getLogger("x").exception("a request failed")
    line = only(lines)
    assert line["exception"] == "ValueError"
    assert any("test_logging.py" in place for place in line["stack"])
    assert "hunter2" not in lines.getvalue()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token {(token := mint_token())}!", token),
        (f"agw_ cut short: {(token := mint_token())[:30]}", token[:30]),
        ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789abcdef"),
        ("authorization: basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
        ("key sk-ant-api03-AAAABBBBCCCCDDDD", "AAAABBBBCCCCDDDD"),
        ("sk-proj-0123456789abcdef0123", "0123456789abcdef0123"),
        ("AIzaSyA0123456789abcdefghijklmnopqrstuvw", "SyA0123456789"),
        ("gsk_0123456789abcdefghij", "0123456789abcdefghij"),
        ("GET /v1beta/models?key=topsecret&alt=sse", "topsecret"),
        ("x-api-key: topsecret", "topsecret"),
        ("api_key=topsecret", "topsecret"),
        ("?access_token=topsecret&x=1", "topsecret"),
        ('{"token": "topsecret"}', "topsecret"),
        ('{"password":"topsecret"}', "topsecret"),
        ("postgresql://gateway:topsecret@db/gateway", "topsecret"),
    ],
    ids=count(),
)
def test_secrets_are_replaced(lines: io.StringIO, text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "***" in redact(text)
    logging.getLogger("x").error("%s", text)
    assert secret not in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    ["gateway ready on http://127.0.0.1:8787 (2 workers)", "edge-1 (pid 12) ended", "reload refused: unknown setting", ""],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_a_broken_record_does_not_raise_and_does_not_print_its_arguments(lines: io.StringIO) -> None:
    logging.getLogger("x").info("%d of %d", "hunter2")
    assert only(lines)["message"] == "%d of %d"


def test_levels_and_noisy_libraries(lines: io.StringIO) -> None:
    configure("info", lines)
    logging.getLogger("gateway.x").debug("not shown")
    logging.getLogger("aiohttp.access").info("GET /secret")
    logging.getLogger("gateway.x").info("shown")
    assert only(lines)["message"] == "shown"


def test_fields_of_a_structured_line_stand_beside_ours_and_replace_none(lines: io.StringIO) -> None:
    logging.getLogger("gateway.some").info("request", extra={"fields": {"status_code": 200, "level": "mine", "time": 0}})
    line = only(lines)
    assert (line["status_code"], line["level"], line["message"]) == (200, "info", "request")
    assert line["time"] != 0


def test_a_sampled_line_says_how_many_it_stands_for(lines: io.StringIO) -> None:
    sampled = Sampled(logging.getLogger("x"), per_second=3)
    for now_s in (5.0, 5.2, 5.4, 5.6, 5.8, 6.1, 6.2, 9.0):
        sampled.info(now_s, "refused")
    told = [json.loads(line)["message"] for line in lines.getvalue().splitlines()]
    assert told == ["refused"] * 3 + ["refused; 2 more since the line before"] + ["refused"] * 2


def test_a_flood_of_a_sampled_line_is_a_trickle(lines: io.StringIO) -> None:
    """100,000 bad requests within 20 s: hundreds of lines, and together they account for all."""
    sampled = Sampled(logging.getLogger("x"))
    for number in range(100_000):
        sampled.info(number / 5000, "refused")
    sampled.info(100.0, "refused")
    told = [json.loads(line)["message"] for line in lines.getvalue().splitlines()]
    left_out = sum(int(message.split()[1]) for message in told if ";" in message)
    assert len(told) == 201
    assert len(told) + left_out == 100_001


def test_a_sampled_warning_once_in_ten_seconds(lines: io.StringIO) -> None:
    sampled = Sampled(logging.getLogger("x"), per_second=1, every_s=10.0)
    for now_s in (5.0, 6.0, 9.9, 10.0, 31.0):
        sampled.warning(now_s, "failed")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [each["message"] for each in told] == ["failed", "failed; 2 more since the line before", "failed"]
    assert {each["level"] for each in told} == {"warning"}


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("%d gateways ask for no token: %s", (1, "default")),
        ("%d gateways ask for no token: %s", (2, "production-gateway-2026, key-service")),
        ("the provider has no key: %s", ("openai",)),
        ("no secret=%(name)s", {"name": "my-gateway"}),
    ],
)
def test_a_name_behind_our_own_words_is_no_secret(lines: io.StringIO, line: str, given: Any) -> None:
    logging.getLogger("x").warning(line, *([given] if isinstance(given, dict) else given))
    assert only(lines)["message"] == line % given


@pytest.mark.parametrize(
    "given",
    [pytest.param(mint_token(), id="token"), "sk-proj-0123456789abcdef0123", "Bearer abcdef0123456789abcdef", "key=topsecret"],
)
def test_a_secret_behind_our_own_words_is_one(lines: io.StringIO, given: str) -> None:
    logging.getLogger("x").warning("%s: no token: %s", ValueError(given), given)
    assert given not in lines.getvalue()
    assert str(only(lines)["message"]).count("***") == 2


@pytest.mark.parametrize(("audit", "told"), [(True, 1), (False, 0)])
def test_audit_lines_come_whatever_the_level(lines: io.StringIO, audit: bool, told: int) -> None:
    configure("error", lines, audit=audit)
    logging.getLogger(AUDIT_LOGGER).info("login session")
    logging.getLogger("gateway.other").info("x")
    assert len(lines.getvalue().splitlines()) == told
