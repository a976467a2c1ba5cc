"""The whole comparison: six scenarios over no proxy, this product and every other proxy that is installed.

    python bench/compare.py                                 everything, in under 30 minutes; results in bench/results/
    python bench/compare.py --scenarios small streams --systems direct nginx envoy gateway --rounds 1
    python bench/compare.py --smoke                         under two minutes: proves that it runs

Peers that are not installed are skipped by name (bench/peers_install.sh installs them). Rounds are interleaved, figures
are medians, ratios are to nginx in the same run. bench/README.md says how it measures.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from chart import chart
from figures import Table, sound
from goals import verdicts
from peers import SYSTEMS, absent
from scenarios import MB, SCENARIOS, Plan
from systems import ROOT, missing_tools, raise_limits, stay_beside_the_load

from gateway.edge import relay

RESULTS = ROOT / "bench" / "results"
SMOKE_SYSTEMS = ("direct", "nginx", "gateway")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory_kb = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory_kb / 1e6),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "gateway": "plain Python" if relay.__file__.endswith(".py") else "compiled",
        "commit": commit.stdout.strip(),
        "load_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def run(plan: Plan, names: list[str]) -> dict[str, Table]:
    """Tables as they come; one scenario's failure does not take the others with it."""
    tables: dict[str, Table] = {}
    for name in names:
        started = time.monotonic()
        print(f"{name}: {SCENARIOS[name].__doc__}", file=sys.stderr)
        try:
            for table in SCENARIOS[name](plan):
                tables[table.key] = table
                print(table.markdown(), flush=True)
        except Exception as error:
            print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            tables[name] = Table(name, f"{name} failed: {error}", {}, notes={"failed": str(error)})
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return tables


def write(folder: Path, name: str, tables: dict[str, Table], about: dict[str, Any]) -> None:
    """`name`.json, .md and .svg."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {**about, "tables": {key: table.as_json() for key, table in tables.items()}}
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    facts = ", ".join(f"{key} {value}" for key, value in about["machine"].items())
    skipped = "".join(f"Skipped: {peer} ({reason}).\n" for peer, reason in about["skipped"].items())
    plot = chart(tables)
    parts = [f"# Comparison\n\n{facts}.\n{about['rounds']} rounds, {about['took_s']} s.\n{skipped}"]
    if plot:
        (folder / f"{name}.svg").write_text(plot)
        parts.append(f"![bars]({name}.svg)\n")
    parts += [verdicts(tables), *(table.markdown() for table in tables.values())]
    (folder / f"{name}.md").write_text("\n".join(part for part in parts if part))


def chosen(given: argparse.Namespace) -> tuple[Plan, dict[str, str]]:
    """What to run, and what is skipped for which reason."""
    wanted = [name for name in given.systems if not given.smoke or name in SMOKE_SYSTEMS]
    skipped = {name: reason for name in wanted if (reason := absent(name))}
    names = tuple(name for name in wanted if name not in skipped)
    if given.smoke:
        paces = ((50, 10, 50.0, 0.2),)
        return Plan(names, rounds=1, seconds=1, paces=paces, clients=(64,), idle=200, large=10 * MB), skipped
    paces = tuple(pace for pace in Plan.paces if pace[0] in given.streams)
    plan = Plan(names, rounds=given.rounds, seconds=given.seconds, paces=paces)
    files = raise_limits()
    if too_many := [pace for pace in plan.paces if 2 * pace[0] + 500 > files]:
        skipped["streams"] = f"{too_many[0][0]} and more: only {files} files may be open (ulimit -n)"
        plan = Plan(names, plan.rounds, plan.seconds, tuple(pace for pace in plan.paces if pace not in too_many))
    return plan, skipped


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--rounds", type=int, default=3, help="figures are medians over this many")
    counts = [pace[0] for pace in Plan.paces]
    parser.add_argument("--streams", nargs="+", type=int, choices=counts, default=counts, help="how many at once")
    parser.add_argument("--seconds", type=int, default=4, help="length of one round of whole answers; wrk takes whole ones")
    parser.add_argument("--results", type=Path, help="folder for the results: bench/results, a temporary one for --smoke")
    parser.add_argument("--name", help="of the result files: compare for a whole run, partial for any other")
    parser.add_argument("--smoke", action="store_true", help="one short round of everything, few systems")
    given = parser.parse_args()
    # Ended from outside it takes its systems along, also where a shell in the background had SIGINT ignored.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.default_int_handler)
    whole = given.scenarios == list(SCENARIOS) and given.systems == list(SYSTEMS) and given.streams == counts
    name = given.name or ("compare" if whole else "partial")
    folder = given.results or (Path(tempfile.mkdtemp(prefix="bench-")) if given.smoke else RESULTS)
    if missing := missing_tools():
        print(f"needs {', '.join(missing)} (Debian: nginx-light, wrk, util-linux)", file=sys.stderr)
        return 2
    plan, skipped = chosen(given)
    for peer, reason in skipped.items():
        print(f"skipped: {peer} ({reason})", file=sys.stderr)
    stay_beside_the_load()
    about: dict[str, Any] = {"machine": machine(), "rounds": plan.rounds, "seconds": plan.seconds, "skipped": skipped}
    started = time.monotonic()
    tables = run(plan, given.scenarios)
    about["took_s"] = round(time.monotonic() - started)
    print(verdicts(tables))
    write(folder, name, tables, about)
    print(f"written: {folder / name}.json, .md, .svg ({about['took_s']} s)", file=sys.stderr)
    return 1 if any(_ours_failed(table) for table in tables.values()) else 0


def _ours_failed(table: Table) -> bool:
    """In tables that are about ours alone, any row; a peer's failures are its own."""
    rows = table.rows.values() if table.key in ("auth", "workers") else [table.rows.get("gateway", {})]
    return not table.rows or not all(sound(row) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
