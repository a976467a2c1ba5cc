"""One command, three kinds of tables: prompts of many clients, small completions, CPU per streamed event; ours beside others.

    python bench/quick.py              about five minutes
    python bench/quick.py --smoke      under a minute: proves that it runs; its figures mean little

The quick look; bench/compare.py is the whole comparison, made of the same blocks.
"""

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import load
from compare import SMOKE_SYSTEMS, machine
from figures import Table, interleaved
from load import mix_round, streams_round, warm_up, whole_round
from peers import SYSTEMS, absent
from scenarios import MIXES
from systems import missing_tools, raise_limits, stay_beside_the_load, upstreams

CONNECTIONS = 64
INTERVAL_MS = 50.0


def run(names: list[str], rounds: int, seconds: float, streams: list[int], events: int) -> list[Table]:
    with ExitStack() as stack:
        up = stack.enter_context(upstreams())
        systems = [stack.enter_context(SYSTEMS[name](up)) for name in names]
        for system in systems:
            warm_up(system)
        tables = []
        for count in streams:
            works = {
                system.name: partial(streams_round, system, count, events, INTERVAL_MS, 0.5)
                for system in systems
                if system.most_streams >= count
            }
            title = f"{count} streams of {events} events, one per {INTERVAL_MS:g} ms (CPU per event)"
            tables.append(interleaved(f"streams-{count}", title, works, rounds, ratio_of=("cpu_us",)))
        works = {system.name: partial(whole_round, system, seconds, CONNECTIONS) for system in systems}
        title = f"Small completions, {CONNECTIONS} keep-alive connections, one core"
        small = interleaved("small", title, works, rounds, ratio_of=("rps", "cpu_us"))
        mixes = []
        for key, title, own in MIXES:
            works = {system.name: partial(mix_round, system, seconds, own=own) for system in systems if system.tokens}
            mixes.append(interleaved(key, title, works, rounds, ratio_of=("rps", "cpu_us")))
        return [*mixes, small, *tables]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="figures are medians over this many")
    parser.add_argument("--seconds", type=int, default=10, help="length of one round of whole answers")
    parser.add_argument("--streams", type=int, nargs="*", default=[200, 1000])
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--systems", nargs="*", choices=SYSTEMS, default=["direct", "nginx", "haproxy", "envoy", "gateway"])
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--smoke", action="store_true", help="one short round of everything")
    given = parser.parse_args()
    if missing := missing_tools():
        print(f"needs {', '.join(missing)} (Debian: nginx-light, wrk, util-linux)", file=sys.stderr)
        return 2
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.default_int_handler)  # so that the systems end too
    if given.smoke:
        load.CALM_LIMIT_S = 1.0  # its figures mean little, and a busy machine is not waited for
        given.rounds, given.seconds, given.streams, given.events = 1, 2, [50], 20
        given.systems = [name for name in given.systems if name in SMOKE_SYSTEMS]
    for name in [name for name in given.systems if absent(name)]:
        print(f"skipped: {name} ({absent(name)})")
        given.systems.remove(name)
    raise_limits()
    stay_beside_the_load()
    tables = run(given.systems, given.rounds, given.seconds, given.streams, given.events)
    print("\n".join(table.markdown() for table in tables))
    results = {"machine": machine(), "tables": {table.key: table.as_json() for table in tables}}
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(results, indent=2) + "\n")
    wrong = [f"{name}, {table.title}" for table in tables for name, row in table.rows.items() if row.get("failed")]
    wrong += [f"{name}: {note}" for table in tables for name, note in table.notes.items()]
    if wrong:
        print(f"failed: {'; '.join(wrong)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
