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


class Answers:
    """Of a service, by path."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def call(self, method: str, path: str) -> Any:
        assert method == "GET"
        (found,) = [answer for word, answer in self.answers.items() if f"/{word}" in path]
        if isinstance(found, ApiError):
            raise found
        return found


def key(used: bool, **count: int) -> dict[str, Any]:
    return {"id": "ab12", "in_use": used, **count}


@pytest.mark.parametrize(
    ("found", "verdicts", "word"),
    [
        ({"master-key": [key(True, seals=3)], "pepper": [key(True, tokens=0)]}, [Verdict.GOOD, Verdict.GOOD], "one pepper"),
        (
            {"master-key": [key(True, seals=3), key(False, seals=2)], "pepper": [key(True, tokens=0)]},
            [Verdict.DOUBTFUL, Verdict.GOOD],
            "older master-key (id ab12) is still there, 2 seals need it",
        ),
        (
            {"master-key": [key(True, seals=3)], "pepper": [key(True, tokens=4), key(False, tokens=0)]},
            [Verdict.GOOD, Verdict.DOUBTFUL],
            "nothing needs it: gateway keys retire",
        ),
        (ApiError("503"), [Verdict.DOUBTFUL], "could not be looked at: 503"),
    ],
)
def test_keys_whose_rotation_has_not_ended(found: Any, verdicts: list[Verdict], word: str) -> None:
    client: Any = Answers(service=found)
    told = list(doctor_running.keys(client))
    assert [finding.verdict for finding in told] == verdicts
    assert word in "\n".join(finding.text for finding in told)


@pytest.mark.parametrize(
    ("found", "verdict", "word"),
    [
        ([{"action": {"time": "2026-01-02T03:04:05Z"}}], Verdict.GOOD, "last at 2026-01-02T03:04:05Z"),
        ([], Verdict.BAD, "no entry"),
        (ApiError("403"), Verdict.DOUBTFUL, "could not be looked at: 403"),
    ],
)
def test_an_audit_log_that_is_not_written_is_bad(found: Any, verdict: Verdict, word: str) -> None:
    client: Any = Answers(**{"accounts/a/logs/audit": found})
    (told,) = doctor_running.audit(client, "a")
    assert told.verdict is verdict
    assert word in told.text


FIRST = {"id": "t1", "name": "bootstrap", "status": "active"}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([{**FIRST, "expires_on": "2026-01-02T03:04:05Z"}], ["may do everything until 2026-01-02T03:04:05Z"]),
        ([FIRST], ["may do everything without an end"]),
        ([{**FIRST, "status": "expired"}, {**FIRST, "name": "app"}], []),
        ([], []),
        (ApiError("403"), ["could not be looked at: 403"]),
    ],
)
def test_a_first_token_that_has_not_ended(found: Any, words: list[str]) -> None:
    client: Any = Answers(**{"accounts/a/tokens": found})
    told = list(doctor_running.first_token(client, "a"))
    assert [finding.verdict for finding in told] == [Verdict.DOUBTFUL] * len(words)
    assert all(word in finding.text for word, finding in zip(words, told, strict=True))


@pytest.mark.parametrize(
    ("answer", "verdict", "text"),
    [
        ((True, "ok"), Verdict.GOOD, "http://x is ready"),
        ((True, "degraded: the store is down"), Verdict.DOUBTFUL, "http://x is degraded: the store is down"),
        ((False, "failed"), Verdict.BAD, "http://x is failed"),
        (ApiError("http://x cannot be reached"), Verdict.BAD, "http://x cannot be reached"),
    ],
)
def test_how_ready_it_is(answer: Any, verdict: Verdict, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def readiness(origin: str) -> Any:
        assert origin == "http://x"
        if isinstance(answer, ApiError):
            raise answer
        return answer

    monkeypatch.setattr(doctor_running, "readiness", readiness)
    (told,) = doctor_running.readiness_of("http://x")
    assert (told.verdict, told.text) == (verdict, text)


def test_where_nothing_runs_nothing_is_found(tmp_path: Path) -> None:
    settings = Settings.model_validate({"server": {"listen": ["127.0.0.1:1"]}})
    assert list(doctor_running.examine_running(settings, tmp_path)) == []
    assert doctor_running.status_of("http://127.0.0.1:1/dashboard", "") == 0
