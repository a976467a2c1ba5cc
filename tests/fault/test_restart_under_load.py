"""Promises: a rolling restart under load fails nothing, a refused one neither; a killed worker takes only what was in flight
on it (R-11, R-39, 27).

AIG_LONG=1 does each ten times.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from fakes.exposition import gauge
from fakes.load import Load
from fakes.processes import children, control, until, workers
from fakes.provider import FakeProvider
from fakes.service import Service, call

pytestmark = pytest.mark.timeout(600)
TIMES = 10 if os.environ.get("AIG_LONG") else 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, shared_provider: FakeProvider) -> Iterator[Service]:
    shared_provider.reset()
    providers = {"openai": shared_provider.origin + "/v1"}
    folder = tmp_path_factory.mktemp("restarts")
    config = folder / "gateway.toml"
    config.write_text("")
    with Service(folder / "data", providers=providers, workers=2, arguments=["--config", str(config)]) as running:
        until(lambda: "gateway ready on" in running.log_tail(), "all workers are ready")
        yield running


def all_ready(service: Service) -> None:
    def ready() -> bool:
        try:
            return call(service.ops_origin, "GET", "/readyz", timeout_s=5).status == 200
        except OSError:
            return False

    until(ready, f"control sees its edges:\n{service.log_tail()}", 120.0)


def test_rolling_restarts_under_load_fail_nothing(service: Service) -> None:
    assert service.process is not None
    with Load(service, service.management.create_token().value) as load:
        for number in range(TIMES):
            before = workers(service)
            service.process.send_signal(signal.SIGHUP)
            until(lambda number=number: service.log_path.read_text().count("reloaded: 2 workers") == number + 1)
            load.more(20)
            until(lambda before=before: not set(before) & set(workers(service)), "the old workers have drained")
    print(f"{TIMES} rolling restarts: {dict(load.outcomes)}")
    assert load.failed == 0, load.outcomes


def test_refused_reloads_under_load_fail_nothing(service: Service) -> None:
    assert service.process is not None
    before, config = children(service), service.data_dir.parent / "gateway.toml"
    with Load(service, service.management.create_token().value) as load:
        for number in range(TIMES):
            config.write_text(("[server", "[server]\nworker = 1\n", "[timeouts]\nidle_s = -1\n")[number % 3])
            service.process.send_signal(signal.SIGHUP)
            until(lambda number=number: service.log_path.read_text().count("reload refused") == number + 1)
            load.more(20)
    config.write_text("")
    print(f"{TIMES} refused reloads: {dict(load.outcomes)}")
    assert load.failed == 0, load.outcomes
    assert children(service) == before


def test_a_killed_worker_takes_only_what_was_in_flight(service: Service) -> None:
    ready_s = []
    with Load(service, service.management.create_token().value) as load:
        for _ in range(TIMES):
            load.more(20)
            victim = workers(service)[0]
            os.kill(victim, signal.SIGKILL)
            killed_at = time.monotonic()
            until(lambda victim=victim: len(found := workers(service)) == 2 and victim not in found, "it is replaced")
            until(lambda: gauge(service, 'aig_edges{state="ready"}') == 2, "and its replacement serves")
            ready_s.append(time.monotonic() - killed_at)
    print(f"{TIMES} killed workers: {dict(load.outcomes)}; ready again after {sorted(ready_s)[TIMES // 2]:.2f} s")
    assert load.outcomes["refused"] == 0
    assert set(load.outcomes) <= {"ok", "cut"}, load.outcomes
    assert load.outcomes["cut"] <= TIMES * load.clients, "at most what was in flight"


def test_a_killed_control_fails_no_known_token(service: Service) -> None:
    token = service.management.create_token().value
    outcomes: Counter[str] = Counter()
    for _ in range(TIMES):
        # Who waits for the replacement does so without load: on a busy machine its start is long enough.
        with Load(service, token) as load:
            load.more(20)
            (victim,) = control(service)
            os.kill(victim, signal.SIGKILL)
            load.more(50)
        outcomes += load.outcomes
        assert load.failed == 0, load.outcomes
        until(lambda victim=victim: (found := control(service)) and victim not in found, "it is replaced")
        all_ready(service)
    print(f"{TIMES} kills of control: {dict(outcomes)}")
