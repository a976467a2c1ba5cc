"""The table of bounds, text by text and number by number: what is beyond is cut or no number, and nothing of ours shows."""

import json
from itertools import count
from urllib.parse import quote

import orjson
import pytest

from gateway.link.frames import UP_MESSAGE_BYTES
from gateway.model import bounds
from gateway.model.tokens import HIDDEN_TOKEN, mint_token

TOKEN = mint_token()
HIDDEN = HIDDEN_TOKEN.decode()


@pytest.mark.parametrize(
    ("given", "most", "kept"),
    [
        ("", 5, ""),
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcde"),
        ("x" * 33_000_000, 200, "x" * 200),
        ("é" * 300, 200, "é" * 200),
        ("\ud800" + "😀" * 300, 200, "\ufffd" + "😀" * 199),
        (TOKEN, 200, HIDDEN),
        (f"a {TOKEN} b", 200, f"a {HIDDEN} b"),
        (f"{TOKEN}{TOKEN}", 200, HIDDEN),
        ("x" * 150 + TOKEN, 200, "x" * 150 + HIDDEN),
        ("x" * 199 + TOKEN, 200, "x" * 199 + "a"),
        ("x" * 200 + TOKEN, 200, "x" * 200),
        ("agw_gateway", 200, "agw_gateway"),
    ],
    ids=count(),
)
def test_texts(given: str, most: int, kept: str) -> None:
    assert bounds.text(given, most) == kept


@pytest.mark.parametrize("length", range(140, 205))
def test_no_part_of_a_token_that_says_anything_is_left_at_the_edge(length: int) -> None:
    assert TOKEN[4:10] not in bounds.text("x" * length + TOKEN, 200)


@pytest.mark.parametrize(
    "path",
    [
        f"v1/{TOKEN}/x",
        "v1/" + quote(TOKEN[:3]) + "%5F" + TOKEN[4:],
        "".join(f"%{ord(char):02x}" for char in TOKEN),
        f"a%2F{TOKEN}",
        "x" * 1000 + "".join(f"%{ord(char):02X}" for char in TOKEN),
    ],
    ids=count(),
)
def test_a_path_shows_no_token_however_it_is_spelt(path: str) -> None:
    kept = bounds.path(path)
    assert TOKEN[4:12] not in kept
    assert "".join(f"%{ord(char):02X}" for char in TOKEN[4:12]) not in kept
    assert len(kept) <= bounds.PATH


def test_a_path_without_tokens_stays_as_it_is() -> None:
    assert bounds.path("v1beta/models/a%2Fb%20c:generate") == "v1beta/models/a%2Fb%20c:generate"
    assert len(bounds.path("%41" * 40_000)) == bounds.PATH


@pytest.mark.parametrize(("given", "kept"), [(None, None), (0, 0), (7, 7), (10**12, 10**12), (10**12 + 1, None), (-1, None)])
def test_counts(given: int | None, kept: int | None) -> None:
    assert bounds.count(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        (0.0, 0.0),
        (1e6, 1e6),
        (1.1e6, None),
        (1e308, None),
        (float("inf"), None),
        (float("nan"), None),
        (-0.01, None),
    ],
)
def test_costs(given: float | None, kept: float | None) -> None:
    assert bounds.cost(given) == kept


def test_both_bodies_of_a_row_fit_into_a_message_however_they_are_spelt() -> None:
    worst = len(orjson.dumps("\x00" * 1000)) / 1000
    assert worst >= len(json.dumps("\xff" * 1000, ensure_ascii=False).encode()) / 1000
    assert 2 * bounds.LOG_BODY_BYTES * worst < UP_MESSAGE_BYTES - 10 * 1024 * 1024
