"""The list of what is not here: every row names things that exist, and README tells the same list."""

from pathlib import Path

import pytest

from gateway.control.api.gateways import GatewayBody
from gateway.control.api.provider_keys import KeyBody
from gateway.model.not_here import ABSENT, KEY_SETTINGS, SETTINGS, Absent, is_off
from gateway.protocol import options

README = Path(__file__).parents[3] / "README.md"


def test_each_name_is_one_that_clients_could_send() -> None:
    known = {name.decode() for name in options._RULES}
    assert GatewayBody.model_fields.keys() >= SETTINGS
    assert KeyBody.model_fields.keys() >= KEY_SETTINGS
    assert {name for row in ABSENT for name in row.options} <= known


def _row(row: Absent) -> str:
    def code(names: tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    settings = ", ".join(filter(None, (code(row.settings), *(f"`{name}` of a stored key" for name in row.key_settings))))
    return f"| {row.feature} | {settings or '–'} | {code(row.options) or row.urls or '–'} |"


def test_readme_tells_the_list() -> None:
    text = README.read_text()
    table = text.partition("## What is not here yet")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows == [_row(row) for row in ABSENT]


@pytest.mark.parametrize("value", [None, 0, 0.0, False, "", [], {}, {"enabled": False, "x": 1}, {"a": {}, "b": []}])
def test_off(value: object) -> None:
    assert is_off(value)


@pytest.mark.parametrize("value", [1, -1, True, "x", [None], [{}], {"enabled": True}, {"a": {"b": "FLAG"}}, {"enabled": 1}])
def test_on(value: object) -> None:
    assert not is_off(value)


def test_a_default_is_off() -> None:
    assert is_off("postpaid", "postpaid")
    assert not is_off("unified", "postpaid")
