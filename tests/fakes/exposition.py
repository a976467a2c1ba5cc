"""Reading `/metrics` as Prometheus does."""

from fakes.service import Service, call
from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(service: Service) -> Series:
    """Every sample but the gauges': (name, labels) → value."""
    answer = call(service.ops_origin, "GET", "/metrics")
    assert answer.status == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        if family.type != "gauge"
        for sample in family.samples
    }


def total(series: Series, name: str, **labels: str) -> float:
    """All series of this name with these labels, added up."""
    wanted = set(labels.items())
    return sum(value for (found, has), value in series.items() if found == name and wanted <= has)


def gauge(service: Service, line: str) -> float:
    """A gauge's value, by its name and labels as the page has them."""
    for found in call(service.ops_origin, "GET", "/metrics").body.decode().splitlines():
        if found.startswith(f"{line} "):
            return float(found.rpartition(" ")[2])
    raise AssertionError(f"no {line}")
