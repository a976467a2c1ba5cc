"""What the doctor says of a service that runs."""

from pathlib import Path
from typing import Any

import pytest

from gateway.run import doctor_running
from gateway.run.client import ApiError
from gateway.run.config import Settings
from gateway.run.findings import Verdict

APART = Settings.model_validate({"admin": {"listen": ["127.0.0.1:8789"]}})


@pytest.mark.parametrize(
    ("public", "rebound", "verdicts"),
    [
        (404, 421, [Verdict.GOOD]),
        (200, 421, [Verdict.BAD]),
        (404, 200, [Verdict.GOOD, Verdict.BAD]),
        (0, 0, [Verdict.GOOD]),
    ],
)
def test_listeners_serve_what_the_settings_say(public: int, rebound: int, verdicts: list[Verdict]) -> None:
    found = doctor_running.doors(APART, lambda _url, host: rebound if host else public)
    assert [finding.verdict for finding in found] == verdicts


def test_one_address_for_all_is_no_finding_of_the_running_service() -> None:
    assert list(doctor_running.doors(Settings(), lambda _url, _host: 200)) == []


class Fake:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def call(self, method: str, path: str) -> Any:
        assert (method, path) == ("GET", "/accounts/a/ai-gateway/gateways?per_page=100")
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "verdict", "word"),
    [
        ([{"id": "g1", "authentication": True}], Verdict.GOOD, "every gateway"),
        ([{"id": "g2", "authentication": False}, {"id": "g1", "authentication": True}], Verdict.DOUBTFUL, "g2: auth"),
        (ApiError("503"), Verdict.DOUBTFUL, "could not be looked at"),
    ],
)
def test_gateways_that_ask_for_no_token_are_named(answer: Any, verdict: Verdict, word: str) -> None:
    client: Any = Fake(answer)
    (finding,) = doctor_running.gateways(client, "a")
    assert finding.verdict is verdict
    assert word in finding.text


def test_where_nothing_runs_nothing_is_found(tmp_path: Path) -> None:
    settings = Settings.model_validate({"server": {"listen": ["127.0.0.1:1"]}})
    assert list(doctor_running.examine_running(settings, tmp_path)) == []
    assert doctor_running.status_of("http://127.0.0.1:1/dashboard", "") == 0
