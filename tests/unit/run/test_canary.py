"""The leak test finds what leaks; that nothing does is shown by tests/e2e/test_doctor.py."""

from pathlib import Path

import pytest

from gateway.run import canary
from gateway.run.canary import Sinks


def test_each_secret_is_named_with_the_place_it_was_found_in() -> None:
    sinks = Sinks()
    sinks.put("the log", b"nothing")
    sinks.put("the log", b"agw_1 and sk-2")
    sinks.put("an answer", b"sk-2")
    assert sinks.holding({"a token": "agw_1", "a key": "sk-2", "another": "x"}) == [
        "a key is in an answer",
        "a token is in the log",
        "a key is in the log",
    ]


@pytest.mark.parametrize(
    ("line", "belongs"),
    [
        ("a stored provider key is in requests at the provider", True),
        ("a client's provider key is in requests at the provider", True),
        ("a gateway token is in requests at the provider", False),
        ("a stored provider key is in /metrics", False),
    ],
)
def test_only_a_provider_may_see_its_own_key(line: str, belongs: bool) -> None:
    assert canary._belongs(line) is belongs


def test_files_are_read_but_those_that_keep_secrets(tmp_path: Path) -> None:
    for name in ("pepper", "bootstrap-token", "output", "gateway.db"):
        (tmp_path / name).write_text("secret")
    sinks = Sinks()
    canary._read_files(tmp_path, sinks)
    assert set(sinks.contents) == {"its output, which the journal keeps", "the file gateway.db"}


def test_every_canary_flies() -> None:
    names = ("a gateway token", "an unknown token", "a client's provider key", "a provider key in a query")
    values = {name: f"secret-{number}" for number, name in enumerate(names)}
    sent = str(list(canary._requests(values)))
    assert all(value in sent for value in values.values())
