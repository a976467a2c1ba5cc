"""What the edges count, added up: monotonic whatever edges do, bounded whatever they send."""

from typing import Any

import pytest

from gateway.control.counters import CounterSums
from gateway.model.records import LogRecord

ROW: dict[str, Any] = {
    "id": "1", "account_id": "a", "gateway_id": "g", "created_at": 1.0, "provider": "openai", "model": "gpt-4o",
    "model_type": "chat", "method": "POST", "path": "chat/completions", "status_code": 200, "success": True,
    "outcome": "completed", "cached": False, "duration_ms": 300, "first_byte_ms": 100, "tokens_in": 10, "tokens_out": 20,
    "tokens_cached": None, "tokens_reasoning": 0, "usage_exactness": "exact", "metadata": None, "step": 0, "request_type": "",
    "request_content_type": "", "response_content_type": "", "request_size": 5, "response_size": 7, "event_id": "e",
    "user_agent": "", "authentication": True, "token_id": "t", "streamed": False,
}  # fmt: skip


def record(**changes: Any) -> LogRecord:
    return LogRecord(**{**ROW, **changes})


def test_deltas_of_all_edges_are_added_up() -> None:
    sums = CounterSums()
    sums.add("edge-1", {"requests|g|openai|2xx|none": 2})
    sums.add("edge-2", {"requests|g|openai|2xx|none": 3, "events|tap_failed": 1})
    assert sums.sums["requests"] == {("g", "openai", "2xx", "none"): 5}
    assert sums.sums["events"] == {("tap_failed",): 1}


def test_a_counter_never_shrinks() -> None:
    sums = CounterSums()
    sums.add("edge-1", {"auth|permitted": 5})
    sums.add("edge-1", {"auth|permitted": -3})
    sums.forget("edge-1")
    assert sums.sums["auth"] == {("permitted",): 5}


def test_a_gauge_leaves_with_its_edge() -> None:
    sums = CounterSums()
    sums.add("edge-1", {"streams_open": 4})
    sums.add("edge-2", {"streams_open": 3})
    sums.add("edge-1", {"streams_open": -1})
    assert sums.gauges("streams_open") == {(): 6}
    sums.forget("edge-1")
    sums.forget("edge-1")
    assert sums.gauges("streams_open") == {(): 3}
    sums.add("edge-2", {"streams_open": -9})
    assert sums.gauges("streams_open") == {(): 0}


def test_the_highest_word_stays() -> None:
    sums = CounterSums()
    sums.add("edge-1", {"worker_restarts": 2})
    sums.add("edge-2", {"worker_restarts": 3})
    sums.forget("edge-2")
    sums.add("edge-3", {"worker_restarts": 1})
    assert sums.sums["worker_restarts"] == {(): 3}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nobody",
        "requests",
        "requests|g|openai|2xx",
        "requests|g|openai|9xx|none",
        "requests|g|openai|2xx|nobody",
        "auth|x",
        "events|x\n",
        "refusals|x|client",
        "overhead_seconds",
        "overhead_seconds|-1",
        "overhead_seconds|99",
        "overhead_seconds|x",
        "overhead_seconds|²",
        "overhead_seconds|0|0",
    ],
)
def test_what_the_catalogue_does_not_know_is_dropped(name: str) -> None:
    sums = CounterSums()
    sums.add("edge-1", {name: 1})
    assert not any(sums.sums.values())
    assert not any(sums.histograms.values())


def test_histograms_are_added_up() -> None:
    sums = CounterSums()
    for edge in ("edge-1", "edge-2"):
        sums.add(edge, {"overhead_seconds|0": 2, "overhead_seconds|11": 1, "overhead_seconds|sum": 70})
    sums.add("edge-1", {"overhead_seconds|0": -2})
    found = sums.histograms["overhead_seconds"][()]
    assert (found.counts[0], found.counts[11], found.total_us) == (4, 2, 140)


def test_values_that_customers_choose_are_capped() -> None:
    sums = CounterSums()
    sums.add("edge-1", {f"requests|g{number}|openai|2xx|none": 1 for number in range(150)})
    sums.add("edge-1", {"requests|g0|openai|2xx|none": 1, "requests|g149|openai|2xx|none": 1})
    gateways = {labels[0]: count for labels, count in sums.sums["requests"].items()}
    assert len(gateways) == 101
    assert (gateways["g0"], gateways["other"]) == (2, 51)


def test_rows_of_the_log_are_counted() -> None:
    sums = CounterSums()
    sums.take([record(), record(tokens_in=None)])
    assert sums.sums["tokens"] == {("openai", "gpt-4o", "in"): 10, ("openai", "gpt-4o", "out"): 40}
    assert sums.sums["model_requests"] == {("openai", "gpt-4o"): 2}
    assert sums.sums["body_bytes"] == {("request",): 10, ("response",): 14}
    found = sums.histograms["request_duration_seconds"]["openai",]
    assert (sum(found.counts), found.total_us) == (2, 600_000)


@pytest.mark.parametrize(
    ("changes", "provider", "models"),
    [
        ({"success": False, "outcome": "completed", "model": "sk-secret"}, "openai", set()),
        ({"success": False, "outcome": "refused", "asked": False, "provider": "whatever-they-wrote"}, "none", set()),
        ({"success": False, "outcome": "client_gone", "first_byte_ms": None, "asked": False, "provider": "x"}, "none", set()),
        ({"success": False, "outcome": "client_gone"}, "openai", set()),
        ({"model": "x" * 101}, "openai", {"other"}),
        ({"model": 'a"b'}, "openai", {"other"}),
        ({"model": ""}, "openai", {"none"}),
        ({"model": "@cf/meta/llama-3:8b"}, "openai", {"@cf/meta/llama-3:8b"}),
    ],
)
def test_what_a_client_writes_becomes_no_label_by_itself(changes: dict[str, Any], provider: str, models: set[str]) -> None:
    sums = CounterSums()
    sums.take([record(**changes)])
    assert set(sums.histograms["request_duration_seconds"]) == {(provider,)}
    assert {labels[1] for labels in sums.sums["model_requests"]} == models


def test_models_are_capped() -> None:
    sums = CounterSums()
    sums.take(record(model=f"m{number}") for number in range(300))
    models = {labels[1]: count for labels, count in sums.sums["model_requests"].items()}
    assert len(models) == 201
    assert models["other"] == 100


def test_failures_of_providers_are_counted_by_names_and_causes_that_are_known() -> None:
    sums = CounterSums()
    sums.add("e", {"upstream_failures|openai|dns": 2, "upstream_failures|custom|reset": 1})
    sums.add("e", {"upstream_failures|made-up|dns": 1, "upstream_failures|openai|made-up": 1, "upstream_failures|openai": 1})
    assert sums.sums["upstream_failures"] == {("openai", "dns"): 2, ("custom", "reset"): 1}
