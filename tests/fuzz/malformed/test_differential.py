"""One input, three readers: aiohttp's C parser, its Python parser, and our checks behind the first (promise R-36).

What we accept, both parsers must end at the same byte, or refuse. The other way round is no breach: we refuse more. CI runs
the corpus and some mutants; `MALFORMED_MUTANTS=200000 MALFORMED_SEED=7 pytest tests/fuzz/malformed/test_differential.py` more.
What the whole edge serves is held against the C parser in `test_mutants.py`.
"""

import asyncio
import random
from collections import Counter

import pytest
from corpus_requests import VECTORS, Vector
from mutation import MUTANTS, SEED, SEEDS, mutated
from parsers import PYTHON, C, accepted, parse

SHORT = [vector for vector in VECTORS if len(vector.raw) < 20_000]


def compared(data: bytes, loop: asyncio.AbstractEventLoop) -> Counter[str]:
    """How often what. Fails on a request that we accept and a parser ends elsewhere."""
    by_c, by_python = parse(C, data, loop), parse(PYTHON, data, loop)
    ours = accepted(by_c, data)
    counts = Counter(accepted=len(ours), refused_by_us_alone=len(by_c.whole) > len(ours))
    for one, other in zip(ours, by_python.whole, strict=False):
        assert one[:6] == other[:6], "read differently"
    if len(by_python.whole) < len(ours):
        assert by_python.refused, "whole for us, and not yet for the Python parser"
        counts["refused_by_python_alone"] += 1
    return counts


@pytest.mark.parametrize("vector", SHORT, ids=lambda vector: vector.name)
async def test_vector(vector: Vector) -> None:
    counts = compared(vector.raw, asyncio.get_running_loop())
    assert counts["accepted"] >= len(vector.served), "what is served was read"


@pytest.mark.timeout(max(60, MUTANTS // 50))
async def test_mutants() -> None:
    chance = random.Random(SEED)
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    for number in range(MUTANTS):
        data = mutated(chance, chance.choice(SEEDS), SEEDS)
        try:
            counts += compared(data, loop)
        except AssertionError as error:
            error.add_note(f"mutant {number} of seed {SEED}: {data!r}")
            raise
    assert counts["accepted"] > MUTANTS // 10
    assert counts["refused_by_us_alone"] > MUTANTS // 100, "the checks have something to do"
