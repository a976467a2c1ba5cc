"""The page is what Prometheus reads, and has every family of the catalogue."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.control.counters import CounterSums
from gateway.control.metrics import Page
from gateway.telemetry.catalogue import FAMILIES


def samples(page: Page) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.render().decode())
        for sample in family.samples
    }


def test_every_family_is_there_before_anything_happened() -> None:
    text = Page(CounterSums(), dict).render().decode()
    for family in FAMILIES:
        assert f"# HELP {family.shown} {family.help}" in text
        assert f"# TYPE {family.shown} " in text


def test_what_edges_and_control_know_is_shown() -> None:
    sums = CounterSums()
    sums.add("e", {"requests|g|openai|2xx|none": 5, "log_queue_records|edge": 2, "worker_restarts": 3})
    found = samples(Page(sums, lambda: {"log_queue_records": {("control",): 7}, "store_up": {(): 1}}))
    labels = (("fault", "none"), ("gateway", "g"), ("provider", "openai"), ("status", "2xx"))
    assert found["aig_requests_total", labels] == 5
    assert found["aig_log_queue_records", (("where", "edge"),)] == 2
    assert found["aig_log_queue_records", (("where", "control"),)] == 7
    assert found["aig_worker_restarts_total", ()] == 3
    assert found["aig_store_up", ()] == 1
    assert found["aig_streams_open", ()] == 0


def test_histogram_buckets_are_cumulative_and_in_seconds() -> None:
    sums = CounterSums()
    for seconds in (0.0015, 0.004, 60.0):
        sums.observe("revocation_seconds", seconds)
    found = samples(Page(sums, dict))
    assert found["aig_revocation_seconds_bucket", (("le", "0.001"),)] == 0
    assert found["aig_revocation_seconds_bucket", (("le", "0.002"),)] == 1
    assert found["aig_revocation_seconds_bucket", (("le", "0.005"),)] == 2
    assert found["aig_revocation_seconds_bucket", (("le", "+Inf"),)] == 3
    assert found["aig_revocation_seconds_count", ()] == 3
    assert found["aig_revocation_seconds_sum", ()] == 60.0055


def test_values_are_escaped() -> None:
    sums = CounterSums()
    sums.count("model_requests", 'p"', "a\\b\nc")
    assert samples(Page(sums, dict))["aig_model_requests_total", (("model", "a\\b\nc"), ("provider", 'p"'))] == 1
