"""What SQLite finds of a text in another case; tests/contract/store/test_request_log.py asks both databases."""

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.dialects import postgresql

from gateway.store import tables
from gateway.store.any_case import has_text


@pytest.fixture(scope="module")
def ask():
    engine = create_engine("sqlite://")

    def holds(column: str, text: str, behind: str = "") -> bool:
        from sqlalchemy import String, literal

        with engine.connect() as connection:
            return bool(connection.scalar(select(has_text(literal(column, String), text, behind=behind))))

    yield holds
    engine.dispose()


@pytest.mark.parametrize(
    ("column", "text", "found"),
    [
        ("José", "JOSÉ", True),
        ("JOSÉ", "josé", True),
        ("JOSÉ", "é", True),
        ("JOSE", "josé", False),
        ("ΑΘΗΝΑ", "αθήνα", False),
        ("ΑΘΉΝΑ", "αθήνα", True),
        ("ПРИВЕТ мир", "привет МИР", True),
        ("50% off", "0% O", True),
        ("500 off", "0% O", False),
        ("a_b", "A_B", True),
        ("axb", "a_b", False),
        ("a/b", "A/B", True),
        ("[é*?]", "[É*?]", True),
        ("[éxx]", "É*?", False),
        ("é]", "É]", True),
        ("^é-\\", "^É-\\", True),
        ("日本語", "本", True),
        ("straße", "STRAßE", True),
        ("x", "", True),
    ],
)
def test_texts(ask, column: str, text: str, found: bool) -> None:
    assert ask(column, text) is found


@pytest.mark.parametrize("letter", ["e", "é"])
def test_what_must_follow(ask, letter: str) -> None:
    assert ask(f"x{letter}y:z", letter.upper(), ":")
    assert not ask(f":x{letter}y", letter.upper(), ":")


def test_postgresql_is_asked_by_a_pattern_that_is_a_parameter() -> None:
    dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]
    compiled = select(has_text(tables.records.c.model, "É.[")).compile(dialect=dialect)
    assert " ~ " in str(compiled)
    assert r"[Éé]\.\[" in compiled.params.values()
