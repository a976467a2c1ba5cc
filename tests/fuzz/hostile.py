"""An hour of attacks in minutes: does anybody who does nothing wrong notice, and is everything as before afterwards?

    python tests/fuzz/hostile.py --minutes 60 --seed 7     # ends by itself; exit code 1 where something was found

Strangers, holders of weak tokens and hostile providers at once (`tests/fakes/attacks/`), on loopback, against a service of its
own with two workers. Canaries with good tokens must all be served, in a time that is relative to the calm before; secrets must
not reach a trap or the service's log; memory, disk and descriptors end within their budgets (`Budget`), and each canary request
has its row. The same seed gives each attacker the same attacks in the same order; how they meet is the machine's.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from fakes.attacks.siege import Plan, Siege  # noqa: E402


def main() -> int:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--minutes", type=float, default=10.0)
    flags.add_argument("--seed", type=int, default=7)
    flags.add_argument("--attackers", type=int, default=8, help="attacks at once")
    flags.add_argument("--attacks", type=int, default=1_000_000, help="at most so many")
    flags.add_argument("--scale", type=float, default=1.0, help="of the floods")
    flags.add_argument("--only", default="", help="attacks whose names hold this")
    given = flags.parse_args()
    plan = Plan(
        seed=given.seed,
        calm_s=min(60.0, given.minutes * 10),
        seconds=given.minutes * 60,
        scale=given.scale,
        attackers=given.attackers,
        attacks=given.attacks,
        only=given.only,
    )
    with tempfile.TemporaryDirectory(prefix="hostile") as folder:
        report = Siege(Path(folder), plan).lay()
    print("\n".join(report.told()))
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
