"""What the product's own steps cost, in microseconds: everything about a request that is not sockets.

    python bench/micro              a table
    python bench/micro --json       one JSON object, step → µs
    python bench/micro --repeat 15  steadier

Best of several repeats, each some 20 ms long: the best is what the code costs, the rest is what else the machine did.
"""

import argparse
import json
import platform
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).resolve().parent)]

from steps import Step, steps  # noqa: E402

LEAST_S = 0.02


def best_us(work: Callable[[], object], repeat: int) -> float:
    """Microseconds of one call, the loop around it taken off."""
    timer, empty = timeit.Timer(work), timeit.Timer(lambda: None)
    number = 1
    while timer.timeit(number) < LEAST_S:
        number *= 4
    return max(0.0, min(timer.repeat(repeat, number)) - min(empty.repeat(repeat, number))) / number * 1e6


def measure(chosen: list[Step], repeat: int) -> dict[str, float]:
    return {step.name: round(best_us(step.work, repeat) / step.pieces, 3) for step in chosen}


def sums(found: dict[str, float], chosen: list[Step]) -> dict[str, float]:
    """Of a request whose head the connection repeats, and of one with a new head; without the parsing of HTTP."""
    warm = sum(found[step.name] for step in chosen if step.when in ("each", "repeated"))
    new = sum(found[step.name] for step in chosen if step.when in ("each", "new"))
    return {"all but HTTP, repeated head": round(warm, 2), "all but HTTP, new head": round(new, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", help="steps whose name contains this")
    given = parser.parse_args()
    chosen = [step for step in steps() if given.only in step.name]
    found = measure(chosen, given.repeat)
    totals = {} if given.only else sums(found, chosen)
    if given.json:
        print(json.dumps({"python": platform.python_version(), "us": {**found, **totals}}))
        return
    print("| step | µs | |\n|---|--:|---|")
    for step in chosen:
        print(f"| {step.name} | {found[step.name]:.2f} | {step.about} |")
    for name, value in totals.items():
        print(f"| **{name}** | **{value:.1f}** | |")


if __name__ == "__main__":
    main()
