"""A day of made-up traffic for `gateway demo`, so that its log and charts have something to show. No request was ever sent."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.kit.ids import uuid7
from gateway.model.causes import CLIENT_GONE, PROVIDER_ERROR, UPSTREAM_CAUSES
from gateway.model.faults import BAD_BODY, UPSTREAM_BROKEN, UPSTREAM_TIMEOUT
from gateway.model.gateways import DEFAULT_GATEWAY_ID
from gateway.model.records import LogBodies, LogRecord
from gateway.providers.pricing import PriceTable

DAY_S: Final = 86_400
REQUESTS: Final = 700
MADE_UP: Final = "made-up"
"""Their user agent, so that nobody takes them for real."""


@dataclass(frozen=True, slots=True)
class _Client:
    provider: str
    path: str
    model: str
    share: int
    tokens: tuple[int, int]
    """Usual tokens in and out."""
    wait_ms: int


_CLIENTS: Final = (
    _Client("openai", "chat/completions", "gpt-4o-mini", 40, (600, 180), 380),
    _Client("openai", "responses", "gpt-4.1", 15, (2400, 420), 700),
    _Client("anthropic", "v1/messages", "claude-sonnet-4-5", 30, (5200, 640), 900),
    _Client(
        "google-ai-studio", "v1beta/models/gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash", 15, (900, 260), 450
    ),
)


@dataclass(frozen=True, slots=True)
class _Ending:
    status: int
    outcome: str
    code: int | None = None
    message: str = ""
    cause: str = ""
    asked: bool = True


_GOOD: Final = _Ending(200, "completed")
_BAD: Final = (
    (_Ending(429, "completed", 429, "The provider answered with status 429", PROVIDER_ERROR), 5),
    (_Ending(504, "upstream_error", UPSTREAM_TIMEOUT.code, UPSTREAM_CAUSES["timeout"], "timeout"), 2),
    (_Ending(502, "upstream_error", UPSTREAM_BROKEN.code, UPSTREAM_CAUSES["refused"], "refused"), 2),
    (_Ending(200, "upstream_truncated", UPSTREAM_BROKEN.code, UPSTREAM_CAUSES["closed"], "closed"), 2),
    (_Ending(499, "client_gone", 499, "The client left before the end", CLIENT_GONE), 3),
    (_Ending(400, "refused", BAD_BODY.code, BAD_BODY.message, BAD_BODY.name, asked=False), 2),
)
_QUESTIONS: Final = ("Summarise this ticket in two sentences.", "لخّص هذه الرسالة في جملتين.", "Write a test for this function.")
_ANSWER: Final = "This row is made up by the demo: nobody asked, and no model answered."


def a_day(account_id: str, now: float, seed: int = 7) -> tuple[list[LogRecord], list[LogBodies]]:
    """Oldest first, busiest in the middle of the last 24 hours; some carry what was said."""
    dice = random.Random(seed)  # noqa: S311 -- nothing secret: the same day each time
    price_of = PriceTable.packaged().cost_of
    records = []
    for moment in sorted(_moments(dice, now)):
        record = _record(dice, account_id, moment)
        records.append(record._replace(cost=price_of(record)))
    return records, [_bodies(dice, record) for record in records[-60:] if record.success]


def _moments(dice: random.Random, now: float) -> Iterator[float]:
    for _ in range(REQUESTS):
        while True:
            share = dice.random()
            if dice.random() < 0.25 + 0.75 * math.sin(math.pi * share):
                break
        yield now - DAY_S + 60 + share * (DAY_S - 120)


def _record(dice: random.Random, account_id: str, moment: float) -> LogRecord:
    client = dice.choices(_CLIENTS, [one.share for one in _CLIENTS])[0]
    ending = _GOOD if dice.random() > 0.05 else dice.choices([one for one, _ in _BAD], [share for _, share in _BAD])[0]
    good = ending is _GOOD
    tokens_in, tokens_out = (max(1, int(usual * dice.lognormvariate(0, 0.5))) for usual in client.tokens)
    first_byte_ms = int(client.wait_ms * dice.lognormvariate(0, 0.35)) if ending.asked else 1
    streamed = dice.random() < 0.8
    return LogRecord(
        id=uuid7(moment),
        account_id=account_id,
        gateway_id=DEFAULT_GATEWAY_ID,
        created_at=moment,
        provider=client.provider,
        model=client.model,
        model_type="chat",
        method="POST",
        path=client.path,
        status_code=ending.status,
        success=good,
        outcome=ending.outcome,
        cached=False,
        duration_ms=first_byte_ms + (tokens_out * 11 if good else 0),
        first_byte_ms=first_byte_ms,
        tokens_in=tokens_in if good else None,
        tokens_out=tokens_out if good else None,
        tokens_cached=tokens_in // 3 if good and client.provider == "anthropic" else None,
        tokens_reasoning=None,
        usage_exactness="exact" if good else "unknown",
        metadata=orjson.dumps({"team": dice.choice(("search", "support", "billing"))}).decode(),
        step=0,
        request_type="",
        request_content_type="application/json",
        response_content_type="text/event-stream" if good and streamed else "application/json",
        request_size=tokens_in * 4,
        response_size=tokens_out * 40 if good else 120,
        event_id=uuid7(moment),
        user_agent=MADE_UP,
        authentication=True,
        token_id="",
        streamed=good and streamed,
        events=tokens_out if good and streamed else 0,
        overhead_us=int(dice.lognormvariate(5.2, 0.3)),
        asked=ending.asked,
        error_code=ending.code,
        error_message=ending.message,
        error_cause=ending.cause,
    )


def _bodies(dice: random.Random, record: LogRecord) -> LogBodies:
    asked = {"model": record.model, "messages": [{"role": "user", "content": dice.choice(_QUESTIONS)}]}
    said = {"model": record.model, "choices": [{"message": {"role": "assistant", "content": _ANSWER}}]}
    place = (record.id, record.account_id, record.gateway_id)
    return LogBodies(*place, orjson.dumps(asked), orjson.dumps(said), True, True)
