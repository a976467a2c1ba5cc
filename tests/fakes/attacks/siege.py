"""The service under attack, with canaries in it: sets all up, measures before, during and after, and says what is wrong."""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fakes.attacks.ground import HIDDEN, STORED, Ground
from fakes.canary import Canary
from fakes.exposition import gauge, scrape, total
from fakes.processes import control, memory_kb, until, workers
from fakes.provider import FakeProvider, provider_in_thread
from fakes.service import RUN, Service, Token, call

CREW = Path(__file__).parent / "crew.py"
WORKERS = 2
FORGET_S = 1.0
REST_S = 90.0
"""How long after the last attack everything may take to be as before: twice the longest wait for who sends nothing more."""


@dataclass(frozen=True)
class Budget:
    """What may be more after an attack than before it."""

    worker_mb: int = 160
    control_mb: int = 128
    descriptors: int = 64
    """Of one process: connections to providers that wait for the next request."""
    disk_mb: int = 64
    disk_row_bytes: int = 3_000
    """For each row of the log on top, with its share of the indexes; twice the bytes of logged bodies too."""
    times: int = 60
    """A canary's request takes at most so many times what it took in the calm, on a machine as slow as now."""


@dataclass(frozen=True)
class Plan:
    seed: int
    calm_s: float
    seconds: float
    scale: float = 1.0
    """Of the floods."""
    attackers: int = 8
    """Attacks at once."""
    attacks: int = 1_000_000
    """At most so many."""
    only: str = ""
    """Attacks whose names hold this."""


@dataclass(frozen=True)
class Measure:
    worker_kb: list[int]
    control_kb: int
    descriptors: dict[str, int]
    disk_bytes: int
    rows: float
    body_bytes: float


@dataclass
class Report:
    seed: int
    calm: Canary
    besieged: Canary
    outcomes: dict[str, dict[str, int]]
    before: Measure
    after: Measure
    highest_mb: dict[str, int]
    rows: int
    findings: list[str] = field(default_factory=list)

    def told(self) -> Iterator[str]:
        yield f"seed {self.seed}: {sum(sum(kind.values()) for kind in self.outcomes.values())} attacks"
        for name, outcomes in self.outcomes.items():
            counted = ", ".join(f"{outcome} × {count}" for outcome, count in sorted(outcomes.items()))
            yield f"  {name}: {counted or 'not tried'}"
        yield "canaries, in the calm → under attack"
        for name in ("known", "newcomers", "revocations", "yardstick"):
            yield f"  {name} {getattr(self.calm, name)} → {getattr(self.besieged, name)}"
        yield f"  {self.calm.answered + self.besieged.answered} answered, {self.rows} rows"
        before, after = self.before, self.after
        yield "before → after (highest)"
        for name, was, now in (
            ("workers", f"{[kb >> 10 for kb in before.worker_kb]} MB", f"{[kb >> 10 for kb in after.worker_kb]} MB"),
            ("control", f"{before.control_kb >> 10} MB", f"{after.control_kb >> 10} MB"),
            ("disk", f"{before.disk_bytes >> 20} MB", f"{after.disk_bytes >> 20} MB with {after.rows:.0f} rows"),
            ("descriptors", f"{before.descriptors}", f"{after.descriptors}"),
        ):
            yield f"  {name}: {was} → {now}" + (f" ({self.highest_mb[name]} MB)" if name in self.highest_mb else "")
        yield from (f"FOUND: {finding}" for finding in self.findings)


class Siege:
    def __init__(self, folder: Path, plan: Plan) -> None:
        """`folder` is empty."""
        self._folder, self._plan = folder, plan
        self._highest: dict[str, int] = {"workers": 0, "control": 0}
        self.budget = Budget()

    def lay(self) -> Report:
        """All of it; ends by itself."""
        with contextlib.ExitStack() as stack:
            crew = stack.enter_context(_crew())
            good = stack.enter_context(provider_in_thread())
            service = stack.enter_context(Service(self._folder / "data", workers=WORKERS, **_settings(good, crew.ports)))
            ground, token = self._prepare(service, crew.ports)
            pids = sorted([*workers(service), *control(service)])
            with Canary(service, token, "canary", good.origin) as calm:
                self._wait(service, good, self._plan.calm_s)
            before = measure(service)
            with Canary(service, token, "canary", good.origin) as besieged:
                crew.begin({**asdict(self._plan), "ground": asdict(ground)})
                while not crew.done:
                    self._wait(service, good, FORGET_S)
                told = crew.told()
            findings = [*told["findings"], *calm.failures, *besieged.failures, *self._late(calm, besieged)]
            if sorted([*workers(service), *control(service)]) != pids:
                findings.append("a process was replaced")
            findings += self._at_rest(service, before)
            rows = _rows(service, calm.answered + besieged.answered)
            if not 0 <= rows - calm.answered - besieged.answered <= calm.races + besieged.races:
                findings.append(f"{calm.answered + besieged.answered} canary requests, {rows} rows")
            findings += _leaks(service, ground, token)
            return Report(
                self._plan.seed, calm, besieged, told["outcomes"], before, measure(service), self._highest, rows, findings
            )  # fmt: skip

    def _prepare(self, service: Service, ports: dict[str, Any]) -> tuple[Ground, Token]:
        management = service.management
        management.create_gateway("canary")
        management.create_gateway("closed")
        management.create_gateway("open", authentication=False)
        body = {"name": "bad", "slug": "bad", "base_url": f"http://127.0.0.1:{ports['bad']}", "enable": True}
        management.call("POST", "/ai-gateway/custom-providers", body)
        conditioned = {"condition": {"request_ip": {"in": ["127.0.0.1/32"]}}}
        ground = Ground(
            host="127.0.0.1",
            port=int(service.origin.rpartition(":")[2]),
            account=service.account,
            closed_gateway="closed",
            open_gateway="open",
            custom="custom-bad",
            bad_host=f"127.0.0.1:{ports['bad']}",
            trap=f"127.0.0.1:{ports['trap']}",
            inside=f"127.0.0.1:{ports['inside']}",
            admin=management.token,
            run=management.create_token("attacked-run").value,
            read=management.create_token("attacked-read", permissions=["AI Gateway Read"]).value,
            token_admin=management.create_token(
                "attacked-tokens", permissions=[RUN, "Account API Tokens Read", "Account API Tokens Write"], **conditioned
            ).value,
            write=management.create_token("attacked-write", permissions=["AI Gateway Read", "AI Gateway Write"]).value,
            groups={group["name"]: group["id"] for group in management.call("GET", "/tokens/permission_groups")},
            scale=self._plan.scale,
        )
        return ground, management.create_token("canary")

    def _wait(self, service: Service, good: FakeProvider, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(min(FORGET_S, max(0.0, ends - time.monotonic())))
            good.requests.clear()
            good.connections[:] = [connection for connection in good.connections if not connection.closed]
            for name, pids in (("workers", workers(service)), ("control", control(service))):
                with contextlib.suppress(OSError, IndexError):
                    self._highest[name] = max(self._highest[name], *(memory_kb(pid) >> 10 for pid in pids), 0)

    def _late(self, calm: Canary, besieged: Canary) -> Iterator[str]:
        """The ninety-ninth of a hundred, and the longest: relative to the calm, on a machine that may have become slower."""
        for share in (0.99, 1.0):
            slower = max(1.0, besieged.yardstick.share(share) / (calm.yardstick.share(share) or 1.0))
            for name in ("known", "newcomers", "revocations"):
                was, now = getattr(calm, name).share(share), getattr(besieged, name).share(share)
                if not was or not now:
                    yield f"no {name} were served"
                elif now > was * slower * self.budget.times:
                    yield f"{name}: {now:.2f} s instead of {was:.3f} s, on a machine {slower:.1f} times as slow"

    def _at_rest(self, service: Service, before: Measure) -> list[str]:
        """What is still not as before when everything had time to end."""
        found: list[str] = []

        def settled() -> bool:
            found[:] = self._excess(service, before)
            return not found

        with contextlib.suppress(AssertionError):
            until(settled, deadline_s=REST_S)
        return found

    def _excess(self, service: Service, before: Measure) -> list[str]:
        now, budget = measure(service), self.budget
        found = [
            f"a worker holds {kb >> 10} MB, {was >> 10} MB before"
            for was, kb in zip(before.worker_kb, now.worker_kb, strict=False)
            if kb - was > budget.worker_mb << 10
        ]
        if now.control_kb - before.control_kb > budget.control_mb << 10:
            found.append(f"control holds {now.control_kb >> 10} MB, {before.control_kb >> 10} MB before")
        for name, count in now.descriptors.items():
            if count - before.descriptors.get(name, 0) > budget.descriptors:
                found.append(f"{name} has {count} descriptors, {before.descriptors.get(name)} before")
        rows, bodies = now.rows - before.rows, now.body_bytes - before.body_bytes
        allowed = (budget.disk_mb << 20) + budget.disk_row_bytes * rows + 2 * bodies
        if now.disk_bytes - before.disk_bytes > allowed:
            found.append(f"{now.disk_bytes - before.disk_bytes >> 20} MB more on disk for {rows:.0f} rows")
        if gauge(service, "aig_client_connections") > WORKERS:
            found.append(f"{gauge(service, 'aig_client_connections'):.0f} connections of clients")
        ready = call(service.ops_origin, "GET", "/readyz")
        if ready.status != 200 or ready.json()["status"] != "ok":
            found.append(f"readiness: {ready.status} {ready.body[:300]!r}")
        return found


class _Crew:
    """The attackers' process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        assert process.stdout is not None
        self.ports: dict[str, Any] = json.loads(process.stdout.readline())

    def begin(self, orders: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()

    @property
    def done(self) -> bool:
        return self._process.poll() is not None

    def told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told = self._process.stdout.read()
        assert self._process.returncode == 0, "the attackers failed themselves"
        return dict(json.loads(told))


@contextlib.contextmanager
def _crew() -> Iterator[_Crew]:
    process = subprocess.Popen([sys.executable, str(CREW)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield _Crew(process)
        finally:
            process.kill()


def _settings(good: FakeProvider, ports: dict[str, Any]) -> dict[str, Any]:
    providers = {"openai": good.origin + "/v1", "groq": f"http://127.0.0.1:{ports['bad']}"}
    providers |= {slug: f"https://127.0.0.1:{port}" for slug, port in ports["greeters"].items()}
    environment = {
        "GATEWAY_UPSTREAM__ALLOW_PRIVATE_CUSTOM": "true",
        # How long a machine that others use takes is none of this: what is late shows in the canaries' times.
        "GATEWAY_TOKEN_CACHE__ASK_TIMEOUT_S": "20",
    }
    return {"providers": providers, "environment": environment}


def measure(service: Service) -> Measure:
    of_workers, (of_control, *_) = workers(service), control(service)
    named = {f"worker {number}": pid for number, pid in enumerate(sorted(of_workers))} | {"control": of_control}
    seen = scrape(service)
    return Measure(
        worker_kb=[memory_kb(pid) for pid in sorted(of_workers)],
        control_kb=memory_kb(of_control),
        descriptors={name: len(list(Path(f"/proc/{pid}/fd").iterdir())) for name, pid in named.items()},
        disk_bytes=sum(path.stat().st_size for path in service.data_dir.rglob("*") if path.is_file()),
        rows=total(seen, "aig_log_records_written_total"),
        body_bytes=total(seen, "aig_body_bytes_total"),
    )


def _rows(service: Service, wanted: int) -> int:
    """The canaries' rows of the log, when they had time to arrive."""

    def counted() -> int:
        path = f"/client/v4/accounts/{service.account}/ai-gateway/gateways/canary/logs?per_page=1"
        answer = call(service.origin, "GET", path, headers={"Authorization": f"Bearer {service.management.token}"})
        return int(answer.json()["result_info"]["total_count"])

    with contextlib.suppress(AssertionError):
        until(lambda: counted() >= wanted)
    return counted()


def _leaks(service: Service, ground: Ground, token: Token) -> Iterator[str]:
    """Secrets in the service's log, and lines that tell of a fault of ours."""
    log = service.log_path.read_text(errors="replace")
    secrets = {
        "the first token": ground.admin,
        "the canary's token": token.value,
        "a token": ground.run,
        "a reader's token": ground.read,
        "a token administrator's token": ground.token_admin,
        "a writer's token": ground.write,
        "a hidden header": HIDDEN,
        "a stored key": STORED,
        "a client's key": "sk-stranger",
        "a client's own key": "sk-own",
        "a client's provider key": "provider-key",
    }
    yield from (f"{name} is in the service's log" for name, secret in secrets.items() if secret in log)
    if re.search(r"agw_[0-9A-Za-z]{49}", log.replace(ground.admin, "")):
        yield "a token is in the service's log"
    if "Traceback" in log:
        at = log.index("Traceback")
        yield f"a traceback is in the service's log: {log[max(0, at - 300) : at + 1500]}"
