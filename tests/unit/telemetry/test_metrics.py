"""A process's numbers: what grew is told once, gauges are told whole to a control that is new."""

import pytest

from gateway.model import faults
from gateway.model.faults import Fault
from gateway.telemetry.metrics import Histogram, Metrics, blamed, label


def test_what_grew_is_told_once() -> None:
    metrics = Metrics()
    metrics.counts["upstream_retries"] += 2
    metrics.counts["auth_cache|miss"] += 1
    assert metrics.take(1) == {"events|upstream_retries": 2, "auth_cache|miss": 1}
    assert metrics.take(1) == {}


def test_requests_are_summed_by_what_matters() -> None:
    metrics = Metrics()
    metrics.finished += [("g", "openai", 200, None, "completed", True)] * 3
    metrics.finished += [("g", "openai", 201, None, "completed", True)] * 1
    metrics.finished += [("g", "", 401, faults.INVALID_TOKEN, "refused", None)] * 2
    metrics.finished += [("g", "", 400, faults.BAD_BODY, "refused", False)] * 1
    metrics.finished += [("", "", 400, faults.UNKNOWN_GATEWAY, "refused", None)] * 1
    assert metrics.take(1) == {
        "requests|g|openai|2xx|none": 4,
        "auth|permitted": 4,
        "requests|g|none|4xx|client": 3,
        "auth|invalid": 2,
        "refusals|invalid_token|client": 2,
        "auth|anonymous": 1,
        "refusals|bad_body|client": 1,
        "requests|none|none|4xx|client": 1,
        "refusals|unknown_gateway|client": 1,
    }


@pytest.mark.parametrize(
    ("status", "fault", "outcome", "whose"),
    [
        (200, None, "completed", "none"),
        (304, None, "completed", "none"),
        (404, None, "completed", "client"),
        (499, None, "client_gone", "client"),
        (200, None, "client_gone", "client"),
        (200, None, "upstream_truncated", "upstream"),
        (503, None, "upstream_error", "upstream"),
        (502, faults.UPSTREAM_BROKEN, "upstream_error", "upstream"),
        (503, faults.CONTROL_DOWN, "refused", "gateway"),
        (401, faults.MISSING_TOKEN, "refused", "client"),
    ],
)
def test_whose_fault_it_was(status: int, fault: Fault | None, outcome: str, whose: str) -> None:
    assert blamed(status, fault, outcome) == whose


def test_a_total_is_told_by_its_growth_and_a_gauge_by_its_change() -> None:
    metrics, held = Metrics(), {"hits": 5, "open": 3}
    metrics.total("auth_cache|hit", lambda: held["hits"])
    metrics.gauge("streams_open", lambda: held["open"])
    assert metrics.take(1) == {"auth_cache|hit": 5, "streams_open": 3}
    held.update(hits=6, open=1)
    assert metrics.take(1) == {"auth_cache|hit": 1, "streams_open": -2}
    held.update(open=0)
    # Control is new: the total goes on, the gauge starts from nothing, and nothing is what it is.
    assert metrics.take(2) == {}
    held.update(open=2)
    assert metrics.take(3) == {"streams_open": 2}


def test_what_could_not_be_sent_comes_with_the_next() -> None:
    metrics, held = Metrics(), {"open": 3}
    metrics.gauge("streams_open", lambda: held["open"])
    metrics.histogram("overhead_seconds").observe(0.5)
    metrics.counts["tap_failed"] += 1
    lost = metrics.take(1)
    metrics.give_back(lost)
    held["open"] = 4
    metrics.counts["tap_failed"] += 1
    metrics.histogram("overhead_seconds").observe(0.5)
    again = metrics.take(1)
    assert again == {
        "events|tap_failed": 2,
        "streams_open": 4,
        "overhead_seconds|10": 2,
        "overhead_seconds|sum": 1_000_000,
    }


def test_a_histogram_counts_by_upper_bounds() -> None:
    histogram = Histogram("event_loop_lag_seconds")
    for seconds in (99.0, 0.001, 0.0011, 0.0):
        histogram.observe(seconds)
    histogram.fold()
    histogram.fold()
    assert (histogram.counts[0], histogram.counts[1], histogram.counts[-1]) == (2, 1, 1)
    assert histogram.total == pytest.approx(99.0021)


def test_a_histogram_is_told_by_buckets_and_sum() -> None:
    metrics = Metrics()
    found = metrics.histogram("upstream_first_byte_seconds", "openai")
    assert metrics.histogram("upstream_first_byte_seconds", "openai") is found
    found.observe(0.02)
    assert metrics.take(1) == {"upstream_first_byte_seconds|openai|1": 1, "upstream_first_byte_seconds|openai|sum": 20_000}
    assert metrics.take(1) == {}


@pytest.mark.parametrize(("value", "shown"), [("", "none"), ("a|b", "other"), ("a\nb", "other"), ("custom-x", "custom-x")])
def test_labels_cannot_break_the_names(value: str, shown: str) -> None:
    assert label(value) == shown
