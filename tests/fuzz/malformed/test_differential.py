"""One input, three readers: aiohttp's C parser, its Python parser, and our checks behind the first (promise R-36).

What we accept, both parsers must end at the same byte, or refuse. The other way round is no breach: we refuse more. CI runs
the corpus and some mutants; `MALFORMED_MUTANTS=200000 MALFORMED_SEED=7 pytest tests/fuzz/malformed/test_differential.py` more.
What the whole edge serves is held against the C parser in `test_mutants.py`. Providers' answers, which we read ourselves, are
held against aiohttp's two parsers of those in the same way.
"""

import asyncio
import random
from collections import Counter

import pytest
from corpus_requests import VECTORS, Vector
from corpus_responses import ANSWERS, Answer
from mutation import MUTANTS, SEED, SEEDS, mutated
from parsers import ANSWERS_BY_C, ANSWERS_BY_PYTHON, LATER_VERSION, PYTHON, C, accepted, parse, parse_answer, read_answer

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
    raw = LATER_VERSION.sub(rb"\g<1>1\r\n", vector.raw)  # which we make HTTP/1.1 before a parser sees it
    counts = compared(raw, asyncio.get_running_loop())
    assert counts["accepted"] >= len(vector.served), "what is served was read"


@pytest.mark.slow
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


FOR_POST = [answer for answer in ANSWERS if answer.method == "POST" and 0 < len(answer.raw) < 20_000]


def agrees(data: bytes, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether we take the answer for whole. Fails where a parser does not refuse it and reads it otherwise."""
    ours = read_answer(data)
    if ours is not None:
        for kind in (ANSWERS_BY_C, ANSWERS_BY_PYTHON):
            assert parse_answer(kind, data, loop) in (ours, "refused")
    return ours is not None


@pytest.mark.parametrize("answer", FOR_POST, ids=lambda answer: answer.name)
async def test_answer(answer: Answer) -> None:
    assert agrees(answer.raw, asyncio.get_running_loop()) is (answer.outcome == "whole")


@pytest.mark.timeout(max(60, MUTANTS // 50))
async def test_mutants_of_answers() -> None:
    chance = random.Random(SEED)
    loop = asyncio.get_running_loop()
    seeds = [answer.raw for answer in FOR_POST if len(answer.raw) < 4000]
    whole = 0
    for number in range(MUTANTS):
        data = mutated(chance, chance.choice(seeds), seeds)
        try:
            whole += agrees(data, loop)
        except AssertionError as error:
            error.add_note(f"mutant {number} of seed {SEED}: {data!r}")
            raise
    assert whole > MUTANTS // 20
