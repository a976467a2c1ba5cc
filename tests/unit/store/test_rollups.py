"""How figures are kept in a row; the queries are tested on both databases in tests/contract/store."""

from gateway.model.rollups import COUNTS, Figures, RollupKey
from gateway.store import rollups, tables


def test_figures_survive_their_row() -> None:
    figures = Figures()
    for number, name in enumerate(COUNTS):
        setattr(figures, name, number + 1)
    figures.cost, figures.durations, figures.first_bytes = 0.125, {-1: 2, 40: 1, 3: 9}, {}
    values = rollups._values(figures)
    assert values["durations"] == "[-1,2,3,9,40,1]"
    names = [column.name for column in tables.rollups.columns]
    row = tuple(values.get(name) for name in names)
    again = rollups._figures(row, len(RollupKey._fields))  # type: ignore[arg-type]
    assert rollups._values(again) == values
    assert names == [*RollupKey._fields, *values]


def test_names_that_become_the_same_are_one() -> None:
    folded = {}
    for model in ("a\0", "a\ud800", "b"):
        folded[RollupKey("a", "g", 60, 0, "p", model)] = figures = Figures()
        figures.requests = 1
    clean = rollups._clean(folded)
    assert {key.model: figures.requests for key, figures in clean.items()} == {"a\ufffd": 2, "b": 1}
