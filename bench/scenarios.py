"""The seven scenarios of the comparison. Each starts its systems anew, warms them, and gives tables."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from figures import Table, interleaved, progress
from load import bodies_round, idle_round, mix_round, streams_round, warm_up, whole_round
from peers import SYSTEMS, Starter
from systems import CORES, OPEN, QUIET, System, Target, Upstreams, serving, upstreams

TOKENS = 64
CHECKING = ("nginx", "haproxy", "envoy", "litellm")
"""Peers that check a token."""
MB = 1_000_000
MIXES = (
    ("mix-shared", "Real prompts, any of 64 clients on any connection", False),
    ("mix-own", "Real prompts, 64 clients on a connection each", True),
)


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    names: tuple[str, ...]
    """The systems, all of them installed."""
    rounds: int = 3
    seconds: float = 5.0
    """of one round of whole answers"""
    paces: tuple[tuple[int, int, float, float], ...] = ((200, 40, 50.0, 0.5), (1000, 40, 50.0, 1.0), (5000, 24, 250.0, 3.0))
    """streams, events, milliseconds between them, seconds over which the streams start"""
    clients: tuple[int, ...] = (64, 512)
    idle: int = 2000
    large: int = 100 * MB


@contextmanager
def _fleet(plan: Plan, up: Upstreams, changed: Mapping[str, Starter] | None = None) -> Iterator[list[System]]:
    """The systems, running and warm; one that does not come up is left out by name."""
    starters = {**SYSTEMS, **(changed or {})}
    with ExitStack() as stack:
        systems = []
        for name in plan.names:
            progress(f"starting {name}")
            try:
                system = stack.enter_context(starters[name](up))
                warm_up(system)
            except Exception as error:  # a peer's trouble is its own
                print(f"left out: {name}: {type(error).__name__}: {error}", file=sys.stderr)
            else:
                systems.append(system)
        yield systems


def mix(plan: Plan) -> Iterator[Table]:
    """Traffic as users send it: 64 clients with a token each, four kinds of heads, own trace ids, prompts of every size."""
    with upstreams() as up, _fleet(plan, up) as systems:
        for key, title, own in MIXES:
            works = {system.name: partial(mix_round, system, plan.seconds, own=own) for system in systems if system.tokens}
            table = interleaved(key, title, works, plan.rounds, ratio_of=("rps", "cpu_us"))
            table.notes |= {system.name: "checks no token" for system in systems if not system.tokens}
            yield table


def small(plan: Plan) -> Iterator[Table]:
    """Small completions, keep-alive."""
    with upstreams() as up, _fleet(plan, up) as systems:
        for count in plan.clients:
            works = {system.name: partial(whole_round, system, plan.seconds, count) for system in systems}
            title = f"Small completions, {count} keep-alive clients"
            yield interleaved(f"small-{count}", title, works, plan.rounds, ratio_of=("rps", "cpu_us"))
        works = {
            system.name: partial(whole_round, system, plan.seconds, 64, targets=_with_request_ids(system.whole))
            for system in systems
        }
        title = "Small completions, 64 clients, another X-Request-Id each time"
        yield interleaved("small-varied", title, works, plan.rounds, ratio_of=("rps", "cpu_us"))


def _with_request_ids(target: Target) -> list[Target]:
    """Heads that all differ, so that no proxy lives on having seen one."""
    return [Target(target.url, (*target.fields, ("X-Request-Id", "req_{unique}")))]


@contextmanager
def _roomy_gateway(up: Upstreams) -> Iterator[System]:
    """Ours with room for 5,000 connections to one provider, as its peers' configurations have."""
    with serving(up, environment={"GATEWAY_LIMITS__CONNECTIONS_PER_ORIGIN": "8192"}) as ours:
        yield ours.system()


def streams(plan: Plan) -> Iterator[Table]:
    """Event streams, all open at once; fewest first, because memory is compared with what a system had before them."""
    with upstreams() as up, _fleet(plan, up, {"gateway": _roomy_gateway}) as systems:
        for count, events, interval_ms, spread_s in plan.paces:
            works = {
                system.name: partial(streams_round, system, count, events, interval_ms, spread_s)
                for system in systems
                if system.most_streams >= count
            }
            title = f"{count:,} event streams, {1000 / interval_ms:g} events/s each (CPU per event)"
            table = interleaved(f"streams-{count}", title, works, plan.rounds, ratio_of=("cpu_us",))
            table.notes |= {one.name: _why_not(one) for one in systems if one.most_streams < count}
            yield table


def _why_not(system: System) -> str:
    return "not asked for so many" if system.most_streams else "its streams fail"


def bodies(plan: Plan) -> Iterator[Table]:
    """Large bodies; memory growth is over the state after a warm-up of small requests."""
    kinds = [("up", MB, 50, 4), ("up", plan.large, 2, 1), ("down", plan.large, 2, 1)]
    with upstreams() as up, _fleet(plan, up) as systems:
        provider = Target(f"{up.paced}/v1/chat/completions")
        bodies_round(System("provider", provider, provider), "down", plan.large, 1, 1)  # it makes its answer once
        for mode, size, times, connections in kinds:
            works = {
                system.name: partial(bodies_round, system, mode, size, times, connections)
                for system in systems
                if system.largest_body >= size
            }
            title = f"Bodies of {size // MB} MB {mode}, {connections} at a time"
            table = interleaved(f"{mode}-{size // MB}mb", title, works, plan.rounds, ratio_of=("mb_s", "cpu_us_mb"))
            table.notes |= {one.name: "not asked for so much" for one in systems if one.largest_body < size}
            yield table


def connections(plan: Plan) -> Iterator[Table]:
    """Idle connections first: their memory is compared with that after the warm-up."""
    with upstreams() as up, _fleet(plan, up) as systems:
        idle = {system.name: partial(idle_round, system, plan.idle) for system in systems if system.pids}
        yield interleaved("idle", f"{plan.idle:,} idle keep-alive connections", idle, plan.rounds, ratio_of=("kb_each",))
        new = {system.name: partial(whole_round, system, plan.seconds, 64, close=True) for system in systems}
        title = "A new connection for each small completion, 64 clients"
        yield interleaved("new", title, new, plan.rounds, ratio_of=("rps", "cpu_us"))


def authentication(plan: Plan) -> Iterator[Table]:
    """What the check costs by what the edge knows of the token, and refusals beside those of other proxies."""
    peers = Plan(names=tuple(name for name in plan.names if name in CHECKING))
    one_entry = {"GATEWAY_TOKEN_CACHE__POSITIVE_ENTRIES": "1"}
    with upstreams() as up, serving(up) as ours, serving(up, environment=one_entry) as forgetful, _fleet(peers, up) as others:
        hit, missing = ours.system(), forgetful.system()
        for system in (hit, missing):
            warm_up(system)
        run: Callable[..., object] = partial(whole_round, seconds=plan.seconds, connections=64)
        off, unknown = ours.system(gateway_id=OPEN), ours.system(token=_never_stored())
        works = {
            "hit": partial(run, hit),
            "off": partial(run, off),
            f"hit, {TOKENS} tokens in turn": partial(run, hit, targets=_each_of(ours)),
            f"miss, {TOKENS} tokens in turn": partial(run, missing, targets=_each_of(forgetful)),
            "negative (unknown token), 401": partial(run, unknown, refused=True),
            "wrong shape, 401": partial(run, hit, targets=[hit.refused], refused=True),
        }
        title = "Authentication by what the edge knows of the token, 64 clients"
        yield interleaved("auth", title, works, plan.rounds, ratio_of=("rps", "cpu_us"), yardstick="off")
        refusing = [system for system in (*others, hit) if system.refused]
        works = {system.name: partial(run, system, targets=[system.refused], refused=True) for system in refusing}
        title = "Refusing a token of the wrong shape, 64 clients"
        yield interleaved("refused", title, works, plan.rounds, ratio_of=("rps", "cpu_us"))


def _never_stored() -> str:
    from gateway.model.tokens import mint_token

    return mint_token()


def _each_of(ours) -> list[Target]:  # type: ignore[no-untyped-def]
    return [ours.system(token=ours.new_token()).whole for _ in range(TOKENS)]


def workers(plan: Plan) -> Iterator[Table]:
    """Ours over workers, and without its request log. Worker n has core n: with two cores the second is the load's too."""
    with upstreams() as up, serving(up) as one, serving(up, workers=2) as two:
        systems = {
            "1 worker": one.system(),
            "1 worker, log off": one.system(gateway_id=QUIET),
            "2 workers": two.system(),
        }
        for system in systems.values():
            warm_up(system)
        works = {name: partial(_per_core, system, plan.seconds) for name, system in systems.items()}
        title, measures = "Workers and the request log, 128 clients", ("rps", "per_core_s")
        table = interleaved("workers", title, works, plan.rounds, ratio_of=measures, yardstick="1 worker")
        if len(CORES) < 4:
            table.notes["2 workers"] = (
                f"{len(CORES)} cores: the second worker shares its core with load generator and upstream, so requests/s say "
                "little; requests per second of edge CPU say whether a worker costs the other anything"
            )
        yield table


def _per_core(system: System, seconds: float) -> dict[str, float]:
    figures = whole_round(system, seconds, 128)
    return {**figures, "per_core_s": round(1e6 / figures["cpu_us"], 1)}


SCENARIOS: dict[str, Callable[[Plan], Iterator[Table]]] = {
    "mix": mix,
    "small": small,
    "streams": streams,
    "bodies": bodies,
    "connections": connections,
    "auth": authentication,
    "workers": workers,
}
