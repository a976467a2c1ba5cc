"""Promises: a rolling restart under load fails nothing; a killed worker takes only what was in flight on it (R-11, 27).

AIG_LONG=1 does each ten times.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from fakes.load import Load
from fakes.processes import control, until, workers
from fakes.provider import FakeProvider
from fakes.service import Service, call

pytestmark = pytest.mark.timeout(600)
TIMES = 10 if os.environ.get("AIG_LONG") else 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, shared_provider: FakeProvider) -> Iterator[Service]:
    shared_provider.reset()
    providers = {"openai": shared_provider.origin + "/v1"}
    with Service(tmp_path_factory.mktemp("restarts") / "data", providers=providers, workers=2) as running:
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


def test_a_killed_worker_takes_only_what_was_in_flight(service: Service) -> None:
    with Load(service, service.management.create_token().value) as load:
        for _ in range(TIMES):
            load.more(20)
            victim = workers(service)[0]
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: len(found := workers(service)) == 2 and victim not in found, "it is replaced")
            all_ready(service)
    print(f"{TIMES} killed workers: {dict(load.outcomes)}")
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
