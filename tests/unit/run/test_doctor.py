"""What the doctor says, check by check."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway.run import doctor
from gateway.run.client import ApiError
from gateway.run.config import Settings
from gateway.run.findings import Finding, Verdict, bad, doubtful, good
from gateway.run.layers import ConfigError

GOOD, DOUBTFUL, BAD = Verdict.GOOD, Verdict.DOUBTFUL, Verdict.BAD
NOW = 1_800_000_000.0


def verdicts(findings: Iterable[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    for name in ("pepper", "master-key", "gateway.db"):
        path = folder / name
        path.write_text("0" * 64)
        path.chmod(0o600)
    return folder


def test_a_healthy_installation(data: Path) -> None:
    found = list(doctor.examine(Settings(), data, "", canaries=False))
    assert BAD not in [finding.verdict for finding in found if "open files" not in finding.text]


def test_a_missing_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ConfigError("aiohttp's C parser is missing")

    assert doctor.parser().verdict is GOOD
    monkeypatch.setattr(doctor, "require_c_parser", missing)
    assert doctor.parser() == bad("aiohttp's C parser is missing")


def test_the_data_folder(data: Path, tmp_path: Path) -> None:
    assert verdicts(doctor.data_folder(data)) == [GOOD]
    assert verdicts(doctor.data_folder(tmp_path / "none")) == [DOUBTFUL]
    assert list(doctor.data_folder(data / "pepper")) == [bad(f"{data / 'pepper'} is no folder")]
    assert list(doctor.data_folder(data / "pepper" / "x")) == [bad(f"{data / 'pepper' / 'x'}: not a directory")]
    (data / "gateway.db").chmod(0o644)
    data.chmod(0o755)
    assert [finding.text.partition("; ")[2] for finding in doctor.data_folder(data)] == [
        f"run: chmod 700 {data}",
        f"run: chmod 600 {data / 'gateway.db'}",
    ]


def test_secrets_are_private_and_there(data: Path) -> None:
    assert verdicts(doctor.secret_files(data, "")) == [GOOD, GOOD]
    (data / "pepper").chmod(0o644)
    assert [f.text for f in doctor.secret_files(data, "") if f.verdict is BAD] == [
        f"{data / 'pepper'}: others may read this secret; run: chmod 600 {data / 'pepper'}"
    ]


@pytest.mark.parametrize("name", ["pepper", "master-key"])
def test_a_key_that_is_gone_while_the_store_is_there(data: Path, name: str) -> None:
    (data / name).unlink()
    (said,) = [finding.text for finding in doctor.secret_files(data, "") if finding.verdict is BAD]
    assert said.startswith(f"{data / name} is missing, but the store is there")
    (data / "gateway.db").unlink()
    assert BAD not in verdicts(doctor.secret_files(data, "")), "a fresh folder gets its keys at the first start"


def test_a_credential_goes_before_the_data_folder(data: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (data / "pepper").unlink()
    (credentials / "pepper").write_text("0" * 64)
    (credentials / "pepper").chmod(0o440)
    assert good(f"{credentials / 'pepper'} is private") in list(doctor.secret_files(data, str(credentials)))
    (credentials / "pepper").chmod(0o444)
    assert BAD in verdicts(doctor.secret_files(data, str(credentials)))


def test_a_first_token_that_was_left_lying_about(data: Path) -> None:
    (data / "bootstrap-token").write_text("agw_x")
    (data / "bootstrap-token").chmod(0o600)
    (said,) = [finding.text for finding in doctor.secret_files(data, "") if finding.verdict is DOUBTFUL]
    assert "agw_x" not in said
    assert "until it ends" in said
    (data / "bootstrap-token").write_text("")
    assert good(f"{data / 'bootstrap-token'} is empty: the first token has ended") in list(doctor.secret_files(data, ""))


@pytest.mark.parametrize(
    ("tree", "count"),
    [
        ({}, 0),
        ({"ops": {"listen": ""}}, 0),
        ({"ops": {"listen": "[::1]:9"}}, 0),
        ({"ops": {"listen": "0.0.0.0:8788"}}, 1),
        ({"upstream": {"allow_private_custom": True}}, 1),
        ({"server": {"listen": "0.0.0.0:8787"}}, 1),
        ({"server": {"listen": "0.0.0.0:8787"}, "admin": {"listen": "127.0.0.1:8789"}}, 1),
        (
            {"server": {"listen": "0.0.0.0:8787", "public_url": "https://ai.test"}, "admin": {"listen": "127.0.0.1:8789"}},
            0,
        ),
        ({"providers": {"openai": {"base_url": "http://10.0.0.1/v1"}}}, 1),
        ({"providers": {"openai": {"base_url": "http://127.0.0.1:9/v1"}}}, 0),
        ({"providers": {"openai": {"base_url": "https://mirror.example/v1"}}}, 0),
    ],
)
def test_what_is_open_on_purpose_is_named(tree: dict[str, Any], count: int) -> None:
    assert verdicts(doctor.listeners(Settings.model_validate(tree))) == [DOUBTFUL] * count


@pytest.mark.parametrize(
    ("now", "newest", "verdict"), [(NOW, 0.0, GOOD), (NOW, NOW + 60, GOOD), (NOW, NOW + 3600, BAD), (1000.0, 0.0, BAD)]
)
def test_the_clock(now: float, newest: float, verdict: Verdict) -> None:
    assert doctor.clock(now, newest).verdict is verdict


def test_the_newest_file(data: Path, tmp_path: Path) -> None:
    assert doctor.newest_file(data) == max(path.stat().st_mtime for path in data.iterdir())
    assert doctor.newest_file(tmp_path / "none") == 0.0


def test_leaks_are_bad_and_so_is_a_test_that_cannot_be_done() -> None:
    def broken() -> list[str]:
        raise ApiError("no")

    assert verdicts(doctor.leak_test(list)) == [GOOD]
    assert verdicts(doctor.leak_test(lambda: ["a token is in x", "a key is in y"])) == [BAD, BAD]
    assert verdicts(doctor.leak_test(broken)) == [BAD]


def test_the_exit_code_says_whether_something_is_bad() -> None:
    said: list[str] = []
    assert doctor.told(iter([good("a"), doubtful("b")]), said.append) == 0
    assert doctor.told(iter([bad("c"), good("d")]), said.append) == 1
    assert said == ["ok    a", "look  b", "BAD   c", "ok    d"]


def test_a_key_that_was_not_rotated_for_years(data: Path) -> None:
    assert not [finding for finding in doctor.secret_files(data, "") if "days old" in finding.text]
    os.utime(data / "pepper", (0, time.time() - 800 * 86_400))
    (said,) = [finding for finding in doctor.secret_files(data, "") if "days old" in finding.text]
    assert said.verdict is DOUBTFUL
    assert said.text.startswith(f"{data / 'pepper'} is 800 days old: gateway keys rotate")
