"""The table of spellings: README shows it, and what it says is read."""

from pathlib import Path
from typing import Any

import pytest

from gateway.protocol.counts import counted
from gateway.protocol.usage_table import PLACES, SPELLINGS, Spelling, documentation

README = Path(__file__).parents[3] / "README.md"


def test_readme_shows_the_table() -> None:
    lines = README.read_text().splitlines()
    wanted = list(documentation())
    assert [line for line in lines if line in wanted] == wanted, "put the lines of documentation() into README.md"


def usage_of(names: dict[str, int]) -> dict[str, Any]:
    usage: dict[str, Any] = {}
    for name, count in names.items():
        outer, _, inner = name.partition(".")
        if inner:
            usage.setdefault(outer, {})[inner] = count
        else:
            usage[outer] = count
    return usage


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row.api)
def test_every_name_of_every_row_is_read(row: Spelling) -> None:
    for tokens_in in row.tokens_in:
        for tokens_out in row.tokens_out:
            base = {tokens_in: 1000, tokens_out: 100}
            found = counted(usage_of(base))
            assert found is not None
            assert found[:2] == (1000, 100)
            for names, at, apart in (
                (row.cached, 2, row.cache_apart),
                (row.written, 6, row.cache_apart),
                (row.reasoning, 3, False),
            ):
                for name in names:
                    found = counted(usage_of({**base, name: 30}))
                    assert found is not None
                    assert (found[at], found.tokens_in, found.tokens_out) == (30, 1030 if apart else 1000, 100)
            if row.tools:
                assert counted(usage_of({**base, row.tools: 7}))[:2] == (1007, 100)  # type: ignore[index]
            if row.thoughts:
                assert counted(usage_of({**base, row.thoughts: 7}))[:4] == (1000, 107, None, 7)  # type: ignore[index]
            if row.total:
                assert counted(usage_of({**base, row.total: 1150}))[:4] == (1000, 150, None, 50)  # type: ignore[index]


def test_places_are_told_once() -> None:
    assert len(PLACES) == len(set(PLACES))
