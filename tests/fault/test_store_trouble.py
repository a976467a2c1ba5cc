"""Promise: a store that takes nothing, or is gone, fails no known token, loses no log row while the queue has room and counts
those that it has not, and is used again by itself (1, 3, 30, R-04, R-27).

AIG_LONG=1 asks for a minute: thousands of requests a second, more than the queue holds.
"""

import contextlib
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from fakes.processes import control, until
from fakes.provider import FakeProvider
from fakes.service import Service, call

LONG = bool(os.environ.get("AIG_LONG"))
REQUESTS = 500 if LONG else 40
TROUBLE_S = 60.0 if LONG else 0.0
Trouble = Callable[[Service], AbstractContextManager[None]]


@contextlib.contextmanager
def disk_full(service: Service) -> Iterator[None]:
    """Control can write no further byte to any file, as on a full or read-only disk."""
    (pid,) = control(service)
    usual = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # where the trouble was to outlive it
            resource.prlimit(pid, resource.RLIMIT_FSIZE, usual)


@contextlib.contextmanager
def locked(service: Service) -> Iterator[None]:
    """Somebody else's transaction holds the database."""
    connection = sqlite3.connect(service.data_dir / "gateway.db", isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


@contextlib.contextmanager
def gone(service: Service) -> Iterator[None]:
    """The database is not there any more, and control, which still had it open, starts anew and finds something else."""
    database, away = service.data_dir / "gateway.db", service.data_dir / "away"
    away.mkdir()
    (victim,) = control(service)
    os.kill(victim, signal.SIGSTOP)  # so that nothing is written between the two
    os.kill(victim, signal.SIGKILL)
    files = [file for suffix in ("", "-wal", "-shm") if (file := database.with_name(database.name + suffix)).exists()]
    for file in files:
        file.rename(away / file.name)
    database.mkdir()
    try:
        until(lambda: (found := control(service)) and victim not in found, "control is back, without a store")
        yield
    finally:
        database.rmdir()
        for file in files:
            (away / file.name).rename(file)
        away.rmdir()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, shared_provider: FakeProvider) -> Iterator[Service]:
    shared_provider.reset()
    providers = {"openai": shared_provider.origin + "/v1"}
    with Service(tmp_path_factory.mktemp("store") / "data", providers=providers, workers=1) as running:
        yield running


def ask(service: Service, token: str) -> int:
    headers = {"cf-aig-authorization": f"Bearer {token}", "Authorization": "Bearer key"}
    path = f"/v1/{service.account}/default/openai/chat/completions"
    return call(service.origin, "POST", path, headers=headers, body={"model": "m"}, timeout_s=60).status


def keep_asking(service: Service, token: str) -> int:
    """As a known client, for as long as the trouble is to last; how often it was, each time with success."""
    count, end = 0, time.monotonic() + TROUBLE_S
    while count < REQUESTS or time.monotonic() < end:
        assert ask(service, token) == 200
        count += 1
    return count


def stored(service: Service) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{service.data_dir / 'gateway.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])


def accounted(service: Service, expected: int) -> bool:
    """Whether each of so many rows is stored, or counted as dropped; nothing is dropped for want of room by a few requests."""
    assert LONG or not dropped(service)
    return stored(service) + dropped(service) == expected


def dropped(service: Service) -> int:
    return int(metric(service, "log_records_dropped"))


def metric(service: Service, *names: str) -> float:
    """Sum over all labels of the families that are called so."""
    lines = call(service.ops_origin, "GET", "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(tuple(f"aig_{name}" for name in names)))


def waiting(service: Service) -> float:
    return metric(service, "log_records_waiting", "log_queue_records")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", [disk_full, locked])
def test_known_tokens_pass_and_the_log_is_complete_afterwards(service: Service, trouble: Trouble) -> None:
    token = service.management.create_token().value
    earlier = stored(service)
    assert ask(service, token) == 200
    until(lambda: stored(service) == earlier + 1)
    before = stored(service) + dropped(service)
    with trouble(service):
        asked = keep_asking(service, token)
        until(lambda: waiting(service), "records are at the recorder, which cannot write")
        assert call(service.origin, "GET", "/readyz").status == 200
        assert stored(service) == earlier + 1
    until(lambda: accounted(service, before + asked), "what waited is stored")
    print(f"{trouble.__name__}: {asked} requests, none failed, {dropped(service)} rows in all found the queue full")


@pytest.mark.parametrize("trouble", [disk_full, locked])
def test_a_change_that_cannot_be_stored_is_told_as_503(service: Service, trouble: Trouble) -> None:
    management = service.management
    with trouble(service):
        answer = call(
            service.origin,
            "POST",
            f"/client/v4/accounts/{service.account}/tokens",
            headers={"Authorization": f"Bearer {management.token}"},
            body={
                "name": "x",
                "policies": [
                    {
                        "effect": "allow",
                        "permission_groups": [{"name": "AI Gateway Run"}],
                        "resources": {f"com.cloudflare.api.account.{service.account}": "*"},
                    }
                ],
            },
            timeout_s=60,
        )
        assert answer.status == 503, answer.body
        assert answer.headers["retry-after"]
        assert not answer.json()["success"]
    assert management.create_token().value


@pytest.mark.timeout(300)
def test_a_store_that_is_gone_fails_no_known_token(start_service: Callable[..., Service], upstream: FakeProvider) -> None:
    service = start_service(providers={"openai": upstream.origin + "/v1"}, workers=1)  # its counters begin with its processes
    management = service.management
    token, unseen = management.create_token().value, management.create_token().value
    earlier = stored(service)
    assert ask(service, token) == 200
    until(lambda: stored(service) == earlier + 1)
    before = stored(service)
    with gone(service):
        asked = keep_asking(service, token)
        assert ask(service, unseen) == 503, "it may well be good: not 401"
        assert call(service.origin, "GET", "/readyz").status == 200
    until(lambda: ask(service, unseen) == 200, "the store is used again, without a restart")
    assert ask(service, token) == 200
    until(lambda: accounted(service, before + asked + 2), "what waited is stored")
    print(f"gone: {asked} requests, none failed, {dropped(service)} rows in all found the queue full")


@pytest.mark.parametrize("trouble", [disk_full, locked])
def test_a_stop_does_not_wait_for_a_store_that_takes_nothing(
    start_service: Callable[..., Service], upstream: FakeProvider, trouble: Trouble
) -> None:
    service = start_service(workers=1, providers={"openai": upstream.origin + "/v1"})
    token = service.management.create_token().value
    assert ask(service, token) == 200
    with trouble(service):
        assert ask(service, token) == 200
        until(lambda: waiting(service), "a record waits for the store")
        service.stop()
        assert control(service) == []
