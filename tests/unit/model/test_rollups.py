"""Sums that can be added up: every record once in each span, percentiles within their bound."""

import random

import pytest

from gateway.model.records import LogRecord
from gateway.model.rollups import COUNTS, DAY_S, ERRORS, HOUR_S, MINUTE_S, Figures, bucket_of, fold, percentiles

RECORD = LogRecord(
    "id", "a", "g", 90_061.5, "openai", "m", "chat", "POST", "p", 200, True, "completed", False, 100, 20, 10, 5, 4, 3,
    "exact", None, 0, "", "", "", 1, 1, "e", "u", True, "t", False, 2, 0, None, "", None, cost=0.25,
)  # fmt: skip


def counts(figures: Figures) -> dict[str, int]:
    return {name: getattr(figures, name) for name in COUNTS if getattr(figures, name)}


def test_a_record_counts_in_its_minute_hour_and_day() -> None:
    folded = fold([RECORD])
    assert {key[2:4] for key in folded} == {(MINUTE_S, 90_060), (HOUR_S, 90_000), (DAY_S, 86_400)}
    for figures in folded.values():
        assert counts(figures) == {
            "requests": 1, "metered": 1, "tokens_in": 10, "tokens_out": 5, "tokens_cached": 4, "tokens_reasoning": 3,
            "tokens_cache_write": 2, "priced": 1,
        }  # fmt: skip
        assert figures.cost == 0.25
        assert (figures.durations, figures.first_bytes) == ({bucket_of(100): 1}, {bucket_of(20): 1})


def test_keys_keep_apart_what_differs() -> None:
    others = [{"account_id": "b"}, {"gateway_id": "h"}, {"provider": "groq"}, {"model": "n"}, {"created_at": 5.0}]
    folded = fold([RECORD, *(RECORD._replace(**other) for other in others), RECORD])
    assert len(folded) == 18
    assert sum(figures.requests for key, figures in folded.items() if key.span == DAY_S) == 7


@pytest.mark.parametrize(
    ("outcome", "status", "kind"),
    [
        ("refused", 429, "refused"),
        ("completed", 404, "rejected"),
        ("upstream_error", 503, "upstream_failed"),
        ("upstream_truncated", 200, "upstream_failed"),
        ("client_gone", 499, "client_gone"),
    ],
)
def test_every_error_is_of_one_kind(outcome: str, status: int, kind: str) -> None:
    figures = Figures()
    figures.count(RECORD._replace(outcome=outcome, status_code=status, success=False))
    assert {name for name in ERRORS if getattr(figures, name)} == {kind}
    assert figures.errors == 1


def test_the_unknown_is_not_zero() -> None:
    figures = Figures()
    figures.count(RECORD._replace(tokens_in=None, tokens_out=None, cost=None, first_byte_ms=None, cached=True))
    assert counts(figures) == {"requests": 1, "cached": 1}
    assert figures.first_bytes == {}


def test_absurd_counts_do_not_spoil_the_sums() -> None:
    figures = Figures()
    figures.count(RECORD._replace(tokens_in=2**60, tokens_out=-5))
    assert (figures.tokens_in, figures.tokens_out, figures.metered) == (0, 0, 1)


def test_long_names_are_cut() -> None:
    assert {len(key.model) for key in fold([RECORD._replace(model="m" * 900), RECORD._replace(model="m" * 901)])} == {200}


def test_sums_of_sums_are_the_sum() -> None:
    dice = random.Random(7)
    records = [RECORD._replace(duration_ms=dice.randrange(10**5), tokens_in=dice.randrange(99), cost=0.5) for _ in range(500)]
    whole = Figures()
    for record in records:
        whole.count(record)
    merged = Figures()
    for at in range(0, 500, 37):
        for key, figures in fold(records[at : at + 37]).items():
            if key.span == HOUR_S:
                merged.merge(figures)
    assert counts(merged) == counts(whole)
    assert (merged.durations, merged.first_bytes, merged.cost) == (whole.durations, whole.first_bytes, whole.cost)


@pytest.mark.parametrize("ms", [1, 2, 3, 7, 20, 21, 99, 100, 4095, 4096, 10**6, 2**53])
def test_a_bucket_is_five_percent_wide(ms: int) -> None:
    (middle,) = percentiles({bucket_of(ms): 1}, 0.5)
    assert middle == pytest.approx(ms, rel=0.026, abs=0.5)
    assert bucket_of(ms) <= bucket_of(ms + 1)


def test_percentiles_of_a_thousand() -> None:
    histogram: dict[int, int] = {}
    for ms in range(1, 1001):
        histogram[bucket_of(ms)] = histogram.get(bucket_of(ms), 0) + 1
    found = list(percentiles(histogram, 0.5, 0.95, 0.99))
    assert found == [pytest.approx(500, rel=0.03), pytest.approx(950, rel=0.03), pytest.approx(990, rel=0.03)]
    assert list(percentiles({}, 0.5, 0.99)) == [None, None]
    assert list(percentiles({-1: 3, 10: 1}, 0.5, 1.0)) == [0, 2]
    assert (bucket_of(0), bucket_of(-5)) == (-1, -1)
