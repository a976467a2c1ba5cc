"""Rollups become answers: the right span, every point there, the unknown null."""

import pytest

from gateway.control.rollups import Question, answered, asked, compared, shown
from gateway.model.rollups import DAY_S, HOUR_S, MINUTE_S, Figures, GatewaySum, Rollup

NOW = 1_790_000_000.0


def figures(requests: int, **fields: object) -> Figures:
    made = Figures()
    made.requests = requests
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("start", "end", "interval", "span"),
    [
        (NOW - HOUR_S, NOW, "auto", MINUTE_S),
        (NOW - 6 * HOUR_S, NOW, "auto", MINUTE_S),
        (NOW - 7 * HOUR_S, NOW, "auto", HOUR_S),
        (NOW - 14 * DAY_S, NOW, "auto", HOUR_S),
        (NOW - 15 * DAY_S, NOW, "auto", DAY_S),
        (NOW - 365 * DAY_S, NOW, "auto", DAY_S),
        (NOW - 9 * DAY_S, NOW - 9 * DAY_S + HOUR_S, "auto", HOUR_S),
        (NOW - 500 * DAY_S, NOW - 499 * DAY_S, "auto", DAY_S),
        (NOW - 365 * DAY_S, NOW, "hour", HOUR_S),
        (NOW - HOUR_S, NOW, "day", DAY_S),
    ],
)
def test_the_span_fits_the_period(start: float, end: float, interval: str, span: int) -> None:
    question = asked(start, end, interval, NOW)
    assert question.span == span
    assert question.start % span == question.end % span == 0
    assert question.start <= start < question.start + span
    assert question.end - span < end <= question.end
    assert question.points * span == question.end - question.start


HOUR = Question(0, 3 * HOUR_S, HOUR_S)
ROLLUPS = [
    Rollup(0, "openai", "a", figures(2, refused=1, metered=1, tokens_in=10, priced=1, cost=0.5, durations={50: 2})),
    Rollup(0, "openai", "b", figures(5, cached=1, durations={60: 5}, first_bytes={40: 1})),
    Rollup(7200, "groq", "a", figures(1, client_gone=1, durations={50: 1})),
]


def test_totals_points_and_no_groups() -> None:
    found = answered(HOUR, ROLLUPS, "none")
    assert (found["start"], found["end"], found["interval"]) == ("1970-01-01T00:00:00.000Z", "1970-01-01T03:00:00.000Z", "hour")
    assert (found["totals"]["requests"], found["totals"]["errors"], found["totals"]["cached"]) == (8, 2, 1)
    assert found["totals"]["errors_by_kind"] == {"refused": 1, "rejected": 0, "upstream_failed": 0, "client_gone": 1}
    assert [point["requests"] for point in found["series"]] == [7, 0, 1]
    assert [point["start"][11:16] for point in found["series"]] == ["00:00", "01:00", "02:00"]
    assert found["groups"] == []
    assert ROLLUPS[0].figures.requests == 2, "what was read is not changed"


@pytest.mark.parametrize(
    ("group_by", "names"),
    [
        ("provider", [({"provider": "openai"}, 7), ({"provider": "groq"}, 1)]),
        (
            "model",
            [
                ({"provider": "openai", "model": "b"}, 5),
                ({"provider": "openai", "model": "a"}, 2),
                ({"provider": "groq", "model": "a"}, 1),
            ],
        ),
    ],
)
def test_groups_biggest_first(group_by: str, names: list[tuple[dict[str, str], int]]) -> None:
    groups = answered(HOUR, ROLLUPS, group_by)["groups"]
    assert [({name: group[name] for name in wanted}, group["requests"]) for group, (wanted, _) in zip(groups, names)] == names  # noqa: B905
    assert len(groups) == len(names)


def test_the_unknown_is_null() -> None:
    nothing = shown(Figures())
    assert (nothing["requests"], nothing["tokens_in"], nothing["cost"]) == (0, None, None)
    assert nothing["duration_ms"] == {"p50": None, "p95": None, "p99": None}
    known = shown(ROLLUPS[0].figures)
    assert (known["tokens_in"], known["tokens_out"], known["cost"], known["priced"]) == (10, 0, 0.5, 1)
    assert known["duration_ms"]["p99"] == round(1.05**50.5)


def test_gateways_side_by_side() -> None:
    sums = [
        GatewaySum("a", 0, 3, 1, 0, 10, 5, 0, 0.0),
        GatewaySum("a", 7200, 4, 0, 2, 1, 1, 0, 0.0),
        GatewaySum("b", 3600, 1, 0, 0, 0, 0, 1, 0.25),
    ]
    a, b = compared(HOUR, sums)["gateways"]
    assert a["series"] == {"requests": [3, 0, 4], "errors": [1, 0, 0]}
    assert (a["gateway_id"], a["requests"], a["errors"], a["cached"], a["tokens_in"], a["cost"]) == ("a", 7, 1, 2, 11, None)
    assert (b["series"]["requests"], b["cost"]) == ([0, 1, 0], 0.25)
