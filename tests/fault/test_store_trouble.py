"""Promise: a store that takes nothing fails no known token, loses no log row, and is written again by itself (1, 30, R-27).

AIG_LONG=1 asks more often.
"""

import contextlib
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from fakes.processes import control, until
from fakes.provider import FakeProvider
from fakes.service import Service, call

REQUESTS = 500 if os.environ.get("AIG_LONG") else 40
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


def stored(service: Service) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{service.data_dir / 'gateway.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])


def metric(service: Service, *names: str) -> float:
    """Sum over all labels of the families that are called so."""
    lines = call(service.ops_origin, "GET", "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(tuple(f"aig_{name}" for name in names)))


def waiting(service: Service) -> float:
    return metric(service, "log_records_waiting", "log_queue_records")


@pytest.mark.parametrize("trouble", [disk_full, locked])
def test_known_tokens_pass_and_the_log_is_complete_afterwards(service: Service, trouble: Trouble) -> None:
    token = service.management.create_token().value
    earlier = stored(service)
    assert ask(service, token) == 200
    until(lambda: stored(service) == earlier + 1)
    before = stored(service)
    with trouble(service):
        assert [ask(service, token) for _ in range(REQUESTS)] == [200] * REQUESTS
        until(lambda: waiting(service), "records are at the recorder, which cannot write")
        assert call(service.origin, "GET", "/readyz").status == 200
        assert stored(service) == before
    until(lambda: stored(service) == before + REQUESTS, "what waited is stored")
    assert metric(service, "log_records_dropped") == 0


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
